"""Decisions as rows: stored whole before anyone acts on them, and moved on by transitions alone."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import GreaterThan
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from audit_trail.decisions.drafts import LONGEST_NAME, LONGEST_VERSION, TradedAccount
from audit_trail.decisions.failures import FailureKind
from trading.fields import ExactDecimalField, Magnitude
from trading.values.sides import Side


class Status(models.TextChoices):
    """How far a decision has come."""

    PENDING = "pending", "pending"
    """Stored, and nobody has acted on it."""

    SUBMITTED = "submitted", "submitted"
    """Its order was sent, or is being sent. That is no failure and no success."""

    UNKNOWN = "unknown", "unknown"
    """Its order was sent, and what became of it is not known yet; it is asked for."""

    EXECUTED = "executed", "executed"
    PARTIALLY_EXECUTED = "partially_executed", "partially executed"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


ENDS = (Status.EXECUTED, Status.PARTIALLY_EXECUTED, Status.FAILED, Status.CANCELLED)
UNDER_WAY = (Status.SUBMITTED, Status.UNKNOWN)


def _above_zero(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        # Holds where there is no number too.
        condition=GreaterThan(Magnitude(F(name)), 0),
        name=f"trade_decisions_{name}_above_zero",
    )


class TradeDecision(ConcurrentTransitionMixin, models.Model):
    """What a strategy would trade in a symbol on a day, why, and what became of it."""

    id = models.BigAutoField(primary_key=True)
    decision_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)

    # Who decided, for which account, and for when.
    strategy_name = models.CharField(max_length=LONGEST_NAME)
    strategy_version = models.CharField(max_length=LONGEST_VERSION)
    broker = models.CharField(max_length=20)
    account_number = models.CharField(max_length=40)
    trading_mode = models.CharField(max_length=5, choices=[("paper", "paper"), ("live", "live")])
    trading_day = models.DateField(help_text="by the market's clock; it is never executed on another day")

    # What.
    symbol = models.CharField(max_length=32)
    side = models.CharField(max_length=4, choices=[(s.value, s.value) for s in Side])
    shares = ExactDecimalField(null=True, help_text="empty where it is for dollars, or for all that is held")
    notional_usd = ExactDecimalField(null=True)
    closes_position = models.BooleanField(default=False)
    may_short = models.BooleanField(default=False, help_text="a sale may go beyond what is held")
    limit_price_usd = ExactDecimalField(null=True, help_text="empty: a market order")
    reference_price_usd = ExactDecimalField(null=True, help_text="at which it was decided on")

    # Why.
    signal_strength = ExactDecimalField()
    strength_order = models.BigIntegerField(help_text="the strength in millionths: the database can order by it")
    trigger_event = models.TextField()
    decision_rationale = models.TextField(help_text="as JSON, amounts as text")
    known_at = models.DateTimeField(help_text="when we knew the newest of what it rests on")
    decided_at = models.DateTimeField()

    # What became of it.
    status = FSMField(max_length=20, choices=Status.choices, default=Status.PENDING, protected=True)
    submitted_at = models.DateTimeField(null=True)
    executed_at = models.DateTimeField(null=True, help_text="when its order ended with something filled")
    failed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=150, null=True)
    failure_kind = models.CharField(max_length=30, null=True, help_text="one of a few, see failures")
    reason = models.TextField(null=True, help_text="why it failed, was cancelled or is unknown")

    # What stood or stands in the way of its being placed.
    blocked_by = models.CharField(max_length=30, null=True, help_text="a rule of the risk gate, or broker")
    blocked_reason = models.TextField(null=True)
    blocked_figures = models.TextField(null=True, help_text="JSON, what the rule looked at")
    blocked_at = models.DateTimeField(null=True, help_text="the last time")

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        executions: "models.Manager[Any]"
        records: "models.Manager[Any]"
        runs: "models.Manager[Any]"

    class Meta:
        db_table = "trade_decisions"
        verbose_name = "decision"
        indexes = [
            models.Index(fields=["status", "decided_at"], name="trade_decisions_status"),
            models.Index(fields=["decided_at", "id"], name="trade_decisions_decided"),
            models.Index(fields=["strategy_name", "decided_at"], name="trade_decisions_strategy"),
            models.Index(fields=["symbol", "decided_at"], name="trade_decisions_symbol"),
            models.Index(fields=["-strength_order", "id"], name="trade_decisions_strength"),
            # What is to be executed, strongest first.
            models.Index(
                fields=["trading_day", "-strength_order", "id"],
                condition=Q(status=Status.PENDING),
                name="trade_decisions_pending",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy_name", "trading_day", "symbol", "broker", "account_number"],
                name="trade_decisions_once",
            ),
            models.CheckConstraint(
                condition=(
                    Q(shares__isnull=False, notional_usd=None, closes_position=False)
                    | Q(shares=None, notional_usd__isnull=False, closes_position=False)
                    | Q(shares=None, notional_usd=None, closes_position=True, side=Side.SELL.value)
                ),
                name="trade_decisions_one_amount",
            ),
            _above_zero("shares"),
            _above_zero("notional_usd"),
            _above_zero("limit_price_usd"),
            models.CheckConstraint(condition=Q(side__in=[s.value for s in Side]), name="trade_decisions_side"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="trade_decisions_status_known"),
            models.CheckConstraint(
                condition=~Q(decision_rationale="") & ~Q(decision_rationale="{}") & ~Q(trigger_event=""),
                name="trade_decisions_says_why",
            ),
            models.CheckConstraint(
                condition=Q(known_at__lte=F("decided_at")), name="trade_decisions_knew_before_deciding"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.FAILED) | Q(failure_kind__isnull=False, reason__isnull=False),
                name="trade_decisions_failed_for_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.CANCELLED) | Q(cancelled_by__isnull=False, reason__isnull=False),
                name="trade_decisions_cancelled_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_name} {self.side} {self.symbol} on {self.trading_day}"

    @property
    def order_type(self) -> str:
        return "market" if self.limit_price_usd is None else "limit"

    @property
    def account(self) -> TradedAccount:
        return TradedAccount(self.broker, self.account_number, self.trading_mode == "paper")

    @property
    def has_ended(self) -> bool:
        return self.status in ENDS

    # Transitions. Each sets its own time; the caller saves, inside one transaction, having locked the row.

    @transition(field=status, source=Status.PENDING, target=Status.SUBMITTED)
    def submit(self, *, at: datetime) -> None:
        """Its order is about to be sent."""
        self.submitted_at, self.reason = at, None
        self.blocked_by = self.blocked_reason = self.blocked_figures = self.blocked_at = None

    @transition(field=status, source=Status.SUBMITTED, target=Status.PENDING)
    def take_back(self) -> None:
        """Nothing was sent, so nobody has acted on it yet."""
        self.submitted_at = self.reason = None

    @transition(field=status, source=UNDER_WAY, target=Status.UNKNOWN)
    def lose(self, *, reason: str) -> None:
        """Its order may be at the broker, and nobody knows."""
        self.reason = reason

    @transition(field=status, source=UNDER_WAY, target=Status.SUBMITTED)
    def find(self) -> None:
        """The broker has its order."""
        self.reason = None

    @transition(field=status, source=UNDER_WAY, target=Status.EXECUTED)
    def execute(self, *, at: datetime) -> None:
        self.executed_at, self.reason = at, None

    @transition(field=status, source=UNDER_WAY, target=Status.PARTIALLY_EXECUTED)
    def execute_partly(self, *, at: datetime, reason: str) -> None:
        """Its order ended with less filled than it was for."""
        self.executed_at, self.reason = at, reason

    @transition(field=status, source=[Status.PENDING, *UNDER_WAY], target=Status.FAILED)
    def fail(self, *, at: datetime, kind: FailureKind, reason: str) -> None:
        self.failed_at, self.failure_kind, self.reason = at, kind.value, reason

    @transition(field=status, source=[Status.PENDING, *UNDER_WAY], target=Status.CANCELLED)
    def cancel(self, *, at: datetime, actor: str, reason: str) -> None:
        """Nothing was traded, because somebody said so."""
        self.cancelled_at, self.cancelled_by, self.reason = at, actor, reason

    # No transition: it stays pending.

    def block(self, *, by: str, reason: str, figures: str | None, at: datetime) -> None:
        """Note what stands in its way."""
        self.blocked_by, self.blocked_reason, self.blocked_figures, self.blocked_at = by, reason, figures, at

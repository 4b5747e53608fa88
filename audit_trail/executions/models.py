"""Executions as rows: each attempt, what was filled of it bit by bit, and what all of them hold together."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.orders import AT_THE_BROKER, OPEN, OrderState
from audit_trail.payloads.models import ApiPayload
from trading.fields import ExactDecimalField, Magnitude


class TradeExecution(ConcurrentTransitionMixin, models.Model):
    """One attempt to carry a decision out: an order under our own id, or the word that none was placed."""

    id = models.BigAutoField(primary_key=True)
    execution_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    trade_decision = models.ForeignKey(TradeDecision, on_delete=models.PROTECT, related_name="executions")
    attempt_number = models.IntegerField()
    status = FSMField(
        max_length=20,
        choices=[(s.value, s.value) for s in OrderState],
        default=OrderState.SENDING.value,
        protected=True,
    )

    # What was asked for.
    client_order_id = models.CharField(
        max_length=128, null=True, unique=True, help_text="our id of the order; empty where it was denied"
    )
    requested_shares = ExactDecimalField(
        null=True, help_text="of an order in dollars, what they were reckoned to buy; empty where it was denied"
    )
    notional_usd = ExactDecimalField(null=True, help_text="empty where the order is for shares")
    limit_price_usd = ExactDecimalField(null=True)
    placed_at = models.DateTimeField(help_text="when the intent was stored, or it was denied")

    # What the broker said.
    broker_order_id = models.CharField(max_length=128, null=True)
    filled_shares = ExactDecimalField(default=0)
    average_price_usd = ExactDecimalField(null=True, help_text="of everything filled; empty where none was told")
    submitted_at = models.DateTimeField(null=True, help_text="by the broker's clock")
    ended_at = models.DateTimeField(null=True, help_text="by the broker's clock, where it told of the end")
    reason = models.TextField(null=True, help_text="why it ended unfilled, or is unknown")
    http_status_code = models.IntegerField(null=True, help_text="of the call that sent it; empty without an answer")
    request_payload = models.ForeignKey(ApiPayload, on_delete=models.PROTECT, null=True, related_name="+")
    response_payload = models.ForeignKey(ApiPayload, on_delete=models.PROTECT, null=True, related_name="+")

    # What the risk gate said, where it said no.
    denied_by = models.CharField(max_length=30, null=True, help_text="the rule")
    denied_figures = models.TextField(null=True, help_text="JSON, what the rule looked at")

    # Who asked that it be cancelled.
    cancel_asked_by = models.CharField(max_length=150, null=True)
    cancel_reason = models.TextField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)

    # When to look again.
    sender = models.CharField(max_length=80, null=True, help_text="the process that sends it")
    not_before = models.DateTimeField(null=True, help_text="when it is asked for next; empty where it is not")
    tries = models.IntegerField(default=0, help_text="in vain, in a row")

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "trade_executions"
        verbose_name = "execution"
        indexes = [
            models.Index(fields=["status", "placed_at"], name="trade_executions_status"),
            models.Index(fields=["placed_at", "id"], name="trade_executions_placed"),
            models.Index(fields=["broker_order_id"], name="trade_executions_broker_order"),
            models.Index(fields=["http_status_code"], name="trade_executions_http_status"),
            # What is under way, and what is asked for after its end.
            models.Index(fields=["id"], condition=Q(status__in=[s.value for s in OPEN]), name="trade_executions_open"),
            models.Index(fields=["not_before"], condition=Q(not_before__isnull=False), name="trade_executions_due"),
            models.Index(fields=["ended_at"], name="trade_executions_ended"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["trade_decision", "attempt_number"], name="trade_executions_attempt_once"),
            # One live order a decision, whatever happens.
            models.UniqueConstraint(
                fields=["trade_decision"],
                condition=Q(status__in=[s.value for s in OPEN]),
                name="trade_executions_one_open",
            ),
            models.CheckConstraint(condition=Q(attempt_number__gte=1), name="trade_executions_attempt"),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in OrderState]), name="trade_executions_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status=OrderState.DENIED.value, denied_by__isnull=False, client_order_id=None)
                | (
                    ~Q(status=OrderState.DENIED.value)
                    & Q(denied_by=None, client_order_id__isnull=False, requested_shares__isnull=False)
                ),
                name="trade_executions_denied_or_placed",
            ),
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Magnitude(F("filled_shares")), 0), name="trade_executions_filled"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[s.value for s in AT_THE_BROKER]) | Q(broker_order_id__isnull=False),
                name="trade_executions_at_the_broker",
            ),
            # Filled is what the broker said, with how much: never what was asked for.
            models.CheckConstraint(
                condition=~Q(status__in=[OrderState.FILLED.value, OrderState.PARTIALLY_FILLED.value])
                | Q(GreaterThan(Magnitude(F("filled_shares")), 0)),
                name="trade_executions_filled_by_evidence",
            ),
        ]

    def __str__(self) -> str:
        return self.client_order_id or f"denied by {self.denied_by}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    # Transitions. The caller has locked the row, sets what came with it, and saves.

    @transition(field=status, source=OPEN, target=OrderState.SUBMITTED.value)
    def accept(self) -> None:
        """The broker has it."""

    @transition(field=status, source=OPEN, target=OrderState.PARTIALLY_FILLED.value)
    def fill_partly(self) -> None:
        """Something is filled, and the rest is open."""

    @transition(field=status, source=OPEN, target=OrderState.FILLED.value)
    def fill(self) -> None:
        """All of it is filled."""

    @transition(field=status, source=OPEN, target=OrderState.CANCELLED.value)
    def cancel(self) -> None:
        """It ended before all was filled; what was filled by then stays filled."""

    @transition(field=status, source=OPEN, target=OrderState.EXPIRED.value)
    def expire(self) -> None:
        """Its day ended before all was filled."""

    @transition(field=status, source=OPEN, target=OrderState.REJECTED.value)
    def reject(self) -> None:
        """The broker said no, before or after it took it."""

    @transition(
        field=status, source=[OrderState.SENDING.value, OrderState.UNKNOWN.value], target=OrderState.FAILED.value
    )
    def fail(self) -> None:
        """The broker never had it."""

    @transition(field=status, source=OPEN, target=OrderState.UNKNOWN.value)
    def lose(self) -> None:
        """Nobody knows what became of it."""

    @transition(field=status, source=OrderState.SENDING.value, target=OrderState.UNSENT.value)
    def take_back(self) -> None:
        """Nothing was sent."""


class ExecutionFill(models.Model):
    """What a broker's report told more than the one before it: reports are cumulative, these are the differences."""

    id = models.BigAutoField(primary_key=True)
    trade_execution = models.ForeignKey(TradeExecution, on_delete=models.PROTECT, related_name="fills")
    shares = ExactDecimalField(help_text="more than before")
    filled_shares = ExactDecimalField(help_text="in all, with these")
    average_price_usd = ExactDecimalField(null=True, help_text="of all so far; empty where none was told")
    filled_at = models.DateTimeField(help_text="by the broker's clock")
    booked_at = models.DateTimeField()
    is_late = models.BooleanField(default=False, help_text="told after the order had ended")

    class Meta:
        db_table = "execution_fills"
        verbose_name = "fill of an execution"
        verbose_name_plural = "fills of executions"
        constraints = [
            models.CheckConstraint(
                condition=GreaterThan(Magnitude(F("shares")), 0), name="execution_fills_more_than_before"
            )
        ]

    def __str__(self) -> str:
        return f"{self.shares} of {self.trade_execution_id}"


class DecisionHolding(models.Model):
    """What decisions bought and sold of a symbol in an account. It is no part of any hedge position."""

    id = models.BigAutoField(primary_key=True)
    broker = models.CharField(max_length=20)
    account_number = models.CharField(max_length=40)
    symbol = models.CharField(max_length=32)
    bought_shares = ExactDecimalField(default=0)
    sold_shares = ExactDecimalField(default=0)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "decision_holdings"
        verbose_name = "holding of decisions"
        verbose_name_plural = "holdings of decisions"
        constraints = [
            models.UniqueConstraint(fields=["broker", "account_number", "symbol"], name="decision_holdings_once")
        ]

    def __str__(self) -> str:
        return f"{self.broker} {self.symbol}"

"""Days as rows: each time that a day was decided on, what came of it, and everything that was left out."""

import uuid
from enum import StrEnum

from django.db import models
from django.db.models import Q

from audit_trail.decisions.drafts import LONGEST_NAME
from audit_trail.decisions.models import TradeDecision
from audit_trail.strategies.guards import Stance
from audit_trail.strategies.signals import Reason


class Outcome(StrEnum):
    """What came of a day."""

    DECIDED = "decided"
    """It was planned, and what was meant is stored; that may be to do nothing."""

    REFUSED = "refused"
    """A guard held it up. Nothing is bought and nothing is sold, and that is no decision to hold."""


class PlannedDay(models.Model):
    """One time that a strategy, or the portfolio of several, was asked what to trade."""

    id = models.BigAutoField(primary_key=True)
    planned_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    strategy_name = models.CharField(max_length=LONGEST_NAME)
    versions = models.TextField(help_text="JSON: each strategy that was asked, and its version")
    environment = models.CharField(max_length=20, help_text="whose parameters were taken")
    broker = models.CharField(max_length=20)
    account_number = models.CharField(max_length=40)
    trading_mode = models.CharField(max_length=5)
    trading_day = models.DateField(help_text="by the market's clock")
    as_of = models.DateTimeField(help_text="what was known then was counted, and nothing after")
    outcome = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Outcome])
    refusals = models.TextField(help_text="JSON: the kind and text of each; none where it was decided")
    stance = models.CharField(max_length=10, null=True, choices=[(one.value, one.value) for one in Stance])
    summary = models.TextField(null=True, help_text="JSON: the day in figures")
    findings = models.TextField(help_text="JSON: what an operator should look at")
    orders = models.IntegerField(help_text="how many were meant")
    dropped_count = models.IntegerField(help_text="how many rows say what was left out")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "planned_days"
        verbose_name = "planned day"
        indexes = [
            models.Index(fields=["trading_day", "id"], name="planned_days_day"),
            models.Index(fields=["strategy_name", "id"], name="planned_days_strategy"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome=Outcome.DECIDED.value, refusals="[]", stance__isnull=False, summary__isnull=False)
                | (Q(outcome=Outcome.REFUSED.value, stance=None, orders=0) & ~Q(refusals="[]")),
                name="planned_days_decided_or_refused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_name} on {self.trading_day}: {self.outcome}"


class PlannedDecision(models.Model):
    """A decision that was meant on a day. Asked again on that day, the same decision is meant, and not made twice."""

    id = models.BigAutoField(primary_key=True)
    day = models.ForeignKey(PlannedDay, on_delete=models.PROTECT, related_name="decisions", db_index=False)
    decision = models.ForeignKey(TradeDecision, on_delete=models.PROTECT, related_name="planned")
    new = models.BooleanField(help_text="it was stored by this, and not before")

    class Meta:
        db_table = "planned_decisions"
        verbose_name = "decision of a day"
        verbose_name_plural = "decisions of days"
        constraints = [models.UniqueConstraint(fields=["day", "decision"], name="planned_decisions_once")]

    def __str__(self) -> str:
        return f"decision {self.decision_id}"


class DroppedCandidate(models.Model):
    """What was looked at on a day and came to nothing: whoever asks why we did not buy finds it here.

    Records of one symbol that a strategy left out for the same reason, in the same words, are one row.
    """

    id = models.BigAutoField(primary_key=True)
    day = models.ForeignKey(PlannedDay, on_delete=models.PROTECT, related_name="dropped", db_index=False)
    strategy_name = models.CharField(
        max_length=LONGEST_NAME, null=True, help_text="empty where all left it out, or the portfolio did"
    )
    symbol = models.TextField(help_text="as the source writes it, where it is no symbol")
    reason = models.CharField(max_length=30, choices=[(one.value, one.value) for one in Reason])
    text = models.TextField()
    record_count = models.IntegerField()
    records = models.TextField(help_text="JSON: the numbers of the records, where they are rows of ours")

    class Meta:
        db_table = "dropped_candidates"
        verbose_name = "dropped candidate"
        indexes = [
            models.Index(fields=["day", "reason"], name="dropped_candidates_day"),
            models.Index(fields=["symbol", "id"], name="dropped_candidates_symbol"),
        ]

    def __str__(self) -> str:
        return f"{self.symbol}: {self.reason}"

"""Severity: how much each kind of notice hurries, and whether it is told again while it stays open."""

from datetime import timedelta
from typing import NamedTuple

from django.db import models


class Severity(models.TextChoices):
    """How much an alert hurries."""

    CRITICAL = "critical", "critical"
    """Money is at risk now, or nothing is done any more. It is told at once, in quiet hours too."""

    WARNING = "warning", "warning"
    """Somebody has to look at it on the next working morning. It waits while it is quiet."""


class Standing(NamedTuple):
    """How a kind of notice is told."""

    severity: Severity
    is_reminded: bool = True
    """False where the notice is a record, which nothing closes: it would be told for ever."""


CRITICAL, WARNING = Standing(Severity.CRITICAL), Standing(Severity.WARNING)

KINDS: dict[str, Standing] = {
    # Of the hedge pipeline.
    "broker_refuses_us": CRITICAL,
    "chain_silent": CRITICAL,
    "deep_reorg": Standing(Severity.CRITICAL, is_reminded=False),
    "disk_space": CRITICAL,
    "event_backlog": WARNING,  # Trading goes on in the legacy tables.
    "exposure_aging": CRITICAL,
    "holding_difference": CRITICAL,
    "kill_switch": CRITICAL,
    "late_fill": Standing(Severity.WARNING, is_reminded=False),
    "ledger_difference": CRITICAL,
    "login_needed": CRITICAL,
    "order_denied": WARNING,
    "order_stuck": CRITICAL,
    "overfill": Standing(Severity.CRITICAL, is_reminded=False),
    "parked_log": CRITICAL,
    "station_failing": CRITICAL,
    "stray_at_broker": Standing(Severity.CRITICAL, is_reminded=False),
    "stray_order": CRITICAL,
    "symbol_halted": CRITICAL,
    "wrong_account": CRITICAL,
    # Of the decision pipeline.
    "calls_failing": WARNING,
    "decision_executed_twice": Standing(Severity.CRITICAL, is_reminded=False),
    "decision_order_stopped": CRITICAL,
    "decision_order_stuck": CRITICAL,
    "decisions_failing": CRITICAL,
    "decisions_waiting": WARNING,
    "ingestion_failed": WARNING,
    "ingestion_overdue": WARNING,
    "legacy_orders_differ": WARNING,
    "nothing_ingested": WARNING,
    "payload_storage": WARNING,
    "rows_parked": WARNING,
    "rows_unread": WARNING,
    "strategy_failing": WARNING,
    # Of both.
    "invariant_violated": CRITICAL,
    # Of the alerts themselves.
    "alert_channel_failing": CRITICAL,
}

NOT_IN_A_HURRY = tuple(kind for kind, standing in KINDS.items() if standing.severity is Severity.WARNING)
"""A kind that is not in the table hurries, until somebody has said that it does not."""

HOLDS_BACK = {Severity.CRITICAL: timedelta(minutes=2), Severity.WARNING: timedelta(minutes=15)}
"""A matter that comes and goes is told anew only so long after it was told last."""


def severity_of(kind: str) -> Severity:
    return KINDS.get(kind, CRITICAL).severity

"""Thresholds: at how much of something an operator is told. All of them stand here, with where they come from."""

from datetime import timedelta
from decimal import Decimal

import msgspec


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """At how much each rule holds. The defaults are those that the audit trail was asked for with."""

    ingestion_late_by: timedelta = timedelta(hours=1)
    """A run may take, or wait, so long after its time before it is missed. Ours."""

    failed_percent: Decimal = Decimal(30)
    """Of the day's decisions that have ended; those under way are no failures."""

    few_decisions: int = 4
    """Of fewer a share says nothing, so they are told by number. Ours."""

    waiting_decisions: int = 5
    waiting_for: timedelta = timedelta(hours=1)
    """Of an open market: before the opening nothing can be executed."""

    failed_calls: int = 5
    calls_within: timedelta = timedelta(hours=1)

    success_percent: Decimal = Decimal(50)
    success_within: timedelta = timedelta(days=7)
    """As long as a report of failures looks back."""

    judged_decisions: int = 4
    """A strategy is judged by no fewer. Ours."""

    payload_bytes: int = 10 * 10**9
    unread_percent: Decimal = Decimal(10)
    executed_within: timedelta = timedelta(days=30)
    """So far back two executions of one decision are looked for. Ours."""

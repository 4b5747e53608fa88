"""Figures: what the rules look at, without the database."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec


class TaskFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of record that is fetched by a schedule, and how its last whole run came out."""

    task: str
    due_at: datetime
    """When it should have run last, on a trading day, and is late by now if it did not."""

    completed_at: datetime | None = None
    """When the last run that asked for the whole of the source was completed."""

    run_id: str = ""
    fetched: int = 0
    parked: int = 0


class EndedDecisions(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions that have ended, by how. What is pending, submitted or unknown is not among them."""

    executed: int = 0
    partially_executed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        return self.executed + self.partially_executed + self.failed + self.cancelled

    @property
    def traded(self) -> int:
        return self.executed + self.partially_executed


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rules look at, at one moment."""

    at: datetime
    trading_day: date
    """The day of it in New York, whether anything is traded on it or not."""

    tasks: Sequence[TaskFigures] = ()
    today: EndedDecisions = EndedDecisions()
    pending: Sequence[tuple[date, datetime]] = ()
    """The trading day of each pending decision, and when it was decided."""

    failed_calls: Mapping[str, int] = {}
    """How many calls of the last hour a service answered with 400 or more, by service."""

    strategies: Mapping[str, EndedDecisions] = {}
    payload_bytes: int | None = None
    """What payloads took in the database when it was measured last; None where nobody did, or it does not tell."""

    executed_twice: Mapping[str, tuple[str, ...]] = {}
    """Our ids of the orders of each decision that has more than one."""

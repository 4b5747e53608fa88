"""Today: the decisions of the market's day, by what became of them, and those that did not work."""

from datetime import datetime
from typing import NamedTuple

from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.reports.periods import Period, day_asked
from config.monitoring.queues import counted

BAD = (Status.FAILED, Status.UNKNOWN, Status.PARTIALLY_EXECUTED)
SHOWN = 8


class Today(NamedTuple):
    day: str
    counts: list[tuple[str, int]]
    """Each status that a decision of today has, with how many."""

    troubled: list[TradeDecision]
    """The newest of today that failed, are unknown, were executed in part, or are blocked."""

    @property
    def decisions(self) -> int:
        return sum(count for _, count in self.counts)


def today(*, now: datetime) -> Today:
    day = day_asked(None, now=now)
    since = Period.of_day(day).since
    counts, troubled = [], []
    for status in Status:  # Each by itself: the index begins with the status.
        rows = TradeDecision.objects.filter(status=status, decided_at__gte=since)
        if count := counted(rows):
            counts.append((status.label, count))
            if status in BAD:
                troubled += rows.order_by("-decided_at")[:SHOWN]
            elif status == Status.PENDING:
                troubled += rows.filter(blocked_by__isnull=False).order_by("-decided_at")[:SHOWN]
    return Today(day.isoformat(), counts, sorted(troubled, key=lambda one: one.decided_at, reverse=True)[:SHOWN])

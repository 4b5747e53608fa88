"""Today: the decisions of the market's day, by what became of them, and those that did not work."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Q

from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.reports.periods import Period, day_asked

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
    # With every status named, since the index begins with it.
    of_today = TradeDecision.objects.filter(status__in=Status.values, decided_at__gte=Period.of_day(day).since)
    counts = dict(of_today.order_by().values_list("status").annotate(count=Count("id")))
    stuck = Q(status__in=BAD) | Q(status=Status.PENDING, blocked_by__isnull=False)
    return Today(
        day=day.isoformat(),
        counts=[(status.label, counts[status]) for status in Status if status in counts],
        troubled=list(of_today.filter(stuck).order_by("-decided_at")[:SHOWN]) if counts else [],
    )

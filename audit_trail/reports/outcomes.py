"""Outcomes: how many decisions came to what, and which share of them was carried out."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from django.db.models import Count, QuerySet

from audit_trail.decisions.models import ENDS, Status, TradeDecision
from audit_trail.reports.periods import Period
from trading.values.arithmetic import canonical

Decisions = QuerySet[TradeDecision]


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What became of decisions, by how they stand now.

    `success_rate_percent` is executed of all decisions, to two decimals, 0 where there are none. What is under way
    counts as a decision that is not executed; a rate without that is `success_rate_of_ended_percent`, which is empty
    where none has ended. What was executed in part is neither a success nor a failure, and stands by itself.
    """

    decisions: int
    executed: int
    partially_executed: int
    failed: int
    cancelled: int
    pending: int
    submitted: int
    unknown: int
    success_rate_percent: Decimal
    success_rate_of_ended_percent: Decimal | None

    @property
    def under_way(self) -> int:
        return self.submitted + self.unknown


def outcomes(counts: Mapping[str, int]) -> Outcomes:
    """Tell outcomes by how many decisions stand in each status."""
    every, ended = sum(counts.values()), sum(counts.get(status, 0) for status in ENDS)
    executed = counts.get(Status.EXECUTED, 0)
    return Outcomes(
        decisions=every,
        **{status.value: counts.get(status, 0) for status in Status},
        success_rate_percent=percent(executed, every),
        success_rate_of_ended_percent=percent(executed, ended) if ended else None,
    )


def outcomes_of(rows: Decisions) -> Outcomes:
    """Tell what became of some decisions, in one statement."""
    return outcomes(dict(rows.order_by().values_list("status").annotate(Count("pk"))))


def decided_in(period: Period, *, strategy: str | None = None) -> Decisions:
    """The decisions that were made in a period."""
    rows: Decisions = TradeDecision.objects.filter(decided_at__gte=period.since, decided_at__lt=period.until)
    if strategy is not None:
        return rows.filter(strategy_name=strategy)
    # Every status there is: by it the database finds a period in the index of status and time.
    return rows.filter(status__in=Status.values)


def percent(part: int, whole: int) -> Decimal:
    """Which share of a whole a part is, in percent to two decimals, a half rounded up; 0 of nothing."""
    if not whole:
        return Decimal(0)
    return canonical(Decimal((20_000 * part + whole) // (2 * whole)).scaleb(-2))

"""Failure analysis: which decisions of a period came to nothing, by reason, symbol, day and hour, in which words."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
from django.db.models import Count, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce, ExtractHour, Replace

from audit_trail.decisions.models import Status
from audit_trail.executions.models import TradeExecution
from audit_trail.reports.hedges import HedgeCounts, counts_of, orders_in
from audit_trail.reports.outcomes import Decisions, decided_in, outcomes_of, percent
from audit_trail.reports.periods import Period
from trading.market_hours.calendar import NEW_YORK

TOP_MESSAGES = 10
MOST_SYMBOLS = 100
ITS_ORDER = "its order"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class ByReason(msgspec.Struct, frozen=True):
    reason: str
    """A kind of failure; or the words that several failures have alike, with `its order` where an order's id stood."""

    failed: int


class BySymbol(msgspec.Struct, frozen=True):
    symbol: str
    failed: int


class ByWeekday(msgspec.Struct, frozen=True):
    weekday: str
    failed: int


class ByHour(msgspec.Struct, frozen=True):
    hour: int
    """0 to 23, by the clock in New York."""

    failed: int


class ByDay(msgspec.Struct, frozen=True):
    day: date
    failed: int


class FailureAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """The failed among the decisions that were made in [since, until).

    Days and weekdays are trading days, the market's own, for which they were decided; hours are those in New York in
    which they failed. What none failed for, in or on, is left out.
    """

    tables: ClassVar[tuple[str, ...]] = (
        "failures_by_reason",
        "failures_by_symbol",
        "failures_by_weekday",
        "failures_by_hour",
        "failures_by_day",
        "top_messages",
    )

    since: datetime
    until: datetime
    strategy: str | None
    total_decisions: int
    under_way: int
    """Of these, decisions that are pending, submitted or unknown: in the total, and not failed."""

    failed_decisions: int
    failure_rate_percent: Decimal
    """Failed of all decisions, to two decimals."""

    failures_by_reason: tuple[ByReason, ...]
    failures_by_symbol: tuple[BySymbol, ...]
    """The most first, at most a hundred."""

    failures_by_weekday: tuple[ByWeekday, ...]
    failures_by_hour: tuple[ByHour, ...]
    failures_by_day: tuple[ByDay, ...]
    top_messages: tuple[ByReason, ...]
    hedges: HedgeCounts | None
    """Orders that hedges placed in the same time; none where one strategy is asked about."""


def failure_analysis(*, period: Period, strategy: str | None = None) -> FailureAnalysis:
    """Tell of what failed among the decisions made in a period, of all strategies or one, in eight statements."""
    decisions = decided_in(period, strategy=strategy)
    done = outcomes_of(decisions)
    failed = decisions.filter(status=Status.FAILED).order_by()
    days: Mapping[date, int] = _counted(failed, "trading_day")
    weekdays: Counter[int] = Counter()
    for day, count in days.items():
        weekdays[day.weekday()] += count
    hours: Mapping[int, int] = _counted(failed.annotate(hour=ExtractHour("failed_at", tzinfo=NEW_YORK)), "hour")
    return FailureAnalysis(
        since=period.since,
        until=period.until,
        strategy=strategy,
        total_decisions=done.decisions,
        under_way=done.pending + done.under_way,
        failed_decisions=done.failed,
        failure_rate_percent=percent(done.failed, done.decisions),
        failures_by_reason=tuple(ByReason(*each) for each in _most(failed, "failure_kind")),
        failures_by_symbol=tuple(BySymbol(*each) for each in _most(failed, "symbol", limit=MOST_SYMBOLS)),
        failures_by_weekday=tuple(ByWeekday(WEEKDAYS[number], count) for number, count in sorted(weekdays.items())),
        failures_by_hour=tuple(ByHour(*each) for each in sorted(hours.items())),
        failures_by_day=tuple(ByDay(*each) for each in sorted(days.items())),
        top_messages=tuple(ByReason(*each) for each in _most(_worded(failed), "words", limit=TOP_MESSAGES)),
        hedges=counts_of(orders_in(period)) if strategy is None else None,
    )


def failures_of(decisions: Decisions) -> tuple[ByReason, ...]:
    """Count failed decisions by the kind of reason, the most first."""
    return tuple(ByReason(*each) for each in _most(decisions.filter(status=Status.FAILED).order_by(), "failure_kind"))


def _worded(failed: Decisions) -> Decisions:
    """The words of each reason without the order's own id, by which no two would be alike."""
    newest = TradeExecution.objects.filter(trade_decision=OuterRef("pk")).order_by("-attempt_number")
    order: Any = Coalesce(Subquery(newest.values("client_order_id")[:1]), Value(""), output_field=TextField())
    return failed.annotate(words=Replace("reason", order, Value(ITS_ORDER), output_field=TextField()))


def _counted(failed: Decisions, column: str) -> dict[Any, int]:
    return dict(failed.values_list(column).annotate(Count("pk")))


def _most(failed: Decisions, column: str, *, limit: int | None = None) -> list[tuple[str, int]]:
    rows = failed.values_list(column).annotate(failed=Count("pk")).order_by("-failed", column)
    return list(rows[:limit])

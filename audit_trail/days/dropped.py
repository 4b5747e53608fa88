"""Dropped: what was left out of a symbol on the days that were decided on, newest first."""

from collections.abc import Iterator
from datetime import date, datetime

import msgspec

from audit_trail.days.models import DroppedCandidate, Outcome, PlannedDay
from trading.values.symbols import Symbol


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Why a symbol was not traded, as far as one strategy or the portfolio on one day goes."""

    trading_day: date
    as_of: datetime
    asked: str
    strategy: str | None
    """None where all strategies left it out, or the portfolio of them did."""

    reason: str
    text: str
    record_count: int


def left_out(symbol: Symbol, *, since: date, until: date) -> Iterator[LeftOut]:
    """Tell each reason for which nothing came of a symbol from one trading day to another."""
    rows = DroppedCandidate.objects.filter(
        symbol=symbol, day__trading_day__gte=since, day__trading_day__lte=until
    ).select_related("day")
    for row in rows.order_by("-id").iterator():
        yield LeftOut(
            trading_day=row.day.trading_day,
            as_of=row.day.as_of,
            asked=row.day.strategy_name,
            strategy=row.strategy_name,
            reason=row.reason,
            text=row.text,
            record_count=row.record_count,
        )


def refused_days(*, since: date, until: date) -> Iterator[PlannedDay]:
    """Those on which nothing was decided at all, whatever the symbol."""
    rows = PlannedDay.objects.filter(outcome=Outcome.REFUSED, trading_day__gte=since, trading_day__lte=until)
    yield from rows.order_by("-id").iterator()

"""Calendar: the regular sessions of the New York Stock Exchange, with its holidays and half days.

It knows what is planned. A day on which the exchange closes without notice is known to the broker first, whose clock
the risk gate asks too. Spans are half-open: at the opening the market is open, at the close it is closed.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import msgspec

NEW_YORK = ZoneInfo("America/New_York")
OPENS = time(9, 30)
CLOSES = time(16)
CLOSES_EARLY = time(13)
# So the list of half days says when they end; one that ends at another time is not guessed.
ENDS_EARLY = "1:00pm"

FIRST_YEAR = 2002
"""From here on every session has these hours, and every half day ends at one in the afternoon."""

_DAY = timedelta(days=1)


class YearNotCovered(ValueError):
    """The calendar does not reach so far. Take a newer version of the `holidays` library, or mend the date."""


class UnknownHalfDay(ValueError):
    """A day's session ends early, and we can't tell when. Mend the calendar before anything trades on that day."""


class NotInUtc(ValueError):
    """A time without a zone names no moment."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One day's regular session."""

    day: date
    opens_at: datetime
    closes_at: datetime

    def holds(self, at: datetime) -> bool:
        return self.opens_at <= at < self.closes_at


def session_of(day: date) -> Session | None:
    """The session of a day in New York; None on weekends and holidays. Raises YearNotCovered."""
    year = _year(day.year)
    if day.weekday() >= 5 or day in year.closed:
        return None
    closes = CLOSES_EARLY if day in year.half_days else CLOSES
    return Session(day=day, opens_at=_moment(day, OPENS), closes_at=_moment(day, closes))


def session_at(at: datetime) -> Session | None:
    """The session that a moment lies in."""
    session = session_of(_day_of(at))
    return session if session is not None and session.holds(at) else None


def is_open(at: datetime) -> bool:
    """Tell whether the market is open by plan."""
    return session_at(at) is not None


def next_open(at: datetime) -> datetime:
    """The first opening after a moment."""
    return next(session.opens_at for session in _sessions_from(at) if session.opens_at > at)


def next_close(at: datetime) -> datetime:
    """The first close after a moment."""
    return next(session.closes_at for session in _sessions_from(at) if session.closes_at > at)


class _Year(msgspec.Struct, frozen=True):
    closed: frozenset[date]
    half_days: frozenset[date]


@cache
def _year(year: int) -> _Year:
    from holidays.financial.ny_stock_exchange import (
        NewYorkStockExchange,
    )  # A tenth of a second that few processes need.

    last = NewYorkStockExchange.end_year
    if not FIRST_YEAR <= year <= last:
        raise YearNotCovered(
            f"expected a day from {FIRST_YEAR} to {last}, was one in {year}: no session is known there"
        )
    listed: Callable[..., dict[date, str]] = NewYorkStockExchange
    closed = listed(years=year, categories="public", language="en_US")
    half_days = listed(years=year, categories="half_day", language="en_US")
    for day, name in half_days.items():
        if ENDS_EARLY not in name:
            raise UnknownHalfDay(f"expected a half day that ends at {ENDS_EARLY}, was {day}: {name!r}")
    return _Year(frozenset(closed), frozenset(half_days))


def _sessions_from(at: datetime) -> Iterator[Session]:
    day = _day_of(at)
    while True:
        if (session := session_of(day)) is not None:
            yield session
        day += _DAY


def _day_of(at: datetime) -> date:
    if at.tzinfo is None:
        raise NotInUtc(f"expected a time with its zone, was {at.isoformat()}")
    return at.astimezone(NEW_YORK).date()


def _moment(day: date, wall: time) -> datetime:
    return datetime.combine(day, wall, NEW_YORK).astimezone(UTC)

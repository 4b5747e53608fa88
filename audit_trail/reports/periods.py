"""Periods: from a moment up to, and without, another. A day is the market's, from midnight to midnight in New York."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Self

import msgspec

from eventstore.history import NotATime, parsed_time
from trading.market_hours.calendar import NEW_YORK

USUAL = timedelta(days=30)
_DAY = timedelta(days=1)


class NotAPeriod(ValueError):
    """What was asked for is no period, no day or no moment. Say it as 2026-03-02 or 2026-03-02T14:30Z."""


class Period(msgspec.Struct, frozen=True):
    """The moments in [since, until)."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise NotAPeriod(f"expected times with a zone, were {self.since!r} and {self.until!r}")
        if self.since >= self.until:
            raise NotAPeriod(
                f"expected a period that ends after it begins, was one from {self.since.isoformat()} to "
                f"{self.until.isoformat()}"
            )

    @classmethod
    def of_day(cls, day: date) -> Self:
        """A day of the market, which has 23 or 25 hours where the clocks are changed."""
        return cls(_midnight(day), _midnight(day + _DAY))

    @classmethod
    def asked(cls, since: str | None, until: str | None, *, now: datetime) -> Self:
        """Read what somebody asks for; by default the thirty days up to its end, which is now. Raises NotAPeriod.

        Of `until` a day is meant to its end, so that one and the same day is a period.
        """
        end = now if until is None else moment_asked(until, end=True)
        return cls(end - USUAL if since is None else moment_asked(since), end)


def moment_asked(text: str, *, end: bool = False) -> datetime:
    """Read a time with its zone, or a day, of which its beginning or its end is meant. Raises NotAPeriod."""
    try:
        return _midnight(date.fromisoformat(text.strip()) + (_DAY if end else timedelta()))
    except (ValueError, OverflowError):
        pass
    try:
        return parsed_time(text).astimezone(UTC)
    except NotATime as error:
        raise NotAPeriod(
            f"expected a day in New York, as 2026-03-02, or a time with its zone, as 2026-03-02T14:30Z, "
            f"was {text[:80]!r}"
        ) from error


def day_asked(text: str | None, *, now: datetime) -> date:
    """Read a day, by default the market's own today. Raises NotAPeriod."""
    if text is None:
        return now.astimezone(NEW_YORK).date()
    try:
        day = date.fromisoformat(text.strip())
        _midnight(day + _DAY)
    except (ValueError, OverflowError) as error:
        raise NotAPeriod(f"expected a day, as 2026-03-02, was {text[:80]!r}") from error
    return day


def _midnight(day: date) -> datetime:
    # The edges of the calendar have no place in every zone.
    if not 1900 < day.year < 9000:
        raise NotAPeriod(f"expected a day of this age, was {day.isoformat()}")
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)


def past_moment_asked(text: str, *, now: datetime) -> datetime:
    """Read a moment that has come: of a later one nothing can be known. Raises NotAPeriod."""
    at = moment_asked(text)
    if at > now:
        raise NotAPeriod(f"expected a moment that has come, by {now.isoformat()}, was {at.isoformat()}")
    return at

"""The venue's hours: open, closed, or as the exchange's calendar has it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

EASTERN = ZoneInfo("America/New_York")
OPENS, CLOSES = time(9, 30), time(16)
DAYS_LOOKED_AHEAD = 15
"""The exchange was never shut for longer than this in a row in living memory."""


class Door(StrEnum):
    """Whether orders are filled."""

    OPEN = "open"
    """At any hour: what a test and a demo want."""

    CLOSED = "closed"
    CALENDAR = "calendar"
    """In the regular session of the exchange's days."""


class Session(NamedTuple):
    """One day's regular session."""

    day: date
    opens_at: datetime
    closes_at: datetime


class Hours:
    """Answers for sessions. Its door is opened and closed by the exchange, which settles its orders first."""

    def __init__(
        self,
        door: Door = Door.OPEN,
        *,
        closed_days: frozenset[date] | None = None,
        early_closes: Mapping[date, time] | None = None,
    ) -> None:
        """Without days of one's own, the exchange's holidays are taken, with no early close."""
        self.door = door
        self.changed_at: datetime | None = None
        """When the door was last opened or closed by hand."""
        self._closed_days, self._early_closes = closed_days, dict(early_closes or {})

    def is_open(self, now: datetime) -> bool:
        session = self.session(now.astimezone(EASTERN).date(), now)
        return session is not None and session.opens_at <= now < session.closes_at

    def session(self, day: date, now: datetime) -> Session | None:
        """Tell a day's session. Today's is what the door makes of it; every other day is as the calendar has it."""
        scheduled = self._scheduled(day)
        if day != now.astimezone(EASTERN).date() or self.door is Door.CALENDAR:
            return scheduled
        if self.door is Door.CLOSED:
            return None
        if scheduled is not None and scheduled.opens_at <= now < scheduled.closes_at:
            return scheduled
        return Session(day, _eastern(day, time(0)), _eastern(day + timedelta(days=1), time(0)))

    def next_open(self, now: datetime) -> datetime:
        return min(session.opens_at for session in self._ahead(now) if session.opens_at > now)

    def next_close(self, now: datetime) -> datetime:
        return min(session.closes_at for session in self._ahead(now) if session.closes_at > now)

    def works_from(self, entered_at: datetime) -> datetime | None:
        """Tell from when an order that was entered then is worked on; None while nobody knows."""
        if self.door is Door.CLOSED:
            return None
        if self.door is Door.OPEN:
            return max(entered_at, self.changed_at) if self.changed_at is not None else entered_at
        for session in self._ahead(entered_at):
            if entered_at < session.closes_at:
                return max(entered_at, session.opens_at)
        return None

    def day_ends_at(self, works_from: datetime) -> datetime | None:
        """Tell when an order for the day ends that is worked on from then; None where no bell rings."""
        if self.door is not Door.CALENDAR:
            return None
        session = self._scheduled(works_from.astimezone(EASTERN).date())
        return None if session is None else session.closes_at

    def _ahead(self, now: datetime) -> list[Session]:
        today = now.astimezone(EASTERN).date()
        days = [today + timedelta(days=number) for number in range(DAYS_LOOKED_AHEAD)]
        return [session for day in days if (session := self.session(day, now)) is not None]

    def _scheduled(self, day: date) -> Session | None:
        if day.weekday() >= 5 or self._is_closed(day):
            return None
        return Session(day, _eastern(day, OPENS), _eastern(day, self._early_closes.get(day, CLOSES)))

    def _is_closed(self, day: date) -> bool:
        if self._closed_days is not None:
            return day in self._closed_days
        return day in _holidays_of(day.year)


@cache
def _holidays_of(year: int) -> frozenset[date]:
    # Made once a year of the calendar, since orders that wait ask for each day ahead, at each request.
    return frozenset(holidays.financial_holidays("NYSE", years=year))


def _eastern(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=EASTERN).astimezone(UTC)

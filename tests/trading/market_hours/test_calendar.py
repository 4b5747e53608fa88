"""The calendar: sessions as the exchange really had them, or has announced them, to the second.

Rows of FAILURES.md: G3-38 (days on which clocks change, half days, holidays).
"""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.market_hours.calendar import (
    FIRST_YEAR,
    NotInUtc,
    Session,
    UnknownHalfDay,
    YearNotCovered,
    _year,
    is_open,
    next_close,
    next_open,
    session_at,
    session_of,
)

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Weekdays without a session and days that end at one, as the exchange announced or held them: kept apart from the
# library, so that a mistake in a newer version of it is found.
CLOSED = {
    2018: "01-01 01-15 02-19 03-30 05-28 07-04 09-03 11-22 12-05 12-25",  # 5 December: mourning for G. H. W. Bush
    2019: "01-01 01-21 02-18 04-19 05-27 07-04 09-02 11-28 12-25",
    2020: "01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25",  # 4 July was a Saturday
    2021: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",  # 4 July was a Sunday, Christmas a Saturday
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",  # New Year was a Saturday, which closes no Friday
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",  # 9 January: mourning for J. Carter
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
}
HALF_DAYS = {
    2018: "07-03 11-23 12-24",
    2019: "07-03 11-29 12-24",
    2020: "11-27 12-24",
    2021: "11-26",
    2022: "11-25",
    2023: "07-03 11-24",
    2024: "07-03 11-29 12-24",
    2025: "07-03 11-28 12-24",
    2026: "11-27 12-24",
    2027: "11-26",
}


@pytest.mark.parametrize("year", CLOSED)
def test_the_days_of_a_year_are_those_of_the_exchange_g3_38(year):
    weekdays = [day for day in days_of(year) if day.weekday() < 5]
    sessions = [session for day in weekdays if (session := session_of(day)) is not None]

    assert {day for day in weekdays if session_of(day) is None} == listed(year, CLOSED)
    assert {session.day for session in sessions if length(session) < timedelta(hours=6)} == listed(year, HALF_DAYS)


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + n * DAY for n in range((date(year + 1, 1, 1) - first).days)]


def listed(year: int, table: dict[int, str]) -> set[date]:
    return {date.fromisoformat(f"{year}-{day}") for day in table[year].split()}


def length(session: Session) -> timedelta:
    return session.closes_at - session.opens_at


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        # Clocks went forward on Sunday 8 March 2026, and back on Sunday 1 November.
        ("2026-03-06", "14:30", "21:00"),
        ("2026-03-09", "13:30", "20:00"),
        ("2026-10-30", "13:30", "20:00"),
        ("2026-11-02", "14:30", "21:00"),
        # Europe's clocks change on other days, which moves nothing in New York.
        ("2026-03-30", "13:30", "20:00"),
        ("2026-10-26", "13:30", "20:00"),
        # Half days.
        ("2024-07-03", "13:30", "17:00"),
        ("2025-07-03", "13:30", "17:00"),
        ("2026-11-27", "14:30", "18:00"),
        ("2025-12-24", "14:30", "18:00"),
        # Where 4 July is a Saturday, the day before the closed Friday is a whole one.
        ("2026-07-02", "13:30", "20:00"),
        # New Year on a Saturday closes no Friday.
        ("2021-12-31", "14:30", "21:00"),
    ],
)
def test_when_a_session_opens_and_closes_g3_38(day, opens, closes):
    session = session_of(date.fromisoformat(day))
    assert session == Session(
        day=date.fromisoformat(day), opens_at=utc(f"{day}T{opens}"), closes_at=utc(f"{day}T{closes}")
    )


@pytest.mark.parametrize(
    "day",
    [
        "2026-11-28",  # a Saturday
        "2026-11-29",  # a Sunday
        "2026-06-19",  # Juneteenth
        "2022-06-20",  # Juneteenth, observed on Monday
        "2027-06-18",  # Juneteenth, observed on Friday
        "2026-04-03",  # Good Friday
        "2026-07-03",  # Independence Day, observed on Friday
        "2025-01-09",  # a day of mourning
        "2018-12-05",
        "2012-10-29",  # a hurricane
    ],
)
def test_on_a_day_without_a_session_the_market_never_opens(day):
    assert session_of(date.fromisoformat(day)) is None
    assert not any(is_open(utc(f"{day}T00:00") + hour * timedelta(hours=1)) for hour in range(24))


def test_before_2022_juneteenth_was_a_session():
    assert session_of(date(2019, 6, 19)) is not None
    assert session_of(date(2020, 6, 19)) is not None


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("2026-03-09T13:30", "2026-03-09T20:00"),  # the first after the clocks went forward
        ("2026-11-02T14:30", "2026-11-02T21:00"),  # the first after they went back
        ("2026-11-27T14:30", "2026-11-27T18:00"),  # a half day
    ],
)
def test_one_second_around_the_edges(opens, closes):
    opens_at, closes_at = utc(opens), utc(closes)

    assert [is_open(at) for at in (opens_at - SECOND, opens_at, opens_at + SECOND)] == [False, True, True]
    assert [is_open(at) for at in (closes_at - SECOND, closes_at, closes_at + SECOND)] == [True, False, False]
    assert next_open(opens_at - SECOND) == opens_at
    assert next_open(opens_at) > opens_at
    assert next_close(closes_at - SECOND) == closes_at
    assert next_close(closes_at) > closes_at


@pytest.mark.parametrize(
    ("at", "opens", "closes"),
    [
        # Thanksgiving, its half day, a weekend.
        ("2026-11-25T21:00", "2026-11-27T14:30", "2026-11-27T18:00"),
        ("2026-11-27T18:00", "2026-11-30T14:30", "2026-11-30T21:00"),
        # In a session: its own close, and the opening of the next one.
        ("2026-11-25T15:00", "2026-11-27T14:30", "2026-11-25T21:00"),
        # Over the end of a year.
        ("2026-12-31T21:00", "2027-01-04T14:30", "2027-01-04T21:00"),
        # An evening in New York that is the next day in UTC already.
        ("2026-11-25T02:00", "2026-11-25T14:30", "2026-11-25T21:00"),
        # Four days without a session.
        ("2025-01-08T21:00", "2025-01-10T14:30", "2025-01-10T21:00"),
    ],
)
def test_the_next_opening_and_the_next_close(at, opens, closes):
    assert (next_open(utc(at)), next_close(utc(at))) == (utc(opens), utc(closes))


@pytest.mark.parametrize("year", [FIRST_YEAR - 1, 2101])
def test_a_year_that_is_not_covered_is_an_error_that_says_so(year):
    with pytest.raises(YearNotCovered, match=f"expected a day from {FIRST_YEAR} to 2100, was one in {year}"):
        session_of(date(year, 6, 1))


def test_the_search_for_an_opening_ends_where_the_calendar_ends():
    with pytest.raises(YearNotCovered):
        next_open(utc("2100-12-31T23:00"))


def test_a_half_day_that_ends_at_another_hour_is_not_guessed(monkeypatch):
    from holidays.financial.ny_stock_exchange import NewYorkStockExchange

    def blackout(self):
        self._add_holiday("Blackout (markets close at 2:30pm)", date(self._year, 8, 14))

    monkeypatch.setattr(NewYorkStockExchange, "_populate_half_day_holidays", blackout)
    with pytest.raises(UnknownHalfDay, match=r"expected a half day that ends at 1:00pm, was 2003-08-14: 'Blackout"):
        _year.__wrapped__(2003)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(NotInUtc, match="expected a time with its zone, was 2026-11-25T15:00:00"):
        is_open(datetime(2026, 11, 25, 15))  # noqa: DTZ001


# What holds of every year.


@settings(deadline=None)
@given(st.integers(min_value=FIRST_YEAR, max_value=2099))
def test_sessions_are_ordered_never_overlap_and_there_are_250_to_253_a_year(year):
    sessions = [session for day in days_of(year) if (session := session_of(day)) is not None]

    assert 250 <= len(sessions) <= 253
    assert all(one.closes_at < other.opens_at for one, other in pairwise(sessions))
    assert {length(session) for session in sessions} <= {timedelta(hours=6.5), timedelta(hours=3.5)}
    new_york = ZoneInfo("America/New_York")
    assert {f"{session.opens_at.astimezone(new_york):%H:%M}" for session in sessions} == {"09:30"}
    assert all(session.opens_at.astimezone(new_york).date() == session.day for session in sessions)


@settings(deadline=None)
@given(st.datetimes(min_value=datetime(2002, 1, 2), max_value=datetime(2099, 12, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_lies_in_a_session_or_the_next_one_opens_before_it_closes(at):
    session = session_at(at)

    assert is_open(at) == (session is not None)
    if session is not None:
        assert session.opens_at <= at < session.closes_at == next_close(at) < next_open(at)
    else:
        assert at < next_open(at) < next_close(at)
        assert next_open(at) - at < timedelta(days=6)
    assert is_open(next_open(at))
    assert not is_open(next_close(at))

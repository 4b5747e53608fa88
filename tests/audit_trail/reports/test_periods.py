"""Periods: a day is the market's own, and of what is no period it is said what was expected."""

from datetime import UTC, date, datetime, timedelta

import pytest

from audit_trail.reports.periods import NotAPeriod, Period, day_asked, moment_asked, past_moment_asked
from tests.support.factories import NOON

NOW = datetime(2026, 3, 3, 2, tzinfo=UTC)  # Still the second of March in New York.


def test_a_day_is_new_yorks_and_not_utcs():
    day = Period.of_day(date(2026, 3, 2))
    assert (day.since, day.until) == (datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 3, 5, tzinfo=UTC))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 3, 9), 24)])
def test_a_day_on_which_the_clocks_are_changed_is_as_long_as_it_is(day, hours):
    period = Period.of_day(day)
    assert period.until - period.since == timedelta(hours=hours)


def test_the_last_thirty_days_are_meant_where_nobody_says_else():
    assert Period.asked(None, None, now=NOW) == Period(NOW - timedelta(days=30), NOW)
    assert Period.asked(None, "2026-03-01T00:00Z", now=NOW).since == datetime(2026, 1, 30, tzinfo=UTC)


def test_one_and_the_same_day_is_a_period():
    assert Period.asked("2026-03-02", "2026-03-02", now=NOW) == Period.of_day(date(2026, 3, 2))


def test_a_time_is_taken_in_its_own_zone():
    assert moment_asked("2026-03-02T09:30-05:00") == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def test_today_is_the_day_in_new_york():
    assert day_asked(None, now=NOW) == date(2026, 3, 2)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-02T14:30", "2026-13-01", "0001-01-01", "9999-12-31"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(NotAPeriod, match="expected"):
        Period.asked(text, None, now=NOW)
    with pytest.raises(NotAPeriod, match="expected"):
        day_asked(text, now=NOW)


def test_a_period_ends_after_it_begins():
    with pytest.raises(NotAPeriod, match="ends after it begins"):
        Period.asked("2026-03-02T12:00Z", "2026-03-02T12:00Z", now=NOW)
    with pytest.raises(NotAPeriod, match="with a zone"):
        Period(datetime(2026, 3, 2), NOW)  # noqa: DTZ001  # that is what is refused


def test_of_a_moment_that_has_not_come_nothing_can_be_known():
    assert past_moment_asked("2026-03-02T12:00Z", now=NOON) == NOON
    with pytest.raises(NotAPeriod, match="expected a moment that has come"):
        past_moment_asked("2026-03-02T12:01Z", now=NOON)

"""The calendar's word and the broker's: both must say open, and a difference in the middle of a day is told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from trading.market_hours.agreement import EDGE, Closed, Disagree, Open, agreed
from trading.market_hours.calendar import YearNotCovered

OPENS = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
CLOSES = datetime(2026, 11, 25, 21, tzinfo=UTC)
NOON = datetime(2026, 11, 25, 17, tzinfo=UTC)
NIGHT = datetime(2026, 11, 26, 3, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def now(at: datetime, broker_is_open: bool) -> Open | Closed | Disagree:
    return agreed(at, broker_is_open=broker_is_open, as_of=at)


def test_both_say_open_or_both_say_closed():
    assert now(NOON, True) == Open()
    assert now(NIGHT, False) == Closed()


@pytest.mark.parametrize("edge", [OPENS, CLOSES])
@pytest.mark.parametrize("away", [-EDGE + SECOND, -SECOND, timedelta(0), SECOND, EDGE - SECOND])
def test_near_an_edge_the_stricter_word_holds_and_nobody_is_told(edge, away):
    at = edge + away
    planned = OPENS <= at < CLOSES

    assert now(at, True) == (Open() if planned else Closed())
    assert now(at, False) == Closed()


@pytest.mark.parametrize("at", [OPENS + EDGE, NOON, CLOSES - EDGE])
def test_a_broker_that_is_closed_in_the_middle_of_a_session_is_told(at):
    """The exchange closes without notice: the broker knows, the calendar does not."""
    found = now(at, False)

    assert isinstance(found, Disagree)
    assert f"the broker says as of 2026-11-25 {at:%H:%M:%S} UTC that the market is closed" in found.text
    assert "by the calendar it is open until 21:00 UTC. No order is placed" in found.text


@pytest.mark.parametrize("at", [OPENS - EDGE, CLOSES + EDGE, NIGHT])
def test_a_broker_that_is_open_when_there_is_no_session_is_told(at):
    found = now(at, True)

    assert isinstance(found, Disagree)
    assert "that the market is open; by the calendar it is closed until 2026-11-2" in found.text


def test_a_holiday_that_the_broker_does_not_know_of_is_told():
    found = now(datetime(2026, 11, 26, 17, tzinfo=UTC), True)
    assert isinstance(found, Disagree)
    assert "closed until 2026-11-27 14:30 UTC" in found.text


@pytest.mark.parametrize(
    ("as_of", "at"),
    [
        # Said before the close, used after it.
        (CLOSES - timedelta(minutes=5), CLOSES),
        # Said near the opening, before it.
        (OPENS - SECOND, OPENS + SECOND),
        # Said in yesterday's session.
        (NOON - timedelta(days=1), NOON),
    ],
)
def test_open_was_said_of_another_time_and_does_not_open_the_market(as_of, at):
    assert agreed(at, broker_is_open=True, as_of=as_of) == Closed()


def test_closed_was_said_before_the_opening_and_holds_until_the_broker_is_asked_again():
    assert agreed(NOON, broker_is_open=False, as_of=OPENS - timedelta(hours=1)) == Closed()


def test_a_word_of_the_same_session_holds():
    assert agreed(NOON, broker_is_open=True, as_of=NOON - SECOND) == Open()


def test_a_difference_is_dated_in_utc_wherever_it_was_asked():
    there = timedelta(hours=-5)
    found = now(NOON.astimezone(timezone(there)), False)
    assert isinstance(found, Disagree)
    assert "as of 2026-11-25 17:00:00 UTC" in found.text


def test_beyond_the_calendar_nothing_is_agreed():
    with pytest.raises(YearNotCovered):
        now(datetime(2101, 6, 1, 15, tzinfo=UTC), True)

"""The venue's clock and hours."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from config.venues.clock import VenueClock
from config.venues.hours import Door, Hours
from tests.support.venues import NOON

SUNDAY = datetime(2026, 3, 1, 17, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_a_clock_stands_still_until_it_is_moved():
    clock = VenueClock(NOON)

    clock.advance(90)

    assert (clock.now(), clock.now()) == (NOON + timedelta(seconds=90),) * 2


def test_a_clock_follows_another_and_may_run_ahead_of_it():
    times = [NOON]
    clock = VenueClock(lambda: times[-1])
    clock.advance(5)
    times.append(NOON + timedelta(seconds=60))
    assert clock.now() == NOON + timedelta(seconds=65)

    clock.set(NOON)
    assert clock.now() == NOON
    clock.run()

    assert clock.now() == NOON + timedelta(seconds=60)


def test_without_a_source_it_is_the_machines_time():
    before = datetime.now(UTC)
    assert before <= VenueClock().now() <= datetime.now(UTC)


def test_a_time_without_a_zone_is_no_time():
    with pytest.raises(ValueError, match="zone"):
        VenueClock(datetime(2026, 3, 2))  # noqa: DTZ001 - that is the point.


@pytest.mark.parametrize(
    ("door", "now", "is_open"),
    [
        (Door.OPEN, NOON, True),
        (Door.OPEN, SUNDAY, True),
        (Door.CLOSED, NOON, False),
        (Door.CALENDAR, NOON, True),
        (Door.CALENDAR, SUNDAY, False),
        # The opening belongs to the session, the close does not.
        (Door.CALENDAR, utc(2026, 3, 2, 14, 29, 59), False),
        (Door.CALENDAR, utc(2026, 3, 2, 14, 30), True),
        (Door.CALENDAR, utc(2026, 3, 2, 20, 59, 59), True),
        (Door.CALENDAR, utc(2026, 3, 2, 21), False),
        # A week later New York has summer time.
        (Door.CALENDAR, utc(2026, 3, 9, 13, 30), True),
        # Thanksgiving.
        (Door.CALENDAR, utc(2026, 11, 26, 17), False),
    ],
)
def test_when_the_market_is_open(door, now, is_open):
    assert Hours(door).is_open(now) is is_open


def test_the_next_opening_and_close_step_over_what_is_closed():
    hours = Hours(Door.CALENDAR, closed_days=frozenset({date(2026, 3, 3)}), early_closes={date(2026, 3, 4): time(13)})

    evening = utc(2026, 3, 2, 23)

    assert hours.next_open(evening) == utc(2026, 3, 4, 14, 30)
    assert hours.next_close(evening) == utc(2026, 3, 4, 18)


def test_while_it_is_held_closed_the_next_opening_is_another_days():
    assert Hours(Door.CLOSED).next_open(NOON) == utc(2026, 3, 3, 14, 30)


def test_a_market_that_is_held_open_has_a_session_around_now():
    session = Hours(Door.OPEN).session(date(2026, 3, 1), SUNDAY)

    assert session is not None
    assert session.opens_at <= SUNDAY < session.closes_at

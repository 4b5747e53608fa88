"""Quiet hours go by the clock on the wall, over midnight and through the nights in which it is changed."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from audit_trail.alerts.quiet_hours import QuietHours

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = QuietHours(begins=time(22), ends=time(7), zone=NEW_YORK)
NOON = QuietHours(begins=time(12), ends=time(13, 30), zone=NEW_YORK)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "at", "ends"),
    [
        # In winter New York is five hours behind.
        (NIGHT, "2026-01-16 02:59", None),
        (NIGHT, "2026-01-16 03:00", "2026-01-16 12:00"),
        (NIGHT, "2026-01-16 05:00", "2026-01-16 12:00"),  # Its midnight.
        (NIGHT, "2026-01-16 11:59", "2026-01-16 12:00"),
        (NIGHT, "2026-01-16 12:00", None),
        # The clock is put on in the night to the 8th of March: the end comes an hour sooner.
        (NIGHT, "2026-03-08 03:00", "2026-03-08 11:00"),
        (NIGHT, "2026-03-08 11:00", None),
        (NIGHT, "2026-03-09 02:00", "2026-03-09 11:00"),
        # And back in the night to the 1st of November.
        (NIGHT, "2026-11-01 02:00", "2026-11-01 12:00"),
        (NIGHT, "2026-11-01 11:59", "2026-11-01 12:00"),
        (NIGHT, "2026-11-01 12:00", None),
        # Within a day.
        (NOON, "2026-01-16 16:59", None),
        (NOON, "2026-01-16 17:00", "2026-01-16 18:30"),
        (NOON, "2026-01-16 18:30", None),
    ],
)
def test_when_it_is_quiet_and_until_when(hours, at, ends):
    assert hours.hold(utc(at)) is (ends is not None)
    assert hours.end_after(utc(at)) == utc(ends or at)


def test_they_are_told_as_they_are_set():
    assert str(NIGHT) == "22:00-07:00 America/New_York"

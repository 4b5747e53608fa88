"""What others tell: read exactly, or refused where nothing real is like that."""

import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from trading.values.outside import NotATime, NotJson, in_utc, json_of, number
from trading.values.quantities import NotANumber, shares


def test_numbers_of_json_keep_their_digits():
    assert json_of(b'[1.10, 2, "3"]') == [Decimal("1.10"), 2, "3"]


@pytest.fixture
def usual_depth():
    """As deep as Python goes by itself; in this process, tests have imported libraries that lift the limit."""
    lifted = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(lifted)


@pytest.mark.usefixtures("usual_depth")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"<html>", "malformed"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1e99999999999999999999", "an exponent beyond all numbers"),
        (b'"\xff"', "utf-8"),
        (b"9" * 5_000, "out of range"),
    ],
)
def test_what_is_no_json_is_refused(text, why):
    with pytest.raises(NotJson, match=why):
        json_of(text)


@pytest.mark.parametrize(
    ("told", "read"),
    [("1.50", "1.5"), (3, "3"), (Decimal("1E+2"), "100"), ("9" * 50 + "." + "9" * 50, "9" * 50 + "." + "9" * 50)],
)
def test_a_number_is_read_to_its_last_digit(told, read):
    assert number(told) == Decimal(read)


@pytest.mark.parametrize(
    "told",
    [
        Decimal("1E-999999999"),
        Decimal("1E+999999999"),
        Decimal("1E-51"),
        "1e50",
        "0." + "1" * 51,
        10**4_000,
        "NaN",
        True,
    ],
    ids=str,
)
def test_a_number_that_nothing_has_is_refused(told):
    with pytest.raises(NotANumber):
        number(told)


@pytest.mark.parametrize("told", [Decimal("1E-999999999"), "1e-9999", Decimal("1E+999999999")])
def test_a_number_that_would_fill_the_memory_is_refused_everywhere(told):
    """It is short to write, and a thousand million digits long once it is written out."""
    with pytest.raises(NotANumber):
        shares(told)
    with pytest.raises(NotANumber):
        shares(10**5_000)


def test_a_time_is_told_in_utc():
    zone = timezone(timedelta(hours=-5))

    assert in_utc(datetime(2026, 3, 2, 11, tzinfo=zone)) == datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert in_utc(datetime(2026, 3, 2, 11, tzinfo=zone)).tzinfo is UTC


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 3, 2, 11),  # noqa: DTZ001 - without a zone, as somebody may tell it.
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12))),
        datetime(1969, 12, 31, tzinfo=UTC),
    ],
)
def test_a_time_at_which_nothing_happens_is_refused(at):
    with pytest.raises(NotATime):
        in_utc(at)

"""Quantities: text becomes an exact number, or is refused; nothing is guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.values.arithmetic import plain
from trading.values.quantities import NotANumber, shares, usd
from trading.values.sides import Side


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5", "1.5"),
        (" 1.5 ", "1.5"),
        ("+1", "1"),
        ("-1.25", "-1.25"),
        (".5", "0.5"),
        ("5.", "5"),
        (100, "100"),
        (Decimal("100.5"), "100.5"),
        # Equal numbers are one number, however they were written.
        ("1.50", "1.5"),
        ("1e3", "1000"),
        ("1.5E-3", "0.0015"),
        ("-0.00", "0"),
        (Decimal("1E+2"), "100"),
        # All the digits that a fill can have, and some more.
        ("0." + "1234567890" * 7, "0." + "123456789" + "0123456789" * 6),
    ],
)
def test_a_number_is_read_exactly(text, expected):
    assert str(shares(text)) == expected
    assert str(usd(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "1.2.3",
        "1 2",
        "--1",
        "0x10",
        # Which of the two is the decimal point is anybody's guess.
        "1,000",
        "1,5",
        # Python would take these.
        "1_000",
        "٣",
        "NaN",
        "Infinity",
        "-inf",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-Infinity"),
        True,
        # A float is no number of shares: its digits are not those that were meant.
        0.1,
        None,
        b"1",
        # More digits than anybody can write down.
        "1e9999",
        "1e99999",
        "9" * 1001,
        Decimal("1E+1001"),
    ],
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(NotANumber, match="expected a number of shares"):
        shares(text)
    with pytest.raises(NotANumber, match="expected an amount of dollars"):
        usd(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=60))
def test_a_number_written_out_reads_back(number):
    assert shares(plain(number)) == shares(number) == number
    assert plain(shares(plain(number))) == plain(number)


def test_each_side_has_its_opposite():
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        (0.5, "expected a number of shares as text, int or Decimal, was 0.5"),
        ("x" * 81, f"expected a number of shares, was '{'x' * 80}'"),
        (Decimal("Infinity"), "expected a number of shares that is finite, was Infinity"),
        ("9" * 1001, f"expected a number of shares of at most 1000 digits, was {'9' * 80}…"),
        ("1e-1001", "expected a number of shares of at most 1000 digits, was 1E-1001…"),
        ("1." + "9" * 1001, f"expected a number of shares of at most 1000 digits, was 1.{'9' * 78}…"),
    ],
)
def test_a_refusal_tells_what_was_found_and_no_more_than_a_line_of_it(given_, told):
    with pytest.raises(NotANumber) as refused:
        shares(given_)

    assert str(refused.value) == told


def test_the_thousandth_decimal_is_read():
    assert shares("1e-1000") == Decimal("1E-1000")


def test_the_smallest_of_many_digits_is_refused_with_the_start_of_it():
    digits = "1" * 82 + "e-1083"  # 82 digits, of which the last is the 1083rd decimal.

    with pytest.raises(NotANumber, match=r"1000 digits, was 1[.]1{78}…$"):
        shares(digits)

"""Arithmetic: sums are exact or an error, whatever the thread; only a price is rounded."""

import decimal
import threading
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.values.arithmetic import (
    EXACT,
    PRICE_DIGITS,
    add,
    cut,
    multiply,
    quotient,
    set_exact_context,
    share_of,
    subtract,
    total,
)

# What a Rain float can be: 68 digits, and an exponent from -100 to 100.
amounts = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
    st.integers(0, 1),
    st.integers(0, 2**223),
    st.integers(-100, 100),
)

SEVENTY = "1." + "0123456789" * 6 + "012345678"


def test_ten_tenths_are_one():
    assert str(total([Decimal("0.1")] * 10)) == "1.0"
    assert total([Decimal("0.1")] * 10) == 1


def test_no_numbers_add_up_to_zero():
    assert total([]) == 0


def test_seventy_digits_are_added_to_the_last():
    assert len(SEVENTY.replace(".", "")) == 70
    assert str(add(Decimal(SEVENTY), Decimal(SEVENTY))) == "2." + "0246913578" * 6 + "024691356"
    assert subtract(Decimal(SEVENTY), Decimal(SEVENTY)) == 0
    assert str(add(Decimal(10) ** 30, Decimal(SEVENTY))) == "1" + "0" * 29 + SEVENTY


@given(st.lists(amounts, max_size=8))
def test_any_amounts_add_up_exactly(summands):
    assert Fraction(total(summands)) == sum(map(Fraction, summands))


@given(amounts, amounts)
def test_what_was_added_can_be_taken_away_again(left, right):
    assert subtract(add(left, right), right) == left
    assert Fraction(subtract(left, right)) == Fraction(left) - Fraction(right)


@given(amounts, st.decimals(min_value=0, max_value=10**6, places=30))
def test_a_value_in_dollars_is_exact(shares, price):
    assert Fraction(multiply(shares, price)) == Fraction(shares) * Fraction(price)


@pytest.mark.parametrize(
    ("operation", "left", "right"),
    [
        # One digit more than the context has: at 10^320 the one is the 321st.
        (add, "1E+320", "1"),
        (subtract, "1E+321", "1"),
        (add, "1E+200", "1E-200"),
        (multiply, "1." + "1" * 160, "1." + "1" * 160),
    ],
)
def test_a_digit_is_never_dropped(operation, left, right):
    with pytest.raises(decimal.Inexact):
        operation(Decimal(left), Decimal(right))


def test_the_widest_sum_is_exact():
    assert add(Decimal("1E+319"), Decimal(1)) == Decimal("1" + "0" * 318 + "1")


def test_a_sum_does_not_depend_on_the_context_of_its_caller():
    with decimal.localcontext(prec=5):
        assert add(Decimal(SEVENTY), Decimal(1)) == Decimal("2" + SEVENTY[1:])
        assert subtract(Decimal(SEVENTY), Decimal(1)) == Decimal("0" + SEVENTY[1:])
        assert multiply(Decimal(SEVENTY), Decimal(10)) == Decimal("10." + SEVENTY[3:])
        assert str(cut(Decimal(SEVENTY), digits=21)) == "1.01234567890123456789"  # the last is a zero
        assert len(str(quotient(Decimal(1), Decimal(3)))) == len("0.") + PRICE_DIGITS


def test_each_new_thread_computes_wide():
    results = []
    thread = threading.Thread(target=lambda: results.append(Decimal(SEVENTY) + Decimal(SEVENTY)))
    thread.start()
    thread.join()

    assert results == [Decimal("2." + "0246913578" * 6 + "024691356")]


@pytest.mark.parametrize("trap", [decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow])
def test_what_would_give_a_wrong_number_is_an_error(trap):
    assert EXACT.traps[trap]


@pytest.mark.parametrize(
    ("amount", "divisor", "expected"),
    [
        ("100", "0.5", "200"),
        ("64.17", "0.374", "171.5775401069518716577540106951871657754"),
        ("34.645024", "0.2", "173.22512"),
        ("0.01", "0.0001", "100"),
        ("1000000", "100", "10000"),
        ("1", "3", "0." + "3" * 40),
        ("2", "3", "0." + "6" * 39 + "7"),
    ],
)
def test_a_price_is_a_quotient_of_forty_digits(amount, divisor, expected):
    assert quotient(Decimal(amount), Decimal(divisor)) == Decimal(expected)


def test_there_is_no_price_of_no_shares():
    with pytest.raises(decimal.DivisionByZero):
        quotient(Decimal(1), Decimal(0))


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        ("1.212", 9, "1.212"),
        ("2.7", 0, "2"),
        ("0.999", 0, "0"),
        ("-2.7", 0, "-2"),
        ("0.9999999999", 9, "0.999999999"),
        ("0.0000000009", 9, "0"),
        ("1.000", 9, "1"),
        ("100", 0, "100"),
        ("1E+100", 0, "1" + "0" * 100),
        ("0", 9, "0"),
        (SEVENTY, 9, "1.012345678"),
    ],
)
def test_a_number_is_cut_towards_zero(value, digits, expected):
    assert str(cut(Decimal(value), digits=digits)) == expected


@given(amounts, st.integers(0, 18))
def test_what_is_cut_off_is_less_than_the_last_decimal(value, digits):
    after = Fraction(cut(value, digits=digits))

    assert abs(after) <= abs(Fraction(value))
    assert abs(Fraction(value) - after) < Fraction(1, 10**digits)
    assert (after * 10**digits).denominator == 1


@pytest.mark.parametrize(
    ("amount", "part", "whole", "expected"),
    [
        ("100", "1", "4", "25"),
        ("100", "4", "4", "100"),
        ("-100", "1", "4", "-25"),
        ("1", "1", "3", "0." + "3" * PRICE_DIGITS),
        ("2", "1", "3", "0." + "6" * (PRICE_DIGITS - 1) + "7"),
        (SEVENTY, "3", "3", "1.012345678901234567890123456789012345678"),
    ],
)
def test_a_share_is_to_the_amount_as_the_part_to_the_whole_to_forty_digits(amount, part, whole, expected):
    share = share_of(Decimal(amount), part=Decimal(part), whole=Decimal(whole))

    assert abs(Fraction(share) - Fraction(Decimal(expected))) <= Fraction(1, 10 ** (PRICE_DIGITS - 1))
    assert len(share.as_tuple().digits) <= PRICE_DIGITS


def test_a_thread_is_given_room_for_any_amount_and_so_is_each_that_starts_after():
    with decimal.localcontext(prec=5):
        set_exact_context()

        assert decimal.getcontext().prec == 320
    assert decimal.DefaultContext.prec == 320

"""Decimals as text: one way to write a number, whatever it was computed from."""

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.decimals import canonical, plain, plain_as_it_is

numbers = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=80),
    st.integers(-120, 120),
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.00", "0"),
        ("0E+3", "0"),
        ("1.50", "1.5"),
        ("-1.50", "-1.5"),
        ("100", "100"),
        ("1E+2", "100"),
        ("12.30E+1", "123"),
        ("1E-7", "0.0000001"),
        ("10.0", "10"),
        ("1230", "1230"),
    ],
)
def test_each_number_has_one_text(text, written):
    assert plain(Decimal(text)) == written
    assert str(canonical(Decimal(text))) in (written, text)


@given(numbers)
def test_nothing_is_lost_and_nothing_said_twice(number):
    text = plain(number)

    assert Decimal(text) == number == canonical(number)
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))
    assert (
        canonical(Decimal(text)).as_tuple() == canonical(number).as_tuple() == canonical(canonical(number)).as_tuple()
    )
    exponent = canonical(number).as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent <= 0


@given(numbers)
def test_a_number_that_is_plain_already_is_written_as_it_is(number):
    assert plain_as_it_is(number) == (plain(number) if str(number) == plain(number) else None)


@pytest.mark.parametrize("text", ["NaN", "NaN12", "-NaN120", "Infinity", "-Infinity"])
def test_what_is_no_number_is_never_plain(text):
    assert plain_as_it_is(Decimal(text)) is None


def test_the_context_of_the_thread_changes_nothing():
    with decimal.localcontext() as context:
        context.prec, context.capitals = 3, 0

        assert canonical(Decimal("1E+20")).as_tuple() == Decimal("100000000000000000000").as_tuple()
        assert plain(Decimal("1.234567890")) == "1.23456789"
        assert plain(Decimal("1E+20")) == "100000000000000000000"
        assert plain(Decimal("1E-7")) == "0.0000001"
        assert plain_as_it_is(Decimal("1E-7")) is None

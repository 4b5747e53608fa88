"""Rain floats: exact both ways, and refused where no amount has such a number."""

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.chain.logs import UnusableLog
from trading.chain.rain_float import FloatOutOfRange, NotAFloat, pack, unpack


def word(coefficient: int, exponent: int) -> bytes:
    return exponent.to_bytes(4, signed=True) + coefficient.to_bytes(28, signed=True)


@pytest.mark.parametrize(
    ("coefficient", "exponent", "packed", "value"),
    [
        (0, 0, "00" * 32, "0"),
        (1, 0, "00" * 31 + "01", "1"),
        (5, -1, "ffffffff00000000000000000000000000000000000000000000000000000005", "0.5"),
        (374, -3, "fffffffd00000000000000000000000000000000000000000000000000000176", "0.374"),
        (64169234, -6, "fffffffa00000000000000000000000000000000000000000000000003d32512", "64.169234"),
        (9 * 10**18, -18, "ffffffee00000000000000000000000000000000000000007ce66c50e2840000", "9"),
        (-15, -1, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff1", "-1.5"),
        (
            123456789012345678901,
            -18,
            "ffffffee0000000000000000000000000000000000000006b14e9f812f366c35",
            "123.456789012345678901",
        ),
        (int("3" * 66), -66, "ffffffbe032a49d7b4548be1cdd272ea5a143e739726b4215555555555555555", "0." + "3" * 66),
        (5, 2, "0000000200000000000000000000000000000000000000000000000000000005", "500"),
        # The ends of the coefficient, and of the exponents that an amount may have.
        (2**223 - 1, 0, "000000007fffffffffffffffffffffffffffffffffffffffffffffffffffffff", str(2**223 - 1)),
        (-(2**223), 0, "0000000080000000000000000000000000000000000000000000000000000000", str(-(2**223))),
        (1, 100, "00000064" + "00" * 27 + "01", "1" + "0" * 100),
        (1, -100, "ffffff9c" + "00" * 27 + "01", "0." + "0" * 99 + "1"),
    ],
)
def test_a_float_is_its_coefficient_times_a_power_of_ten(coefficient, exponent, packed, value):
    assert word(coefficient, exponent).hex() == packed
    assert f"{unpack(bytes.fromhex(packed)):f}" == value


def test_one_number_has_many_floats():
    assert unpack(word(5, 0)) == unpack(word(50, -1)) == unpack(word(5 * 10**18, -18))
    assert str(unpack(word(50, -1))) == "5"


@pytest.mark.parametrize(
    "packed",
    [
        "7fffffff7fffffffffffffffffffffffffffffffffffffffffffffffffffffff",  # the greatest float
        "80000000" + "00" * 27 + "01",  # the least above zero
        "00000065" + "00" * 27 + "01",
        "ffffff9b" + "00" * 27 + "01",
        "0000006500" + "ff" * 27,
    ],
)
def test_an_exponent_that_no_amount_has_is_refused(packed):
    with pytest.raises(FloatOutOfRange, match=r"expected a Rain float with an exponent from -100 to 100, was"):
        unpack(bytes.fromhex(packed))


def test_zero_is_zero_under_any_exponent():
    assert unpack(bytes.fromhex("7fffffff" + "00" * 28)) == 0
    assert str(unpack(bytes.fromhex("80000000" + "00" * 28))) == "0"


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_float_has_32_bytes(length):
    with pytest.raises(FloatOutOfRange, match=f"expected a Rain float of 32 bytes, was {length} bytes"):
        unpack(bytes(length))


def test_what_is_refused_parks_the_log():
    assert issubclass(FloatOutOfRange, UnusableLog)


@given(st.integers(-(2**223), 2**223 - 1), st.integers(-100, 100))
def test_a_float_is_read_exactly_in_any_context(coefficient, exponent):
    with decimal.localcontext(decimal.Context(prec=3)):
        value = unpack(word(coefficient, exponent))
        packed = pack(value)
    assert value == Decimal(coefficient).scaleb(exponent, decimal.Context(prec=400))
    assert unpack(packed) == value


@pytest.mark.parametrize(
    ("value", "packed"),
    [
        ("0", "00" * 32),
        ("-0", "00" * 32),
        ("0.374", "fffffffd00000000000000000000000000000000000000000000000000000176"),
        ("-1.5", "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff1"),
        ("500", "00000000000000000000000000000000000000000000000000000000000001f4"),
        # More digits than fit, the last of them zeros.
        ("1" + "0" * 70, (3).to_bytes(4).hex() + (10**67).to_bytes(28).hex()),
    ],
)
def test_a_number_is_written_exactly(value, packed):
    assert unpack(pack(Decimal(value))) == Decimal(value)
    assert pack(Decimal(value)).hex() == packed


@pytest.mark.parametrize("value", ["NaN", "Infinity", "0." + "3" * 68, "3" * 400, "1E+200", "1E-101"])
def test_a_number_that_no_float_holds_is_refused(value):
    with pytest.raises(NotAFloat):
        pack(Decimal(value))

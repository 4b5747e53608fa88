"""Rain floats: an exponent of 32 bits and a coefficient of 224, both signed; the value is coefficient × 10^exponent.

One number has many encodings (5·10⁰ is 50·10⁻¹), so floats are compared as numbers and never as bytes.
"""

from decimal import Decimal

from trading.chain.logs import UnusableLog
from trading.values.arithmetic import EXACT, ZERO, canonical

WORD_BYTES = 32
# A float may claim an exponent of two thousand millions: no amount has one, and nobody could write the number down.
GREATEST_EXPONENT = 100

_EXPONENT_BYTES = 4
_LOWEST_COEFFICIENT, _HIGHEST_COEFFICIENT = -(2**223), 2**223 - 1


class FloatOutOfRange(UnusableLog):
    """The float's exponent is one that no amount has."""


class NotAFloat(ValueError):
    """No float holds the number exactly."""


def unpack(word: bytes) -> Decimal:
    """Read a float exactly, whatever the decimal context. Raises FloatOutOfRange."""
    if len(word) != WORD_BYTES:
        raise FloatOutOfRange(f"expected a Rain float of {WORD_BYTES} bytes, was {len(word)} bytes")
    coefficient = int.from_bytes(word[_EXPONENT_BYTES:], signed=True)
    if not coefficient:
        return ZERO
    exponent = int.from_bytes(word[:_EXPONENT_BYTES], signed=True)
    if not -GREATEST_EXPONENT <= exponent <= GREATEST_EXPONENT:
        raise FloatOutOfRange(
            f"expected a Rain float with an exponent from -{GREATEST_EXPONENT} to {GREATEST_EXPONENT}, "
            f"was {exponent} in 0x{word.hex()}"
        )
    return canonical(Decimal(coefficient).scaleb(exponent, EXACT))


def pack(value: Decimal) -> bytes:
    """Write a number as a float that holds it exactly. Raises NotAFloat."""
    if not value.is_finite():
        raise NotAFloat(f"expected a finite number, was {value}")
    if not value:
        return bytes(WORD_BYTES)
    sign, digits, places = value.as_tuple()
    exponent = int(places)  # A letter only where the number isn't finite.
    coefficient = int(Decimal((sign, digits, 0)))
    while not _LOWEST_COEFFICIENT <= coefficient <= _HIGHEST_COEFFICIENT and coefficient % 10 == 0:
        coefficient //= 10
        exponent += 1
    if not _LOWEST_COEFFICIENT <= coefficient <= _HIGHEST_COEFFICIENT:
        raise NotAFloat(f"expected a number whose digits fit 224 bits, was {value}")
    if not -GREATEST_EXPONENT <= exponent <= GREATEST_EXPONENT:
        raise NotAFloat(f"expected an exponent from -{GREATEST_EXPONENT} to {GREATEST_EXPONENT}, was {value}")
    return exponent.to_bytes(_EXPONENT_BYTES, signed=True) + coefficient.to_bytes(
        WORD_BYTES - _EXPONENT_BYTES, signed=True
    )

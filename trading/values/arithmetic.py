"""Arithmetic: the decimal context in which quantities are added, and the one in which a price is divided.

Amounts from a Rain float carry up to 68 digits at an exponent between -100 and +100, so a sum of them needs at most
269 digits; a context of 320 holds it with room for more summands than there are fills, and traps a dropped digit.
"""

import decimal
from decimal import ROUND_DOWN, Decimal

from eventstore.decimals import canonical, plain

__all__ = [
    "EXACT",
    "PRICE_DIGITS",
    "ZERO",
    "add",
    "canonical",
    "cut",
    "multiply",
    "plain",
    "quotient",
    "set_exact_context",
    "share_of",
    "subtract",
    "total",
]

DIGITS = 320

EXACT = decimal.Context(
    prec=DIGITS,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=decimal.MIN_EMIN,
    Emax=decimal.MAX_EMAX,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Inexact],
)

# A price is a quotient of two exact amounts, both of which are kept: 40 digits show it, and nothing is summed from it.
PRICE_DIGITS = 40
_QUOTIENT = decimal.Context(
    prec=PRICE_DIGITS,
    rounding=decimal.ROUND_HALF_EVEN,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)

ZERO = Decimal(0)


def set_exact_context() -> None:
    """Give this thread, and each that starts after, a context wide enough for any amount of ours.

    `Inexact` is not trapped here, since libraries divide in the same threads; our own sums go through `add`,
    `subtract` and `multiply`, which trap it wherever they run.
    """
    decimal.DefaultContext.prec = DIGITS
    decimal.getcontext().prec = DIGITS


def add(left: Decimal, right: Decimal) -> Decimal:
    """Add exactly. Raises decimal.Inexact rather than drop a digit."""
    return EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Subtract exactly. Raises decimal.Inexact rather than drop a digit."""
    return EXACT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Multiply exactly. Raises decimal.Inexact rather than drop a digit."""
    return EXACT.multiply(left, right)


def total(values: "list[Decimal]") -> Decimal:
    """Add many exactly."""
    result = ZERO
    for value in values:
        result = EXACT.add(result, value)
    return result


def quotient(amount: Decimal, divisor: Decimal) -> Decimal:
    """Divide to 40 significant digits, half-even: the one place where a digit is given up."""
    return _QUOTIENT.divide(amount, divisor)


def share_of(amount: Decimal, *, part: Decimal, whole: Decimal) -> Decimal:
    """Take that share of an amount which a part is of a whole, to 40 significant digits, half-even."""
    return _QUOTIENT.divide(_WIDE.multiply(amount, part), whole)


def cut(value: Decimal, *, digits: int) -> Decimal:
    """Cut a number towards zero after so many decimals: what a broker of that precision can take."""
    if value.is_zero():
        return ZERO
    return canonical(value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_DOWN, context=_WIDE))


_WIDE = decimal.Context(prec=DIGITS, traps=[decimal.InvalidOperation])

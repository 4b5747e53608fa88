"""Decimals as text: one way to write a number, so that equal numbers are equal bytes."""

import decimal
from decimal import Decimal

# Wide enough that normalising drops zeros only: no number that we keep has more digits than this.
_WIDE = decimal.Context(
    prec=1000,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=decimal.MIN_EMIN,
    Emax=decimal.MAX_EMAX,
    traps=[decimal.InvalidOperation, decimal.Inexact, decimal.Overflow],
)
# As str() writes, whatever the context of the thread says about it.
_written = _WIDE.to_sci_string
_ZERO = Decimal(0)
_ONE = Decimal(1)


def canonical(value: Decimal) -> Decimal:
    """Strip the zeros that say nothing, and never show a positive exponent: 1.50 is 1.5, 1E+2 is 100, -0 is 0."""
    if not value:
        return _ZERO
    stripped = value.normalize(_WIDE)
    # A positive exponent is always shown, and taking the number apart would cost more than all the rest.
    return stripped.quantize(_ONE, context=_WIDE) if "E+" in _written(stripped) else stripped


def plain(value: Decimal) -> str:
    """Write a number the one way that we store it: no exponent, no trailing zero, no negative zero."""
    text = plain_as_it_is(value)
    if text is not None:
        return text
    stripped = canonical(value)
    text = _written(stripped)
    return f"{stripped:f}" if "E" in text else text


def plain_as_it_is(value: Decimal) -> str | None:
    """Write a number as str() does where that is the one way already, as nearly always; else return None."""
    text = _written(value)
    if "E" in text or (text[-1] == "0" and ("." in text or text == "-0")) or not value.is_finite():
        return None
    return text

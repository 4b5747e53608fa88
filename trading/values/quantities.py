"""Quantities: shares and dollars as exact decimals, told apart by their types."""

import re
from decimal import Decimal, DecimalException
from typing import NewType

from trading.values.arithmetic import canonical

Shares = NewType("Shares", Decimal)
"""A number of shares; may be fractional, may carry seventy digits. Signed only where a name says net."""

Usd = NewType("Usd", Decimal)
"""US dollars, or USDC, which we take for dollars."""


class NotANumber(ValueError):
    """The text is no finite decimal number. Mend the text; nothing was guessed."""


def shares(text: str | int | Decimal) -> Shares:
    """Parse a number of shares. Raises NotANumber."""
    return Shares(parsed(text, "a number of shares"))


def usd(text: str | int | Decimal) -> Usd:
    """Parse an amount of dollars. Raises NotANumber."""
    return Usd(parsed(text, "an amount of dollars"))


# Decimal() takes more than we mean: underscores, digits of other scripts, the words of infinity, and floats.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


# More could be written down in a line, and would fill the memory when it is written out.
_MOST_DIGITS = 1000


def parsed(text: object, expected: str) -> Decimal:
    """Parse a number for which there is no type. Raises NotANumber."""
    if isinstance(text, bool) or not isinstance(text, Decimal | int | str):
        raise NotANumber(f"expected {expected} as text, int or Decimal, was {text!r:.80}")
    if isinstance(text, str) and not _NUMBER.fullmatch(text.strip()):
        raise NotANumber(f"expected {expected}, was {text[:80]!r}")
    value = Decimal(text)
    if not value.is_finite():
        raise NotANumber(f"expected {expected} that is finite, was {value}")
    try:
        value = canonical(value)
    except DecimalException as error:
        raise NotANumber(f"expected {expected} of at most {_MOST_DIGITS} digits, was {str(value)[:80]}…") from error
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_DIGITS:
        raise NotANumber(f"expected {expected} of at most {_MOST_DIGITS} digits, was {str(value)[:80]}…")
    return value

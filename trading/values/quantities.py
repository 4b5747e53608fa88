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
    return Shares(_parse(text, "a number of shares"))


def usd(text: str | int | Decimal) -> Usd:
    """Parse an amount of dollars. Raises NotANumber."""
    return Usd(_parse(text, "an amount of dollars"))


# Decimal() takes more than we mean: underscores, digits of other scripts, the words of infinity, and floats.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def _parse(text: str | int | Decimal, expected: str) -> Decimal:
    if isinstance(text, bool) or not isinstance(text, Decimal | int | str):
        raise NotANumber(f"expected {expected} as text, int or Decimal, was {text!r}")
    if isinstance(text, str) and not _NUMBER.fullmatch(text.strip()):
        raise NotANumber(f"expected {expected}, was {text[:80]!r}")
    value = Decimal(text)
    if not value.is_finite():
        raise NotANumber(f"expected {expected} that is finite, was {text!r}")
    try:
        return canonical(value)
    except DecimalException as error:
        raise NotANumber(f"expected {expected} of at most 1000 digits, was {str(text)[:80]}…") from error

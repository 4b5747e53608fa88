"""Thresholds: how much exposure a symbol may gather before it is hedged."""

import re
from decimal import Decimal

import msgspec

from trading.values.arithmetic import canonical, plain
from trading.values.quantities import Shares, Usd

MOST_DIGITS = 60
"""With the words around it, a threshold is kept in a row as text of at most eighty characters."""

_NUMBER = r"([0-9]{1,60}(?:\.[0-9]{1,60})?)"
_SHARES = re.compile(_NUMBER + r" ?shares?")
_DOLLARS = re.compile(r"\$ ?" + _NUMBER)


class NotAThreshold(ValueError):
    """The text or the number is no threshold."""


def _checked(number: Decimal) -> None:
    if not number > 0:
        raise NotAThreshold(f"expected a threshold above zero, was {plain(number)}")
    if len(plain(number)) > MOST_DIGITS:
        raise NotAThreshold(f"expected a threshold of at most {MOST_DIGITS} digits, was {plain(number)[:80]}")


class SharesThreshold(msgspec.Struct, frozen=True, tag="shares"):
    """Hedge as soon as the net position reaches a number of shares."""

    shares: Shares

    def __post_init__(self) -> None:
        _checked(self.shares)

    def __str__(self) -> str:
        return f"{plain(self.shares)} {'share' if self.shares == 1 else 'shares'}"


class DollarThreshold(msgspec.Struct, frozen=True, tag="dollars"):
    """Hedge as soon as the net position, at the last price seen on chain, is worth a number of dollars."""

    usd: Usd

    def __post_init__(self) -> None:
        _checked(self.usd)

    def __str__(self) -> str:
        return f"${plain(self.usd)}"


Threshold = SharesThreshold | DollarThreshold

ONE_SHARE = SharesThreshold(Shares(Decimal(1)))


def threshold(text: str) -> Threshold:
    """Read `1 share`, `2.5 shares` or `$100`. Raises NotAThreshold; a threshold is more than zero."""
    stripped = text.strip()
    if found := _SHARES.fullmatch(stripped):
        return SharesThreshold(Shares(canonical(Decimal(found[1]))))
    if found := _DOLLARS.fullmatch(stripped):
        return DollarThreshold(Usd(canonical(Decimal(found[1]))))
    raise NotAThreshold(f"expected a threshold such as '1 share', '2.5 shares' or '$100', was {text[:80]!r}")

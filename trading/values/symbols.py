"""Symbols: the base equity that a broker knows, and the names under which its tokens go on chain."""

from typing import NewType

Symbol = NewType("Symbol", str)
"""A base equity, as `AAPL` or `BRK.B`."""

TokenSymbol = NewType("TokenSymbol", str)
"""A tokenised equity as its token calls itself: `tAAPL`, `wtAAPL`, `AAPL0x`, `NVDAs1`."""

LONGEST_SYMBOL = 32


class NotASymbol(ValueError):
    """The text can't be a symbol."""


class NotATokenisedEquity(ValueError):
    """A token's name has none of the marks of a tokenised equity, so we can't tell which share it stands for."""


def symbol(text: str) -> Symbol:
    """Parse a base symbol as an operator types it: spaces around it and lower case are forgiven. Raises NotASymbol."""
    stripped = text.strip().upper()
    if (
        not stripped
        or len(stripped) > LONGEST_SYMBOL
        or not all(c.isascii() and (c.isalnum() or c in ".-/") for c in stripped)
    ):
        raise NotASymbol(f"expected a stock symbol such as AAPL or BRK.B, was {text!r}")
    return Symbol(stripped)


def base_symbol(token: str) -> Symbol:
    """Tell the share behind a token: `wt` and `t` are prefixes, `0x` and `s1` suffixes; the prefix is tried first.

    Case matters: tickers are upper case, so a lower-case `t` before one is a mark and never a letter of it.
    Raises NotATokenisedEquity, also where nothing stays after stripping.
    """
    for prefix in ("wt", "t"):
        if token.startswith(prefix):
            return _base(token, token.removeprefix(prefix))
    for suffix in ("0x", "s1"):
        if token.endswith(suffix):
            return _base(token, token.removesuffix(suffix))
    raise NotATokenisedEquity(f"expected a tokenised equity such as tAAPL, wtAAPL, AAPL0x or AAPLs1, was {token!r}")


def _base(token: str, base: str) -> Symbol:
    printable = base.isascii() and base.isprintable() and " " not in base
    # `tether` and `wtf` are no shares: a ticker starts with a capital or a digit.
    if not base or len(base) > LONGEST_SYMBOL or not printable or not (base[0].isupper() or base[0].isdigit()):
        raise NotATokenisedEquity(f"expected a ticker inside the token's name, was {token[:80]!r}")
    return Symbol(base)

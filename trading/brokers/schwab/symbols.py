"""Symbols: Schwab writes the class of a share after a slash, BRK/B, where we write BRK.B."""

import re

from trading.values.symbols import NotASymbol, Symbol, symbol

_OURS = re.compile(r"([A-Z]{1,6})\.([A-Z])")
_THEIRS = re.compile(r"([A-Z]{1,6})/([A-Z])")


def to_schwab(ours: Symbol) -> str:
    """Write a symbol as Schwab does. Raises NotASymbol for one that would come back as another."""
    found = _OURS.fullmatch(ours)
    theirs = f"{found[1]}/{found[2]}" if found else str(ours)
    if from_schwab(theirs) != ours:
        raise NotASymbol(f"expected a share's class after a dot, as in BRK.B, was {ours!r}")
    return theirs


def from_schwab(theirs: str) -> Symbol:
    """Read a symbol as Schwab writes it. Raises NotASymbol."""
    found = _THEIRS.fullmatch(theirs.strip())
    return symbol(f"{found[1]}.{found[2]}" if found else theirs)

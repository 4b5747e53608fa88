"""Tickers: which of what sources write in that field is a symbol, and which one."""

import re

from trading.values.symbols import Symbol

# AAPL, BRK.B, BRK/B, BRK-B, brk.b; never `--` or an option's name. A class of shares is a letter or two after a mark.
_TICKER = re.compile(r"([A-Z]{1,6})(?:[./-]([A-Z]{1,2}))?")

# What sources write for "none", and what would pass for a symbol.
_NONE = {"N/A", "NONE", "NULL"}


def tradable(ticker: str) -> Symbol | None:
    """Read a source's ticker as the broker's symbol; None if it is none. BRK/B and BRK-B are BRK.B."""
    text = ticker.strip().upper()
    found = _TICKER.fullmatch(text)
    if found is None or text in _NONE:
        return None
    root, share_class = found.groups()
    return Symbol(f"{root}.{share_class}" if share_class else root)

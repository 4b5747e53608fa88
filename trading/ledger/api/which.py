"""Which memory is told of: the one that the ledger itself reads in the mode in force."""

from trading.ledger.mode import Mode, mode_or_none


def events_are_read() -> bool:
    """Tell whether views of the log are the truth; before, the legacy tables are, and views may lag behind them."""
    return mode_or_none() is Mode.EVENTS

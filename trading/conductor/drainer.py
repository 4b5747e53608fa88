"""The drainer: appends what waits on the backlog, when the event store takes it again."""

from datetime import datetime

from trading.ledger import backlog
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode


class Drainer:
    """Keeps the two memories together; in `legacy` too, where some events are in the event store alone."""

    name = "drainer"

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

    def run_once(self, *, now: datetime) -> bool:
        """Append what the event store takes. Return whether it took anything."""
        if self._ledger.mode is Mode.EVENTS or not backlog.streams_behind():
            return False
        return backlog.drain(now=now).groups > 0

"""The world: what the demo's checks hold against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models

from config.demo.broker_books import BrokerBooks
from config.demo.market import Market
from config.wiring import Wired
from trading.ledger.invariants import LEGACY_BOOKS, VIEWED_BOOKS, Books
from trading.ledger.mode import Mode


@dataclass(frozen=True)
class World:
    """What the market did, what the broker took, and what the books say of it."""

    market: Market
    wired: Wired
    broker: BrokerBooks
    messages: Sequence[str] = ()
    """What came to the webhook of alerts."""

    def memories(self) -> dict[str, Books]:
        """The memories that are written to, each by its name."""
        mode, kept = self.wired.ledger.mode, {}
        if mode is not Mode.EVENTS or self.wired.ledger.legacy_projection:
            kept["legacy tables"] = LEGACY_BOOKS
        if mode is not Mode.LEGACY:
            kept["views"] = VIEWED_BOOKS
        return kept


def rows(table: type[models.Model]) -> models.QuerySet[Any]:
    """All rows of a table of either memory; their columns have the same names in both."""
    return table._default_manager.order_by("pk")

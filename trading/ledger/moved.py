"""Moved fills: which fills came, changed or went, in the commit in which they did. Whoever adds them up reads it.

A row says no more than whose fill to look at again: it is read from the ledger as it is then, so two rows for one fill
do no harm, and what a reorg took is found gone.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import cast

from django.db import models

from eventstore.rows import insert_rows
from trading.ledger.memory import Change
from trading.offchain_order.aggregate import OffchainOrder
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.events import Filled, Migrated, Reorged


class Venue(StrEnum):
    """Where a fill was made, in the words of the older installation."""

    ONCHAIN = "ONCHAIN"
    OFFCHAIN = "OFFCHAIN"


class MovedFill(models.Model):
    """A fill to look at again."""

    id = models.BigAutoField(primary_key=True)
    symbol = models.CharField(max_length=32)
    trade_type = models.CharField(max_length=10, choices=[(v, v) for v in Venue])
    trade_id = models.CharField(max_length=90, help_text="a fill's `0x…:7`, or the number of an order")

    class Meta:
        db_table = "moved_fills"

    def __str__(self) -> str:
        return f"{self.trade_type} {self.trade_id}"


def moved_row(symbol: str, venue: Venue, trade: str) -> dict[str, str]:
    return {"symbol": symbol, "trade_type": venue.value, "trade_id": trade}


def note_moved(changes: Sequence[Change]) -> None:
    """Note, in the commit that changes them, which fills are others now than before."""
    insert_rows(
        MovedFill,
        [moved_row(*found, change.id) for change in changes if (found := _moved(change)) is not None],
    )


def _moved(change: Change) -> tuple[str, Venue] | None:
    if change.aggregate is OnChainTrade:
        trade = cast(OnChainTrade, change.after.state)
        if trade.fill is None or not any(isinstance(event, Filled | Migrated | Reorged) for event in change.events):
            return None
        return trade.fill.symbol, Venue.ONCHAIN
    if change.aggregate is OffchainOrder:
        before, after = cast(OffchainOrder, change.before.state), cast(OffchainOrder, change.after.state)
        return None if _told(before) == _told(after) else (after.symbol, Venue.OFFCHAIN)
    return None


def _told(order: OffchainOrder) -> tuple[object, ...] | None:
    """What of an order makes it a fill, where it is one: an order that is placed or refused moves nothing."""
    return (order.filled_shares, order.average_price_usd, order.ended_at) if order.filled_shares else None

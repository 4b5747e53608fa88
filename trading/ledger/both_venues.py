"""Both venues: trades on chain and at brokers as one list, newest first, the rows of unified_trade_view.

The view as it is has a database read and sort both tables whole. Here the newest of each side are taken through an
index, as many as are wanted in all, and merged.
"""

import heapq
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce

from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView

Cells = tuple[Any, ...]

NOTHING = Value(None, output_field=TextField())


class UnifiedTrade(NamedTuple):
    """A fill on chain, or what a broker filled of an order."""

    created_at: datetime
    traded_at: datetime | None
    trade_type: str
    venue: str
    symbol: str
    direction: str
    quantity: Decimal
    price: Decimal | None
    trade_id: str
    tx_hash: str | None
    log_index: int | None
    execution_id: int | None
    broker_order_id: str | None


def newest(*, limit: int) -> list[UnifiedTrade]:
    """Return trades of both venues, newest first. Of one moment a broker's come first, then each side by its id."""
    sides = [map(UnifiedTrade._make, rows[:limit]) for rows in (at_brokers(), on_chain())]
    return list(islice(heapq.merge(*sides, key=lambda trade: trade.created_at, reverse=True), limit))


def on_chain() -> "QuerySet[OnChainTradeView, Cells]":
    """The fills on chain, newest first, as cells of a UnifiedTrade."""
    rows = OnChainTradeView.objects.filter(reorged_at=None).order_by("-recorded_at", "id")
    return rows.values_list(
        "recorded_at",
        "block_timestamp",
        Value("ONCHAIN"),
        Value("raindex"),
        "base_symbol",
        "side",
        "amount",
        "price_usdc",
        "id",
        "tx_hash",
        "log_index",
        NOTHING,
        NOTHING,
    )


def at_brokers() -> "QuerySet[OffchainOrderView, Cells]":
    """What brokers filled of orders, newest first, as cells of a UnifiedTrade."""
    rows = OffchainOrderView.objects.exclude(filled_shares=0).annotate(
        dated=Coalesce("ended_at", "submitted_at", "placed_at"), trade_id=Cast("execution_id", TextField())
    )
    return rows.order_by("-dated", "trade_id").values_list(
        "dated",
        "dated",
        Value("OFFCHAIN"),
        "broker",
        "symbol",
        "side",
        "filled_shares",
        "average_price_usd",
        "trade_id",
        NOTHING,
        NOTHING,
        "execution_id",
        "broker_order_id",
    )

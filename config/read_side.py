"""The read side: the tables that tell how things stand, which the ledger's mode in force names.

In `legacy` and `dual` the legacy tables are the truth, and are never behind; in `events` the views are, and the legacy
tables may not be written any more.
"""

from dataclasses import dataclass
from typing import Any

from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.mode import Mode, mode_or_none
from trading.ledger.tables import NettingLink, OffchainTrade, OnchainTrade, TradeAccumulator, TradeExecutionLink
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView
from trading.position.view import PositionView


@dataclass(frozen=True)
class ReadSide:
    """The tables of positions, orders, fills and links, and the columns in which they differ."""

    name: str
    """What to call it: the legacy tables, or the views."""

    positions: Any
    orders: Any
    fills: Any
    links: Any
    nettings: Any

    order_number: str
    """The column of an order's number."""

    taken_in_at: str
    """The column that says when a fill was taken in."""

    fills_newest_first: tuple[str, ...]
    """An order of fills that an index has."""


LEGACY_TABLES = ReadSide(
    name="legacy tables",
    positions=TradeAccumulator.objects,
    orders=OffchainTrade.objects,
    fills=OnchainTrade.objects,
    links=TradeExecutionLink.objects,
    nettings=NettingLink.objects,
    order_number="id",
    taken_in_at="created_at",
    # Rows are written as fills are taken in.
    fills_newest_first=("-id",),
)
VIEWS = ReadSide(
    name="views",
    positions=PositionView.objects,
    orders=OffchainOrderView.objects,
    fills=OnChainTradeView.objects,
    links=TradeLinkView.objects,
    nettings=NettingLinkView.objects,
    order_number="execution_id",
    taken_in_at="recorded_at",
    fills_newest_first=("-recorded_at", "-id"),
)


def read_side() -> ReadSide:
    """Return what the mode in force is read from; on a fresh database, the legacy tables."""
    return VIEWS if mode_or_none() is Mode.EVENTS else LEGACY_TABLES

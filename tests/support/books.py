"""Books: all that the ledger holds, read out in plain values, and held to be the same in both of its memories."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models

from eventstore.handling import load_many
from trading.ledger import tables
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.book import Ledger
from trading.ledger.compare import compare
from trading.ledger.invariants import LEGACY_BOOKS, broken
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.mode import Mode
from trading.offchain_order import view as order_view
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade import view as trade_view
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.view import OnChainTradeView
from trading.position import view as position_view
from trading.position.aggregate import Position
from trading.position.view import PositionView


class Books(NamedTuple):
    """States by id, links as (trade, order, contributed, released, reorged), nettings as (trade, opposite, …)."""

    trades: dict[str, OnChainTrade]
    positions: dict[str, Position]
    orders: dict[int, OffchainOrder]
    links: list[tuple[str, int, Decimal, Decimal, bool]]
    nettings: list[tuple[str, str, int, Decimal, bool]]
    unlinked: dict[str, Decimal]
    unallocated: dict[int, tuple[Decimal, str | None]]

    def contributions(self, order: int) -> dict[str, Decimal]:
        """What each fill contributes to an order, less what it was given back."""
        return {trade: given - back for trade, placed, given, back, _ in self.links if placed == order}


def books(ledger: Ledger) -> Books:
    """Read the books. Two memories must agree, with each other and with the streams, and nothing be on the backlog."""
    legacy = _read(_Legacy) if ledger.mode is not Mode.EVENTS or ledger.legacy_projection else None
    assert list(compare(ledger.mode, legacy_projection=ledger.legacy_projection)) == []
    if ledger.mode is Mode.LEGACY:
        assert legacy is not None
        assert list(broken(LEGACY_BOOKS)) == []
        return legacy
    assert not BackloggedEvent.objects.exists()
    viewed = _read(_Views)
    _hold_equal_to_streams(viewed)
    if legacy is not None:
        assert legacy == viewed
    return legacy if legacy is not None and ledger.mode is Mode.DUAL else viewed


class _Tables(NamedTuple):
    trades: type[models.Model]
    positions: type[models.Model]
    orders: type[models.Model]
    links: type[models.Model]
    nettings: type[models.Model]


_Legacy = _Tables(
    tables.OnchainTrade,
    tables.TradeAccumulator,
    tables.OffchainTrade,
    tables.TradeExecutionLink,
    tables.NettingLink,
)
_Views = _Tables(OnChainTradeView, PositionView, OffchainOrderView, TradeLinkView, NettingLinkView)


def _read(of: _Tables) -> Books:
    # By key, so that of a fill that came back after a reorg the newest row is the one that counts.
    trades: Sequence[Any] = list(of.trades._default_manager.order_by("pk"))
    names = {row.pk: str(row.trade) for row in trades}
    orders: Sequence[Any] = list(of.orders._default_manager.order_by("pk"))
    links: Sequence[Any] = list(of.links._default_manager.all())
    nettings: Sequence[Any] = list(of.nettings._default_manager.all())
    positions: Sequence[Any] = list(of.positions._default_manager.all())
    return Books(
        trades={str(row.trade): trade_view.state_of(row) for row in trades},
        positions={row.symbol: position_view.state_of(row) for row in positions if row.stream_version},
        orders={row.pk: order_view.state_of(row, order_id=row.pk) for row in orders},
        links=sorted(
            (names[row.trade_id], row.execution_id, row.contributed_shares, row.released_shares, row.reorged)
            for row in links
        ),
        nettings=sorted(
            (names[row.trade_id], names[row.opposite_id], row.execution_id, row.netted_shares, row.reorged)
            for row in nettings
        ),
        unlinked={str(row.trade): row.unlinked_shares for row in trades},
        unallocated={row.pk: (row.unallocated_shares, row.unallocated_cause) for row in orders},
    )


def _hold_equal_to_streams(viewed: Books) -> None:
    for aggregate, states in (
        (OnChainTrade, viewed.trades),
        (Position, viewed.positions),
        (OffchainOrder, {str(id): order for id, order in viewed.orders.items()}),
    ):
        loaded = load_many(aggregate, list(states))  # type: ignore[type-var]
        assert {id: found.state for id, found in loaded.items()} == states

"""Fills of both venues, as the memory in force has them, each with its place and its dollars."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from trading.ledger.mode import Mode
from trading.ledger.moved import Venue
from trading.ledger.tables import OffchainTrade, OnchainTrade
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView
from trading.pnl.fifo import Fill
from trading.pnl.models import Place
from trading.values.arithmetic import ZERO, multiply
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

ORDER_BOOK = "raindex"

Key = tuple[str, str]
"""The venue and the fill's id there."""


class MadeFill(NamedTuple):
    """A fill that stands: what changed hands, where and when; or why no profit can be computed of it."""

    symbol: Symbol
    key: Key
    venue: str
    place: Place
    side: Side
    shares: Shares
    fill: Fill | None
    excluded: str | None


def symbols(mode: Mode) -> list[Symbol]:
    """The symbols that have fills, in their order."""
    trades: Any = OnChainTradeView if mode is Mode.EVENTS else OnchainTrade
    orders: Any = OffchainOrderView if mode is Mode.EVENTS else OffchainTrade
    found = set(trades.objects.values_list("base_symbol", flat=True).distinct())
    found |= set(orders.objects.values_list("symbol", flat=True).distinct())
    return sorted(found)


def of_symbol(mode: Mode, symbol: Symbol) -> Iterator[MadeFill]:
    """Every fill of a symbol that stands, in no order."""
    if mode is Mode.EVENTS:
        yield from map(_on_chain, OnChainTradeView.objects.filter(base_symbol=symbol, reorged_at=None).iterator())
        orders: Any = OffchainOrderView.objects.filter(symbol=symbol)
    else:
        yield from map(_on_chain, OnchainTrade.objects.filter(base_symbol=symbol, reorged_at=None).iterator())
        orders = OffchainTrade.objects.filter(symbol=symbol)
    yield from map(_at_broker, orders.exclude(filled_shares=ZERO).iterator())


def named(mode: Mode, keys: Collection[Key]) -> dict[Key, MadeFill]:
    """Those of some fills that stand. One that a reorg took, or an order that filled nothing, is not among them."""
    trades = [id for venue, id in keys if venue == Venue.ONCHAIN]
    orders = [int(id) for venue, id in keys if venue == Venue.OFFCHAIN]
    found = [_on_chain(row) for row in _trades(mode, trades)]
    rows: Any = (
        OffchainOrderView.objects.filter(execution_id__in=orders)
        if mode is Mode.EVENTS
        else OffchainTrade.objects.filter(id__in=orders)
    )
    found += [_at_broker(row) for row in rows if row.filled_shares != ZERO]
    return {made.key: made for made in found}


def _trades(mode: Mode, ids: Collection[str]) -> Iterable[Any]:
    if mode is Mode.EVENTS:
        return OnChainTradeView.objects.filter(id__in=ids, reorged_at=None)
    wanted = set(ids)
    rows = OnchainTrade.objects.filter(tx_hash__in={id.partition(":")[0] for id in ids}, reorged_at=None)
    return [row for row in rows if str(row.trade) in wanted]


def _on_chain(row: Any) -> MadeFill:
    at = row.block_timestamp or (row.recorded_at if isinstance(row, OnChainTradeView) else row.created_at)
    usd: Usd | None = row.usdc_amount
    if usd is None and row.price_usdc is not None:  # As of an older installation, which kept the price alone.
        usd = Usd(multiply(row.amount, row.price_usdc))
    return _made(
        symbol=row.base_symbol,
        key=(Venue.ONCHAIN, str(row.trade)),
        venue=ORDER_BOOK,
        place=Place(at, 0, row.block_number or 0, row.log_index),
        row=row,
        shares=row.amount,
        usd=usd,
        unpriced="the fill has no dollars that we know of",
    )


def _at_broker(row: Any) -> MadeFill:
    number = row.execution_id if isinstance(row, OffchainOrderView) else row.id
    price = row.average_price_usd
    return _made(
        symbol=row.symbol,
        key=(Venue.OFFCHAIN, str(number)),
        venue=row.broker,
        # While it is open its fills are dated by when it was sent; by its end when it has one.
        place=Place(row.ended_at or row.submitted_at or row.placed_at, 1, number, 0),
        row=row,
        shares=row.filled_shares,
        usd=None if price is None else Usd(multiply(row.filled_shares, price)),
        unpriced="the broker told no price",
    )


def _made(
    *, symbol: str, key: Key, venue: str, place: Place, row: Any, shares: Shares, usd: Usd | None, unpriced: str
) -> MadeFill:
    side, fill, excluded = Side(row.side), None, None
    if usd is None:
        excluded = unpriced
    elif usd <= 0:
        excluded = "it was made for nothing"
    else:
        fill = Fill(side=side, shares=shares, usd=usd)
    return MadeFill(Symbol(symbol), key, venue, place, side, shares, fill, excluded)

"""Slippage: what hedging a fill cost beside the price of the fill itself, for each order that hedged it."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from trading.ledger.link_views import TradeLinkView
from trading.ledger.mode import Mode, mode_or_none
from trading.ledger.tables import OffchainTrade, OnchainTrade, TradeExecutionLink
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView
from trading.values.arithmetic import ZERO, multiply, quotient, subtract
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

AT_ONCE = 500
TEN_THOUSAND = Decimal(10_000)


class Slippage(NamedTuple):
    """A part of a fill, and the order at a broker that hedged it.

    `slippage_usd` is above zero where the hedge was at a worse price than the fill: bought dearer than it was sold on
    chain, or sold cheaper than it was bought there. Below zero it earned something. None where the fill, or what the
    broker filled, has no price.
    """

    link: int
    """Links are made in the order of their numbers."""

    symbol: Symbol
    trade_id: str
    traded_at: datetime | None
    order: int
    hedged_at: datetime
    hedge_side: Side
    shares: Shares
    chain_price_usd: Usd | None
    hedge_price_usd: Usd | None
    slippage_usd: Usd | None
    basis_points: Decimal | None
    """Of the fill's price, to 40 digits."""


def slippages(
    *,
    symbol: Symbol | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after_link: int = 0,
) -> Iterator[Slippage]:
    """Each part of a fill that an order hedged which has ended in [since, until), by the number of the link.

    A fill that a reorg took, and what an order gave back unfilled, is none.
    """
    mode = mode_or_none()
    links: Any = TradeLinkView.objects if mode is Mode.EVENTS else TradeExecutionLink.objects
    while page := list(links.filter(id__gt=after_link, reorged=False).order_by("id")[:AT_ONCE]):
        after_link = page[-1].id
        orders = _orders(mode, {link.execution_id for link in page}, symbol, since, until)
        fills = _fills(mode, {link.trade_id for link in page if link.execution_id in orders})
        for link in page:
            if (
                link.execution_id in orders
                and link.trade_id in fills
                and link.contributed_shares > link.released_shares
            ):
                yield _slippage(link, fills[link.trade_id], orders[link.execution_id])


def _orders(
    mode: Mode | None, numbers: set[int], symbol: Symbol | None, since: datetime | None, until: datetime | None
) -> dict[int, Any]:
    model: Any = OffchainOrderView if mode is Mode.EVENTS else OffchainTrade
    rows = model.objects.filter(pk__in=numbers, ended_at__isnull=False).exclude(filled_shares=ZERO)
    if symbol is not None:
        rows = rows.filter(symbol=symbol)
    if since is not None:
        rows = rows.filter(ended_at__gte=since)
    if until is not None:
        rows = rows.filter(ended_at__lt=until)
    return {row.pk: row for row in rows}


def _fills(mode: Mode | None, ids: set[Any]) -> dict[Any, Any]:
    model: Any = OnChainTradeView if mode is Mode.EVENTS else OnchainTrade
    return {row.pk: row for row in model.objects.filter(pk__in=ids, reorged_at=None)}


def _slippage(link: Any, fill: Any, order: Any) -> Slippage:
    shares, side = Shares(subtract(link.contributed_shares, link.released_shares)), Side(order.side)
    worse = _worse(side, fill.price_usdc, order.average_price_usd)
    return Slippage(
        link=link.id,
        symbol=Symbol(order.symbol),
        trade_id=str(fill.trade),
        traded_at=fill.block_timestamp,
        order=order.pk,
        hedged_at=order.ended_at,
        hedge_side=side,
        shares=shares,
        chain_price_usd=fill.price_usdc,
        hedge_price_usd=order.average_price_usd,
        slippage_usd=None if worse is None else Usd(multiply(worse, shares)),
        basis_points=None if worse is None else quotient(multiply(worse, TEN_THOUSAND), fill.price_usdc),
    )


def _worse(side: Side, chain: Decimal | None, hedge: Decimal | None) -> Decimal | None:
    """By how much the hedge's price was worse, in dollars a share."""
    if chain is None or hedge is None:
        return None
    return subtract(hedge, chain) if side is Side.BUY else subtract(chain, hedge)

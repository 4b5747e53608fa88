"""Invariants of the links: what one memory, legacy tables or views, must hold by itself.

Every share of a fill that stands is open, covered by an order, or netted with an opposite fill. Every share of an order
is covered by a fill or left unallocated with a cause. So the fills left open add up to the net, less what no fill
explains; a link to a reorged fill explains nothing. What was migrated has no links of ours and is held to less.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from django.db import models
from django.db.models import Q

from trading.ledger.links import LEGACY_LINKS, VIEWED_LINKS, LinkTables
from trading.ledger.tables import TradeAccumulator
from trading.offchain_order.aggregate import ENDS
from trading.position.view import PositionView
from trading.values.arithmetic import ZERO, add, plain, subtract, total
from trading.values.sides import Side

T = TypeVar("T")

CHUNK = 500


class Books(NamedTuple):
    """The tables of one memory that must agree with each other."""

    links: LinkTables
    positions: type[models.Model]


LEGACY_BOOKS = Books(LEGACY_LINKS, TradeAccumulator)
VIEWED_BOOKS = Books(VIEWED_LINKS, PositionView)


class Broken(NamedTuple):
    """What does not add up, of which symbol and in whose account, and what it comes to."""

    symbol: str
    subject: str
    what: str
    expected: str
    found: str


def broken(books: Books, *, since: datetime | None = None) -> Iterator[Broken]:
    """Hold one memory against itself: trades, then orders, then positions. Nothing is yielded where all adds up.

    `since`: only trades and orders that began then or later, so of positions not what all of them explain.
    """
    sums = _Sums()
    all_trades, all_orders = books.links.trades._default_manager.all(), books.links.orders._default_manager.all()
    if since is not None:
        taken_in = "created_at" if books is LEGACY_BOOKS else "recorded_at"
        all_trades, all_orders = (
            all_trades.filter(**{f"{taken_in}__gte": since}),
            all_orders.filter(placed_at__gte=since),
        )
    for trades in chunks(all_trades.order_by("pk").iterator(chunk_size=CHUNK)):
        yield from _broken_trades(books.links, trades, sums)
    for orders in chunks(all_orders.order_by("pk").iterator(chunk_size=CHUNK)):
        yield from _broken_orders(books.links, orders, sums)
    for position in books.positions._default_manager.order_by("pk").iterator(chunk_size=CHUNK):
        yield from _broken_remainders(position)
        if since is None:
            yield from _broken_position(position, sums)


def chunks(items: Iterator[T]) -> Iterator[list[T]]:
    """Take items so many at a time."""
    while chunk := list(islice(items, CHUNK)):
        yield chunk


class _Sums:
    """Signed shares of each symbol, bought above zero."""

    def __init__(self) -> None:
        self.open_trades: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self.without_a_trade: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self.still_to_fill: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self.migrated: set[str] = set()


def _broken_trades(tables: LinkTables, trades: Sequence[Any], sums: _Sums) -> Iterator[Broken]:
    keys = [trade.pk for trade in trades]
    links: defaultdict[Any, list[Any]] = defaultdict(list)
    linked_to: Iterable[Any] = tables.links._default_manager.filter(trade_id__in=keys, reorged=False)
    for link in linked_to:
        links[link.trade_id].append(link)
    netted: defaultdict[Any, Decimal] = defaultdict(lambda: ZERO)
    ours = Q(trade_id__in=keys) | Q(opposite_id__in=keys)
    nettings: Iterable[Any] = tables.nettings._default_manager.filter(ours, reorged=False)
    for netting in nettings:
        for key in (netting.trade_id, netting.opposite_id):
            netted[key] = add(netted[key], netting.netted_shares)

    for trade in trades:
        name = f"trade {trade.trade}"
        linked = total([effective(link) for link in links[trade.pk]])
        accounted = add(trade.unlinked_shares, add(linked, netted[trade.pk]))
        expected = trade.amount if trade.reorged_at is None else ZERO
        if trade.migrated:
            sums.migrated.add(trade.base_symbol)
            if accounted > expected:
                yield Broken(
                    trade.base_symbol,
                    name,
                    "open, linked and netted shares",
                    f"at most {plain(expected)}",
                    plain(accounted),
                )
        elif accounted != expected:
            yield Broken(trade.base_symbol, name, "open, linked and netted shares", plain(expected), plain(accounted))
        if trade.unlinked_shares < 0:
            yield Broken(trade.base_symbol, name, "unlinked_shares", "0 or more", plain(trade.unlinked_shares))
        open_trades = sums.open_trades[trade.base_symbol]
        sums.open_trades[trade.base_symbol] = add(open_trades, _signed(trade.side, trade.unlinked_shares))


def _broken_orders(tables: LinkTables, orders: Sequence[Any], sums: _Sums) -> Iterator[Broken]:
    keys = [order.pk for order in orders]
    links: defaultdict[Any, list[Any]] = defaultdict(list)
    linked_to: Iterable[Any] = tables.links._default_manager.filter(execution_id__in=keys).order_by("pk")
    for link in linked_to:
        links[link.execution_id].append(link)
    linked = {link.trade_id for each in links.values() for link in each}
    trades = tables.trades._default_manager.in_bulk(list(linked))

    for order in orders:
        name = f"order {order.pk}"
        for link in links[order.pk]:
            yield from _broken_link(order, link, trades.get(link.trade_id))
        by_trades = total([effective(link) for link in links[order.pk]])
        ended = order.detailed_status in {state.value for state in ENDS}
        if order.client_order_id is None:
            sums.migrated.add(order.symbol)
        else:
            expected = order.filled_shares if ended else order.shares
            accounted = add(by_trades, order.unallocated_shares)
            if accounted != expected:
                yield Broken(order.symbol, name, "linked and unallocated shares", plain(expected), plain(accounted))
        if order.unallocated_shares < 0:
            yield Broken(order.symbol, name, "unallocated_shares", "0 or more", plain(order.unallocated_shares))
        if bool(order.unallocated_shares) != (order.unallocated_cause is not None):
            expected_cause = "one" if order.unallocated_shares else "none"
            yield Broken(order.symbol, name, "unallocated_cause", expected_cause, str(order.unallocated_cause))

        symbol, side = order.symbol, order.side
        gone = total([effective(link) for link in links[order.pk] if link.reorged])
        unexplained = _signed(side, add(order.unallocated_shares, gone))
        sums.without_a_trade[symbol] = add(sums.without_a_trade[symbol], unexplained)
        if not ended:
            remaining = _signed(side, subtract(order.shares, order.filled_shares))
            sums.still_to_fill[symbol] = add(sums.still_to_fill[symbol], remaining)


def _broken_link(order: Any, link: Any, trade: Any) -> Iterator[Broken]:
    name = f"order {order.pk}, trade {trade.trade if trade is not None else link.trade_id}"
    if trade is None:
        yield Broken(order.symbol, name, "link", "a trade that is known", "none")
    elif not link.reorged and (trade.base_symbol, trade.side) != (order.symbol, Side(order.side).opposite):
        # After a reorg another fill may stand under the same transaction and log index.
        expected = f"a {Side(order.side).opposite} of {order.symbol}"
        yield Broken(order.symbol, name, "link", expected, f"a {trade.side} of {trade.base_symbol}")
    if not 0 <= link.released_shares <= link.contributed_shares:
        expected = f"from 0 to {plain(link.contributed_shares)}"
        yield Broken(order.symbol, name, "released_shares", expected, plain(link.released_shares))


def _broken_remainders(position: Any) -> Iterator[Broken]:
    symbol, net = position.symbol, position.net_position
    remainders = subtract(position.accumulated_long, position.accumulated_short)
    if net != remainders:
        yield Broken(symbol, f"position {symbol}", "net_position", plain(remainders), plain(net))


def _broken_position(position: Any, sums: _Sums) -> Iterator[Broken]:
    symbol, net = position.symbol, position.net_position
    lifetime = add(
        subtract(position.onchain_bought, position.onchain_sold), subtract(position.broker_bought, position.broker_sold)
    )
    # What an operator set is part of the net, and no fill's.
    of_fills = subtract(net, position.adjusted_shares)
    if symbol in sums.migrated or lifetime != of_fills:
        return  # A migrated net came without the fills and orders that it is made of.
    explained = subtract(add(sums.open_trades[symbol], sums.without_a_trade[symbol]), sums.still_to_fill[symbol])
    if explained != of_fills:
        yield Broken(
            symbol, f"position {symbol}", "net explained by open trades and orders", plain(of_fills), plain(explained)
        )


def effective(link: Any) -> Decimal:
    """The shares of a link that its order did not give back."""
    return subtract(link.contributed_shares, link.released_shares)


def _signed(side: str, shares: Decimal) -> Decimal:
    return shares if side == Side.BUY else shares.copy_negate()

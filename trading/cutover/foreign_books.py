"""Foreign books: what an older installation's rows mean here, and every cell that means something else.

There, a position was reduced when an order was placed, and never got back what a failed order did not fill; here it
moves with what a broker filled. So the shares of orders under way, and of failed ones, are given back, each shown. The
column `net_position` was not kept up there and is never used.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from trading.cutover.findings import BadRow, Correction
from trading.cutover.foreign_notes import notes_of
from trading.cutover.foreign_rows import ForeignLink, ForeignOrder, ForeignPosition, ForeignRows, ForeignTrade
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.events import Migrated
from trading.position.aggregate import Position
from trading.position.events import LastPrice, PendingOrder
from trading.values.arithmetic import ZERO, add, plain, subtract, total
from trading.values.identifiers import BrokerOrderId, OrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol
from trading.values.thresholds import Threshold

# What the older installation took for nothing when it linked fills to orders.
TOLERANCE = Decimal("0.001")

STATES = {
    "PENDING": OrderState.PLACED,
    "SUBMITTED": OrderState.SUBMITTED,
    "FILLED": OrderState.FILLED,
    "FAILED": OrderState.FAILED,
}


class BookedTrade(NamedTuple):
    source: ForeignTrade
    state: OnChainTrade
    unlinked_shares: Decimal


class BookedOrder(NamedTuple):
    source: ForeignOrder
    state: OffchainOrder
    unallocated_shares: Decimal


class BookedPosition(NamedTuple):
    source: ForeignPosition
    state: Position


class BookedLink(NamedTuple):
    source: ForeignLink
    contributed_shares: Decimal
    released_shares: Decimal


@dataclass
class ForeignBooks:
    """What is taken over, what was corrected, what was not understood, and what an operator should know besides."""

    trades: list[BookedTrade] = field(default_factory=list)
    orders: list[BookedOrder] = field(default_factory=list)
    positions: list[BookedPosition] = field(default_factory=list)
    links: list[BookedLink] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def keep_books(rows: ForeignRows, threshold: Threshold) -> ForeignBooks:
    """Say in our terms what the rows say in theirs."""
    books = ForeignBooks(bad=list(rows.bad))
    trades = {trade.id: trade for trade in _once(rows.trades, books)}
    orders = {order.id: order for order in _one_open_a_symbol(rows.orders, books)}
    links = [link for link in rows.links if _fits(link, trades, orders, books)]
    books.links = list(_booked_links(links, trades, orders, books))
    books.trades = _booked_trades(trades, books.links)
    books.orders = _booked_orders(orders, books.links)
    for position in rows.positions:
        ours = [order for order in orders.values() if order.symbol == position.symbol]
        fills = [trade for trade in trades.values() if trade.symbol == position.symbol]
        books.positions.append(BookedPosition(position, _booked_position(position, fills, ours, threshold, books)))
    _miss_positions(books)
    books.notes = notes_of(rows, [order.source for order in books.orders], [each.state for each in books.positions])
    return books


# What can't be


def _once(trades: list[ForeignTrade], books: ForeignBooks) -> Iterator[ForeignTrade]:
    seen = set()
    for trade in trades:
        if trade.trade in seen:
            books.bad.append(trade.cells.bad("tx_hash", f"expected one row of log {trade.trade.log_index}, found two"))
        else:
            seen.add(trade.trade)
            yield trade


def _one_open_a_symbol(orders: list[ForeignOrder], books: ForeignBooks) -> Iterator[ForeignOrder]:
    open_orders: dict[Symbol, int] = {}
    for order in orders:
        if order.is_open and order.symbol in open_orders:
            books.bad.append(
                order.cells.bad("status", f"expected one open order of {order.symbol}, {open_orders[order.symbol]} is")
            )
            continue
        if order.is_open:
            open_orders[order.symbol] = order.id
        yield order


def _fits(
    link: ForeignLink, trades: dict[int, ForeignTrade], orders: dict[int, ForeignOrder], books: ForeignBooks
) -> bool:
    trade, order = trades.get(link.trade), orders.get(link.order)
    if trade is None:
        books.bad.append(link.cells.bad("trade_id", "expected a trade that is taken over"))
    elif order is None:
        books.bad.append(link.cells.bad("execution_id", "expected an order that is taken over"))
    elif (trade.symbol, trade.side) != (order.symbol, order.side.opposite):
        expected = f"expected a {order.side.opposite} of {order.symbol}"
        books.bad.append(link.cells.bad("trade_id", f"{expected}, found a {trade.side} of {trade.symbol}"))
    else:
        return True
    return False


def _miss_positions(books: ForeignBooks) -> None:
    known = {position.state.symbol for position in books.positions}
    for symbol in dict.fromkeys(row.symbol for row in _sources(books)):
        if symbol not in known:
            books.bad.append(
                BadRow(
                    "trade_accumulators", symbol, "symbol", "nothing", "expected a row, since it has trades or orders"
                )
            )


def _sources(books: ForeignBooks) -> Iterator[ForeignTrade | ForeignOrder]:
    yield from (trade.source for trade in books.trades)
    yield from (order.source for order in books.orders)


# Links


def _booked_links(
    links: list[ForeignLink], trades: dict[int, ForeignTrade], orders: dict[int, ForeignOrder], books: ForeignBooks
) -> Iterator[BookedLink]:
    """Release what failed orders hold, and cut what sums of doubles made larger than the fill that it is of."""
    left = {id: trade.amount for id, trade in trades.items()}
    seen: set[tuple[int, int]] = set()
    for link in links:
        subject = f"link of order {link.order} to {trades[link.trade].trade}"
        if (link.trade, link.order) in seen:
            books.bad.append(link.cells.bad("execution_id", "expected one link of an order to a trade, found two"))
            continue
        seen.add((link.trade, link.order))
        if orders[link.order].status == "FAILED":
            books.corrections.append(
                Correction(subject, "released_shares", "0", plain(link.shares), f"order {link.order} failed")
            )
            yield BookedLink(link, link.shares, link.shares)
            continue
        shares = min(link.shares, left[link.trade])
        over = subtract(link.shares, shares)
        if over > TOLERANCE or not shares:
            reason = f"expected at most the {plain(left[link.trade])} shares that are open of its trade"
            books.bad.append(link.cells.bad("contributed_shares", reason))
            continue
        if over:
            why = "sums of doubles made it more than is open of its trade"
            books.corrections.append(Correction(subject, "contributed_shares", plain(link.shares), plain(shares), why))
        left[link.trade] = subtract(left[link.trade], shares)
        yield BookedLink(link, shares, ZERO)


# Trades and orders


def _booked_trades(trades: dict[int, ForeignTrade], links: list[BookedLink]) -> list[BookedTrade]:
    left = {id: trade.amount for id, trade in trades.items()}
    for link in links:
        held = subtract(link.contributed_shares, link.released_shares)
        left[link.source.trade] = subtract(left[link.source.trade], held)
    return [BookedTrade(trade, _state_of_trade(trade), left[id]) for id, trade in trades.items()]


def _state_of_trade(trade: ForeignTrade) -> OnChainTrade:
    fill = Migrated(
        symbol=trade.symbol,
        token_symbol=trade.token,
        side=trade.side,
        amount=Shares(trade.amount),
        price_usdc=None if trade.price is None else Usd(trade.price),
        block_timestamp=trade.block_timestamp,
        block_number=trade.block_number,
    )
    return OnChainTrade(trade=trade.trade, fill=fill, gas=trade.gas, pyth=trade.pyth)


def _booked_orders(orders: dict[int, ForeignOrder], links: list[BookedLink]) -> list[BookedOrder]:
    linked: defaultdict[int, list[BookedLink]] = defaultdict(list)
    for link in links:
        linked[link.source.order].append(link)
    return [_booked_order(order, linked[id]) for id, order in orders.items()]


def _booked_order(order: ForeignOrder, links: list[BookedLink]) -> BookedOrder:
    state = OffchainOrder(
        order_id=OrderId(order.id),
        state=STATES[order.status],
        symbol=order.symbol,
        side=order.side,
        broker=order.broker,
        requested_shares=Shares(order.shares),
        filled_shares=Shares(order.shares if order.status == "FILLED" else ZERO),
        average_price_usd=None if order.price is None else Usd(order.price),
        broker_order_id=None if order.broker_order_id is None else BrokerOrderId(order.broker_order_id),
        # An order was placed in the commit that linked it.
        placed_at=min((link.source.created_at for link in links), default=None),
        ended_at=order.ended_at,
    )
    covered = total([subtract(link.contributed_shares, link.released_shares) for link in links])
    uncovered = ZERO if order.status == "FAILED" else max(subtract(order.shares, covered), ZERO)
    return BookedOrder(order, state, uncovered)


# Positions


def _booked_position(
    position: ForeignPosition,
    trades: list[ForeignTrade],
    orders: list[ForeignOrder],
    threshold: Threshold,
    books: ForeignBooks,
) -> Position:
    subject = f"position {position.symbol}"
    remainders = {Side.SELL: position.long, Side.BUY: position.short}
    for order in orders:
        if order.status == "FILLED":
            continue
        before = remainders[order.side]
        remainders[order.side] = add(before, order.shares)
        told = f"order {order.id} ({order.side} {plain(order.shares)})"
        why = (
            "is under way: it counts when it is filled" if order.is_open else "failed: its shares were never given back"
        )
        column = "accumulated_long" if order.side is Side.SELL else "accumulated_short"
        books.corrections.append(
            Correction(subject, column, plain(before), plain(remainders[order.side]), f"{told} {why}")
        )
    under_way = next((order for order in orders if order.is_open), None)
    state = Position(
        symbol=position.symbol,
        threshold=threshold,
        accumulated_long=Shares(remainders[Side.SELL]),
        accumulated_short=Shares(remainders[Side.BUY]),
        onchain_bought=_sum(trades, Side.BUY),
        onchain_sold=_sum(trades, Side.SELL),
        broker_bought=_sum_filled(orders, Side.BUY),
        broker_sold=_sum_filled(orders, Side.SELL),
        pending=None
        if under_way is None
        else PendingOrder(order_id=OrderId(under_way.id), side=under_way.side, shares=Shares(under_way.shares)),
        last_price=_last_price(trades),
    )
    if position.stale_net is not None and position.stale_net != state.net:
        stale, why = plain(position.stale_net), "the column was not kept up"
        books.corrections.append(Correction(subject, "net_position", stale, plain(state.net), why))
    pending = None if under_way is None else under_way.id
    if position.pending != pending:
        was, why = str(position.pending).lower(), "the order that is open"
        books.corrections.append(Correction(subject, "pending_execution_id", was, str(pending).lower(), why))
    return state


def _sum(trades: list[ForeignTrade], side: Side) -> Shares:
    return Shares(total([trade.amount for trade in trades if trade.side is side]))


def _sum_filled(orders: list[ForeignOrder], side: Side) -> Shares:
    return Shares(total([order.shares for order in orders if order.status == "FILLED" and order.side is side]))


def _last_price(trades: list[ForeignTrade]) -> LastPrice | None:
    """The price of the newest fill of which it is known where it stands in the chain."""
    prices = [
        LastPrice(
            price_usdc=Usd(trade.price),
            block_timestamp=trade.block_timestamp,
            block_number=trade.block_number,
            log_index=trade.trade.log_index,
        )
        for trade in trades
        if trade.price is not None and trade.block_number is not None and trade.block_timestamp is not None
    ]
    return max(prices, key=lambda price: price.chain_order, default=None)

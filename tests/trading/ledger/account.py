"""Account: what fills and orders come to, in fractions, kept by somebody who has only heard of what happened."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from trading.offchain_order import aggregate as orders
from trading.onchain_trade import aggregate as trades
from trading.position import aggregate as positions
from trading.values.sides import Side

ENDS = frozenset({"filled", "cancelled", "failed"})
Refusal = type[Exception] | None


class HeardFill(NamedTuple):
    symbol: str
    side: Side
    amount: Fraction
    stands: bool = True
    is_enriched: bool = False


class HeardOrder(NamedTuple):
    symbol: str
    side: Side
    shares: Fraction
    filled: Fraction = Fraction(0)
    stands: str = "placed"


class Known(NamedTuple):
    """What must be found in the books: nets of symbols, orders under way, every fill and every order."""

    nets: dict[str, Fraction]
    under_way: dict[str, int]
    fills: list[HeardFill]
    orders: dict[int, HeardOrder]


@dataclass
class Account:
    """Each of its verbs says how the step must be refused, or notes what it does. Hedges are whole shares."""

    fills: list[HeardFill] = field(default_factory=list)
    orders: dict[int, HeardOrder] = field(default_factory=dict)

    def net(self, symbol: str) -> Fraction:
        moves = [(fill.side, fill.amount) for fill in self.fills if fill.symbol == symbol and fill.stands]
        moves += [(order.side, order.filled) for order in self.orders.values() if order.symbol == symbol]
        return sum((shares if side is Side.BUY else -shares for side, shares in moves), Fraction(0))

    def under_way(self, symbol: str) -> int | None:
        found = [n for n, order in self.orders.items() if order.symbol == symbol and order.stands not in ENDS]
        assert len(found) <= 1
        return found[0] if found else None

    def known(self) -> Known:
        symbols = sorted({fill.symbol for fill in self.fills})
        under_way = {symbol: order for symbol in symbols if (order := self.under_way(symbol)) is not None}
        return Known({symbol: self.net(symbol) for symbol in symbols}, under_way, [*self.fills], {**self.orders})

    # Chain

    def fill(self, symbol: str, side: Side, amount: Decimal) -> Refusal:
        self.fills.append(HeardFill(symbol, side, Fraction(amount)))
        return None

    def fill_again(self, place: int, side: Side, amount: Decimal) -> Refusal:
        """The same log is seen again; it counts where a reorg had taken it."""
        fill = self.fills[place]
        if fill.stands:
            return trades.AlreadyFilled
        self.fills[place] = HeardFill(fill.symbol, side, Fraction(amount))
        return None

    def reorg(self, place: int) -> Refusal:
        if not self.fills[place].stands:
            return trades.NotFilled
        self.fills[place] = self.fills[place]._replace(stands=False)
        return None

    def enrich(self, place: int) -> Refusal:
        fill = self.fills[place]
        if not fill.stands:
            return trades.NotFilled
        if fill.is_enriched:
            return trades.AlreadyEnriched
        self.fills[place] = fill._replace(is_enriched=True)
        return None

    # Hedges

    def hedge(self, symbol: str) -> Refusal:
        """One share is the threshold; all whole shares of the net are hedged, unless an order is under way."""
        net = self.net(symbol)
        if self.under_way(symbol) is None and abs(net) >= 1:
            side = Side.SELL if net > 0 else Side.BUY
            self.orders[len(self.orders) + 1] = HeardOrder(symbol, side, Fraction(int(abs(net))))
        return None

    def submit(self, number: int) -> Refusal:
        order = self.orders[number]
        if order.stands in ENDS:
            return orders.AlreadyCompleted
        if order.stands != "placed":
            return orders.AlreadySubmitted
        self.orders[number] = order._replace(stands="submitted")
        return None

    def report(self, told: str, number: int, filled: Decimal) -> Refusal:
        order, exactly = self.orders[number], Fraction(filled)
        if order.stands in ENDS:
            return orders.AlreadyCompleted
        if order.stands == "placed" and told != "failed":
            return orders.NotPlaced
        if exactly < order.filled:
            return orders.FilledLess
        if exactly <= 0 and told in ("partially_filled", "filled"):
            return orders.NothingFilled
        self.orders[number] = order._replace(filled=exactly, stands=told)
        return None

    def fill_late(self, number: int, filled: Decimal) -> Refusal:
        order, exactly = self.orders[number], Fraction(filled)
        if order.stands not in ENDS:
            return orders.NotEnded
        if exactly < order.filled:
            return orders.FilledLess
        if exactly == order.filled:
            return positions.WrongShares
        self.orders[number] = order._replace(filled=exactly)
        return None


def of_books(found: list[Any], known_orders: list[Any]) -> tuple[dict[str, Fraction], dict[str, int], dict[int, Any]]:
    """What a memory tells, in the account's words."""
    nets = {position.symbol: Fraction(position.net) for position in found}
    under_way = {position.symbol: position.pending.order_id for position in found if position.pending is not None}
    told = {
        order.order_id: HeardOrder(
            order.symbol,
            order.side,
            Fraction(order.requested_shares),
            Fraction(order.filled_shares),
            order.state.value,
        )
        for order in known_orders
    }
    return nets, under_way, told

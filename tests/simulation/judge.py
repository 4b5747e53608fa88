"""The judge: whether broker, books and chain agree, after every turn in part and at the end of a story in everything.

What our own rows must say, the product's own invariants say (`trading/invariants`). What is seen only at the moment of
acting, or at the venue, or on the chain, is looked at here, by books that are not ours. What is with the operator is
allowed to be open before the operator has acted, and nothing is after.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from config.venues.orders import Order
from tests.support.books import books
from trading.brokers.outcomes import BrokerError
from trading.brokers.recording import Outgoing
from trading.conductor.inbox import unprocessed
from trading.conductor.work import SymbolWait
from trading.invariants.ends import broker_holds_what_is_booked
from trading.invariants.every import AFTER_EACH_COMMIT, OF_THE_HEDGE
from trading.invariants.looking import Look
from trading.invariants.violations import Invariant
from trading.ledger.backlog import BackloggedEvent
from trading.notices.models import open_notices
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.risk.controls import standing_switch
from trading.risk.records import Denial
from trading.risk.rules import Rule
from trading.risk.scopes import HEDGE
from trading.submission.sendings import sending_of
from trading.values.arithmetic import ZERO, add, plain, subtract
from trading.values.sides import Side
from trading.values.thresholds import SharesThreshold

if TYPE_CHECKING:
    from tests.simulation.play import Play

# The account has too little: cash to buy with, or shares to sell.
WANTING = (Rule.BUYING_POWER, Rule.HOLDINGS)
EVER = set(OrderState) - {OrderState.NOT_PLACED}


class AtVenue(NamedTuple):
    """An order that the venue took, and whatever was put in its place there."""

    ids: frozenset[str]
    client_id: str | None
    symbol: str
    side: Side
    shares: Decimal | None
    filled: Decimal
    is_open: bool

    def __str__(self) -> str:
        return f"the venue's order {'/'.join(sorted(self.ids))} ({self.side} {self.shares} {self.symbol})"


class Judge:
    """Watches one play."""

    def __init__(self, play: "Play") -> None:
        self._play = play
        self._seen: dict[int, OffchainOrder] = {}
        self._too_late: dict[Hashable, str | None] = {}
        """Processes that were held up, perhaps in the midst of sending, when a switch was thrown, and what each sent
        then: one order, though the call may be repeated, as after a token that had ended.
        """

        self._placed_before: set[int] = set()
        """The orders that there were when a switch was thrown."""

    # While it plays.

    def before_an_order(self, call: Outgoing) -> None:
        """I5: an order leaves only after its intent, and that it is being sent, are committed."""
        name: Any = call.reference.order
        sender = self._play.boundaries.at_work[-1]
        order = None if name is None else self._play.ledger.memory().order_named(name)
        if order is None or order.sending_at is None or order.placed_at is None:
            self._play.wrong(f"I5: {name} was about to be sent without a committed intent")
        elif order.has_ended:
            self._play.wrong(f"I5: {name} was about to be sent after it ended as {order.state}")
        elif standing_switch(broker=order.broker, symbol=order.symbol, strategy=HEDGE) is not None:
            if sender not in self._too_late or self._too_late[sender] not in (None, name):
                self._play.wrong(f"I10: {name} was about to be sent while a kill switch is on")
            else:
                self._too_late[sender] = name
        if not self._knows_our_ids and ((way := sending_of(name)) is None or way.in_doubt_at is None):
            self._play.wrong(f"C9: {name} was about to be sent, and nothing says that it may be at the broker")

    def a_switch_was_thrown(self) -> None:
        """What is in the midst of being sent it can't hold back any more; what is placed after it, it can."""
        self._too_late |= dict.fromkeys(self._play.boundaries.at_work)
        self._placed_before = {order.order_id for order in self._play.ledger.memory().orders(EVER)}

    def ends(self, process: Hashable) -> None:
        """A turn of a process is over, with all that it was in the midst of."""
        self._too_late.pop(process, None)

    def after_a_turn(self) -> None:
        """I3–I7, I11, I12 by our rows, I3 by the venue's; what is filled only grows, and an end is an end."""
        orders = self._play.ledger.memory().orders(EVER)
        if orders != list(self._seen.values()):
            self._look(AFTER_EACH_COMMIT)
        at_venue = Counter(order.ask.symbol for order in self._play.venue.exchange.book.open())
        for name, count in at_venue.items():
            if count > 1:
                self._play.wrong(f"I3: {count} orders of {name} are open at the venue")
        for order in orders:
            before = self._seen.get(order.order_id)
            if before is None:
                self._look_at_a_new_one(order)
            if before != order:
                self._play.told(f"  {_shown(order)}")
            if before is not None and order.filled_shares < before.filled_shares:
                self._play.wrong(
                    f"I6: order {order.order_id} had {before.filled_shares} filled, now {order.filled_shares}"
                )
            if before is not None and before.has_ended and order.state is not before.state:
                self._play.wrong(f"I6: order {order.order_id} had ended as {before.state} and is {order.state}")
            self._seen[order.order_id] = order

    def _look_at_a_new_one(self, order: OffchainOrder) -> None:
        """I10: while a kill switch is on nothing that it reaches is placed, not by who was at work before it either."""
        if order.order_id in self._placed_before:
            return
        if standing_switch(broker=order.broker, symbol=order.symbol, strategy=HEDGE) is not None:
            self._play.wrong(f"I10: order {order.order_id} of {order.symbol} was placed while a kill switch was on")

    def look_at_trouble(self, station: str, error: Exception) -> None:
        """What a station raises is waited out and tried again; it is counted, and most of it should not be."""
        self._play.outcome.troubles[f"{station}: {type(error).__name__}"] += 1
        if not isinstance(error, BrokerError):
            self._play.wrong(f"{station} raised {type(error).__name__}: {error}")

    # At the end.

    def last_word(self, *, strict: bool) -> None:
        """Hold everything against everything. `strict`: the operator has acted, so nothing is left to one."""
        for wrong in (*self._orders(strict), *self._positions(strict), *self._left_over(strict), *self._books()):
            self._play.wrong(f"{wrong}{' after the operator acted' if strict else ''}")
        waiting = set() if strict else {order.symbol for order in self.with_operator() if order.has_ended}
        self._look(OF_THE_HEDGE, held_otherwise=waiting)

    def _look(self, invariants: Iterable[Invariant], *, held_otherwise: Collection[str] = ()) -> None:
        """Hold our rows against the product's own invariants; that some symbols are held otherwise is known."""
        story = self._play.story
        for each in invariants:
            look = Look(mode=story.mode, legacy_projection=story.legacy_projection, now=self._play.clock())
            for violation in each.violations(look):
                if each is broker_holds_what_is_booked and violation.subject.split()[0] in held_otherwise:
                    continue
                self._play.wrong(f"{', '.join(each.rows)}: {violation}")

    def with_operator(self) -> list[OffchainOrder]:
        """The orders that nobody but an operator will end, or find: that is told, and the symbol stands still."""
        notices = {(notice.kind, notice.subject) for notice in open_notices()}
        halted = self.halted()
        return [
            order
            for order in self._play.ledger.memory().orders(EVER)
            if order.state is OrderState.UNKNOWN
            and (
                (order.symbol in halted and ("symbol_halted", order.symbol) in notices)
                or ("order_stuck", f"order {order.order_id}") in notices
            )
        ]

    def stopped(self) -> set[str]:
        """The symbols of which no more is hedged until somebody does something: halted, or denied for want of a thing.

        What the gate does not know, or what the market's hours deny, is over by itself.
        """
        wanting = Denial.objects.filter(ended_at=None, rule__in=WANTING).values_list("symbol", flat=True)
        return self.halted() | set(wanting)

    def halted(self) -> set[str]:
        return set(SymbolWait.objects.exclude(halted_at=None).values_list("symbol", flat=True))

    def at_venue(self) -> list[AtVenue]:
        """Every order that the venue took, those that replaced another counted with it."""
        exchange, name_of = self._play.venue.exchange, self._play.venue.name_of
        found = []
        for root in exchange.orders:
            if root.replaces is None:
                chain = list(_chain(root, exchange.orders))
                filled = ZERO
                for order in chain:
                    filled = add(filled, order.filled)
                found.append(
                    AtVenue(
                        ids=frozenset(name_of(order) for order in chain),
                        client_id=root.ask.client_id,
                        symbol=root.ask.symbol,
                        side=root.ask.side,
                        shares=root.ask.shares,
                        filled=filled,
                        is_open=chain[-1].is_open,
                    )
                )
        return found

    def ours_of(self, theirs: AtVenue) -> list[OffchainOrder]:
        """The orders of ours that stand for an order at the venue."""
        orders = self._play.ledger.memory().orders(EVER)
        linked = [order for order in orders if order.broker_order_id in theirs.ids]
        if self._knows_our_ids:
            named = [order for order in orders if order.client_order_id == theirs.client_id]
            return [*named, *(order for order in linked if order not in named)]
        return linked

    def may_be(self, order: OffchainOrder, theirs: AtVenue) -> bool:
        """Tell whether an order that we are in doubt about may be this one."""
        mine = (order.symbol, order.side, order.requested_shares)
        return order.broker_order_id is None and mine == (theirs.symbol, theirs.side, theirs.shares)

    def may_be_there(self, order: OffchainOrder) -> bool:
        """Tell whether an operator who looks at the venue sees an order that is this one, or may be."""
        return any(
            order in ours or (not ours and self.may_be(order, theirs))
            for theirs in self.at_venue()
            for ours in [self.ours_of(theirs)]
        )

    @property
    def _knows_our_ids(self) -> bool:
        return self._play.story.broker == "alpaca"

    def _orders(self, strict: bool) -> Iterator[str]:
        """I4, I6, I7: one broker order an intent, one intent a broker order, and booked is what was filled."""
        waiting = {order.order_id: order for order in self.with_operator()}
        taken: Counter[int] = Counter()
        for theirs in self.at_venue():
            ours = self.ours_of(theirs)
            if not ours and not strict:
                ours = [
                    order for order in waiting.values() if self.may_be(order, theirs) and not taken[order.order_id]
                ][:1]
            if len(ours) != 1:
                names = [f"{order.order_id} ({order.state})" for order in ours]
                yield f"I4: {theirs}, filled {theirs.filled}, stands for {names or 'no order'} of ours"
                continue
            (order,) = ours
            taken[order.order_id] += 1
            if order.order_id in waiting and not strict:
                continue
            if order.filled_shares != theirs.filled:
                booked = f"order {order.order_id} has {order.filled_shares} booked"
                yield f"I6: {booked}, {theirs} has filled {theirs.filled}"
            if theirs.is_open or order.is_open:
                stands = "open" if theirs.is_open else "ended"
                yield f"V2: order {order.order_id} is {order.state}, {theirs} is {stands}"
        for order in self._play.ledger.memory().orders(EVER):
            times = taken[order.order_id]
            if times > 1:
                yield f"I4: order {order.order_id} stands for {times} orders at the venue"
            if not times and (order.broker_order_id is not None or order.filled_shares):
                named = f"{order.state} as {order.broker_order_id}"
                yield f"I4: order {order.order_id} is {named}, which the venue never took"
            if not times and order.is_open and (strict or order.order_id not in waiting):
                yield f"V2: order {order.order_id} is {order.state} and the venue has none"

    def _positions(self, strict: bool) -> Iterator[str]:
        """I1, V1: the net is what chain and venue come to, exactly, and is worth no hedge where nothing is halted."""
        halted = self.halted()
        stopped, waiting = self.stopped(), {order.symbol for order in self.with_operator()}
        notices = {(notice.kind, notice.subject) for notice in open_notices()}
        orders = self._play.ledger.memory().orders(EVER)
        for position in self._play.ledger.memory().positions():
            symbol = position.symbol
            net = self._play.chain.net(symbol)
            for theirs in self.at_venue():
                if theirs.symbol == symbol and symbol not in waiting:
                    net = (add if theirs.side is Side.BUY else subtract)(net, theirs.filled)
            for order in orders:
                if order.symbol == symbol and symbol in waiting:
                    net = (add if order.side is Side.BUY else subtract)(net, order.filled_shares)
            if position.net != net:
                yield f"I1: the net of {symbol} is {plain(position.net)}, chain and venue come to {plain(net)}"
            if symbol in halted and ("symbol_halted", symbol) not in notices:
                yield f"{symbol} is halted and nobody was told"
            if symbol in stopped and strict:
                yield f"V1: {symbol} is halted or denied"
            if symbol in stopped or symbol in waiting:
                continue
            if position.pending is not None or self._play.is_due(position):
                yield f"V1: {symbol} has a net of {plain(position.net)} and order {position.pending} under way"
            if isinstance(position.threshold, SharesThreshold) and position.net.copy_abs() >= 1:
                yield f"V1: {symbol} has a net of {plain(position.net)}"

    def _left_over(self, strict: bool) -> Iterator[str]:
        if logs := unprocessed():
            yield f"{logs} logs are not processed"
        if events := BackloggedEvent.objects.count():
            yield f"{events} events are on the backlog"
        waiting = bool(self.with_operator() or self.stopped())
        for notice in open_notices():
            if notice.kind not in ("late_fill", "overfill") and (strict or not waiting):
                yield f"a notice is open, {notice}: {notice.text}"

    def _books(self) -> Iterator[str]:
        """I8: both memories say the same, which is what their streams say, and each adds up."""
        try:
            books(self._play.ledger)
            connection.check_constraints()
        except AssertionError as error:
            yield f"I8: the books do not agree: {error}"


def _shown(order: OffchainOrder) -> str:
    what = f"{order.side} {plain(order.requested_shares)} {order.symbol}, {order.broker_order_id}"
    return f"order {order.order_id} ({what}): {order.state}, {plain(order.filled_shares)} filled, {order.reason or ''}"


def _chain(order: Order, orders: list[Order]) -> Iterator[Order]:
    while True:
        yield order
        if order.replaced_by is None:
            return
        order = orders[order.replaced_by - 1]

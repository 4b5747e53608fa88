"""A generated history: fills, reorgs and orders, one commit at a time, beside a plain account of what really happened.

The world below knows which fills stand in the chain and what the broker filled. It is kept in a few dicts that share
nothing with the code under test, and the same seed tells the same story to every ledger.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from trading.ledger import backlog
from trading.ledger.book import Ledger
from trading.ledger.mode import next_order
from trading.ledger.step import Step
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.commands import (
    Cancel,
    CompleteFill,
    ConfirmSubmission,
    MarkFailed,
    MarkUnknown,
    Place,
    RecordLateFill,
    StartSubmission,
    UpdatePartialFill,
)
from trading.offchain_order.events import FailureKind
from trading.onchain_trade.aggregate import AlreadyEnriched, AlreadyFilled, OnChainTrade
from trading.onchain_trade.commands import Enrich, Reorg, Witness
from trading.onchain_trade.events import Gas, PythPrice
from trading.position.aggregate import ExecutionIdMismatch, Position
from trading.position.commands import (
    AcknowledgeOnChainFill,
    ApplyLateFill,
    ApplyOffChainFill,
    CancelOffChainOrder,
    CompleteOffChainOrder,
    FailOffChainOrder,
    Initialize,
    PlaceOffChainOrder,
    RevertOnChainFill,
    UpdateThreshold,
)
from trading.values.arithmetic import EXACT
from trading.values.identifiers import BrokerOrderId, OrderId, TradeId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol, TokenSymbol
from trading.values.thresholds import threshold

START = datetime(2025, 11, 3, 14, 30, tzinfo=UTC)
SYMBOLS = [Symbol("AAPL"), Symbol("BRK.B"), Symbol("TSLA")]
ZERO = Decimal(0)


class Boom(Exception):
    """The station died in the middle of its commit."""


@dataclass
class Fill:
    trade: TradeId
    symbol: Symbol
    side: Side
    amount: Decimal
    price: Decimal | None
    block: int
    block_hash: str
    stands: bool = True
    enriched: int = 0


@dataclass
class Order:
    id: OrderId
    symbol: Symbol
    side: Side
    shares: Decimal
    filled: Decimal = ZERO
    broker_id: str | None = None
    sending: bool = False
    ended: bool = False


@dataclass
class World:
    """What is true, whatever any ledger says."""

    fills: dict[TradeId, Fill] = field(default_factory=dict)
    orders: dict[OrderId, Order] = field(default_factory=dict)
    head: int = 100
    forks: int = 0

    def net(self, symbol: Symbol) -> Decimal:
        net = ZERO
        for fill in self.fills.values():
            if fill.symbol == symbol and fill.stands:
                net = EXACT.add(net, fill.amount if fill.side is Side.BUY else fill.amount.copy_negate())
        for order in self.orders.values():
            if order.symbol == symbol:
                net = EXACT.add(net, order.filled if order.side is Side.BUY else order.filled.copy_negate())
        return net

    def block_hash(self, block: int) -> str:
        return "0x" + sha256(f"{block} on fork {self.forks}".encode()).hexdigest()


Body = Callable[[Step], object]


class History:
    """Tells the story of one seed to one ledger."""

    def __init__(
        self, seed: int, ledger: Ledger, *, digits: int | None = 6, wide: bool = False, drains: bool = True
    ) -> None:
        self.random = random.Random(seed)
        self.ledger = ledger
        self.digits = digits
        self.wide = wide
        self.drains = drains
        self.world = World()
        self.now = START
        self.told: list[str] = []
        self.after_commit: Callable[[], None] = lambda: None

    def run(self, steps: int) -> None:
        acts = {
            self.fill: 10,
            self.see_again: 2,
            self.reorg: 3,
            self.fill_again: 3,
            self.enrich: 2,
            self.hedge: 9,
            self.submit: 6,
            self.report: 12,
            self.report_wrongly: 1,
            self.fill_late: 2,
            self.change_threshold: 1,
            self.die: 1,
            self.end_and_hedge: 2,
            self.drain: 2,
        }
        for _ in range(steps):
            self.now += timedelta(seconds=self.random.randint(0, 20), microseconds=self.random.randint(0, 999_999))
            (act,) = self.random.choices(list(acts), list(acts.values()))
            act()

    # Chain

    def fill(self) -> None:
        fills = [self._new_fill() for _ in range(self.random.choice([1, 1, 1, 2, 4]))]
        load = self.random.random() < 0.5

        def body(step):
            if load:
                step.load(symbols={fill.symbol for fill in fills}, trades=[fill.trade for fill in fills])
            for fill in fills:
                self._witness(step, fill)

        told = "fill " + ", ".join(f"{f.side} {f.amount} {f.symbol} in {f.block}" for f in fills)
        self._commit(told, body, then=lambda: self._stand(*fills))

    def see_again(self) -> None:
        """A fill that is known comes again, beside one that is not."""
        if (known := self._some(self._standing())) is None:
            return
        fresh = self._new_fill()

        def body(step):
            self._witness(step, known)
            self._witness(step, fresh)

        told = f"see {known.symbol} {known.trade.log_index} again, and {fresh.side} {fresh.amount} {fresh.symbol}"
        self._commit(told, body, then=lambda: self._stand(fresh))

    def reorg(self) -> None:
        if (fill := self._some(self._standing())) is None:
            return
        block_hash = fill.block_hash
        gone = [f for f in self._standing() if f.block_hash == block_hash]
        found = self.ledger.memory().trades_in_block(block_hash)
        assert {t.trade for t in found} == {f.trade for f in gone}

        def body(step):
            for one in gone:
                with step.group(f"reorg {one.trade}"):
                    step.handle(OnChainTrade, one.trade, Reorg(block_hash=block_hash))
                    revert = RevertOnChainFill(
                        trade=one.trade, side=one.side, amount=Shares(one.amount), block_number=one.block
                    )
                    step.handle(Position, one.symbol, revert)

        def then():
            self.world.forks += 1
            for one in gone:
                one.stands = False

        self._commit(f"reorg block {fill.block} with {len(gone)} fills", body, then=then)

    def fill_again(self) -> None:
        """A fill that a reorg took comes back in another block, perhaps for another amount."""
        if (gone := self._some([f for f in self.world.fills.values() if not f.stands])) is None:
            return
        back = self._new_fill()
        back.trade, back.symbol, back.side = gone.trade, gone.symbol, gone.side
        if self.random.random() < 0.7:
            back.amount = gone.amount

        told = f"fill again {back.side} {back.amount} {back.symbol}"
        self._commit(told, lambda step: self._witness(step, back), then=lambda: self._stand(back))

    def enrich(self) -> None:
        if (fill := self._some(self._standing())) is None:
            return
        gas = Gas(gas_used=self.random.randint(21_000, 900_000), effective_gas_price=self.random.choice([None, 10**9]))
        pyth = PythPrice(
            feed_id=None,
            price=self._amount(),
            confidence=Decimal("0.0015"),
            exponent=-8,
            publish_time=self.now - timedelta(seconds=3),
        )
        command = self.random.choice([Enrich(gas=gas), Enrich(pyth=pyth), Enrich(gas=gas, pyth=pyth)])

        def body(step):
            with suppress(AlreadyEnriched), step.group(f"enrich {fill.trade}"):
                step.handle(OnChainTrade, fill.trade, command)

        self._commit(f"enrich {fill.symbol}", body)

    # Hedges

    def hedge(self) -> None:
        """Place what is due, symbol by symbol, as the hedger does."""
        for symbol in SYMBOLS:
            placed: list[Order] = []

            def body(step, symbol=symbol, placed=placed):
                placed.extend(self._place(step, symbol))

            self._commit(f"hedge {symbol}", body, then=lambda placed=placed: self._took(placed))

    def submit(self) -> None:
        waiting = [order for order in self._open() if order.broker_id is None]
        if (order := self._some(waiting)) is None:
            return
        if not order.sending:

            def start(step):
                with step.group(f"order {order.id}"):
                    step.handle(OffchainOrder, order.id, StartSubmission(sending_at=self.now))

            self._commit(f"send order {order.id}", start)
            order.sending = True
        outcome = self.random.choices(["confirm", "unknown", "reject"], [6, 2, 2])[0]

        def end(step):
            with step.group(f"order {order.id}"):
                match outcome:
                    case "confirm":
                        confirm = ConfirmSubmission(
                            broker_order_id=BrokerOrderId(f"B-{order.id}"),
                            accepted_shares=Shares(order.shares),
                            submitted_at=self.now,
                        )
                        step.handle(OffchainOrder, order.id, confirm)
                        assert not step.handle(OffchainOrder, order.id, confirm)
                    case "unknown":
                        step.handle(OffchainOrder, order.id, MarkUnknown(reason="no answer"))
                    case "reject":
                        self._fail(step, order, ZERO, FailureKind.REJECTED)

        def then():
            if outcome == "confirm":
                order.broker_id = f"B-{order.id}"
            order.ended = outcome == "reject"

        self._commit(f"order {order.id}: {outcome}", end, then=then)

    def report(self) -> None:
        """The broker reports on an order: nothing new, more, all, too much, an end, or a word that we don't know."""
        if (order := self._some([o for o in self._open() if o.broker_id is not None])) is None:
            return
        word, filled = self._report(order)
        if word == "nothing" and not filled:
            return
        self._commit(
            f"order {order.id}: {word}, {filled} filled",
            lambda step: self._book(step, order, word, filled),
            then=lambda: self._booked(order, word, filled),
        )

    def report_wrongly(self) -> None:
        """A report is refused when half of it is handled, beside one that is not: none of it happens."""
        if (order := self._some(self._open())) is None:
            return
        fill = self._new_fill()

        def body(step):
            self._witness(step, fill)
            with suppress(ExecutionIdMismatch), step.group(f"order {order.id}"):
                step.handle(OffchainOrder, order.id, MarkUnknown(reason="never to be seen"))
                fail = FailOffChainOrder(
                    order_id=OrderId(order.id + 1000), shares_filled=Shares(ZERO), error="no", failed_at=self.now
                )
                step.handle(Position, order.symbol, fail)

        self._commit(f"order {order.id}: reported wrongly", body, then=lambda: self._stand(fill))

    def fill_late(self) -> None:
        if (order := self._some([o for o in self.world.orders.values() if o.ended])) is None:
            return
        more = self._part(order.shares)
        filled = EXACT.add(order.filled, more)
        price = self._price()

        def body(step):
            with step.group(f"order {order.id}"):
                late = RecordLateFill(shares_filled=Shares(filled), average_price_usd=price, late_filled_at=self.now)
                step.handle(OffchainOrder, order.id, late)
                apply = ApplyLateFill(
                    order_id=order.id,
                    side=order.side,
                    shares_added=Shares(more),
                    average_price_usd=price,
                    broker_timestamp=self.now,
                )
                step.handle(Position, order.symbol, apply)

        def then():
            order.filled = filled

        self._commit(f"order {order.id} filled {more} late", body, then=then)

    def end_and_hedge(self) -> None:
        """An order ends, and the next one of its symbol is placed in the same commit."""
        if (order := self._some([o for o in self._open() if o.broker_id is not None])) is None:
            return
        word, filled = self._report(order, ends=True)
        late = self._part(order.shares) if self.random.random() < 0.3 else None
        placed: list[Order] = []

        def body(step):
            self._book(step, order, word, filled)
            placed.extend(self._place(step, order.symbol))
            if late is not None:
                with step.group(f"order {order.id} again"):
                    more = RecordLateFill(
                        shares_filled=Shares(EXACT.add(filled, late)), average_price_usd=None, late_filled_at=self.now
                    )
                    step.handle(OffchainOrder, order.id, more)
                    apply = ApplyLateFill(
                        order_id=order.id,
                        side=order.side,
                        shares_added=Shares(late),
                        average_price_usd=None,
                        broker_timestamp=self.now,
                    )
                    step.handle(Position, order.symbol, apply)

        def then():
            self._booked(order, word, filled if late is None else EXACT.add(filled, late))
            self._took(placed)

        told = f"order {order.id}: {word}, {filled} filled, then a hedge, then {late} late"
        self._commit(told, body, then=then)

    # Operator and machine

    def change_threshold(self) -> None:
        symbol = self.random.choice(SYMBOLS)
        new = threshold(self.random.choice(["1 share", "2.5 shares", "0.75 shares", "$100", "$1", "$420.5"]))

        def body(step):
            with step.group(f"threshold {symbol}"):
                if step.position(symbol).threshold is None:
                    step.handle(Position, symbol, Initialize(threshold=new))
                else:
                    step.handle(Position, symbol, UpdateThreshold(threshold=new, reason="a test"))

        self._commit(f"threshold of {symbol}: {new}", body)

    def die(self) -> None:
        """A station dies in the middle of a commit: nothing of it happened."""
        fill = self._new_fill()

        def body(step):
            self._witness(step, fill)
            self._place(step, fill.symbol)
            raise Boom

        with suppress(Boom):
            self._commit(f"die over {fill.symbol}", body)
        self.after_commit()

    def drain(self) -> None:
        regardless = self.random.random() < 0.5
        if self.drains:
            backlog.drain(now=self.now, regardless=regardless)
            self.told.append("drain")
            self.after_commit()

    # What the acts are made of

    def _commit(self, what: str, body: Body, *, then: Callable[[], None] = lambda: None) -> None:
        self.told.append(what)
        with self.ledger.step(at=self.now, actor="history") as step:
            body(step)
        then()
        self.after_commit()

    def _witness(self, step, fill: Fill) -> None:
        with suppress(AlreadyFilled), step.group(str(fill.trade)):
            witness = Witness(
                symbol=fill.symbol,
                token_symbol=TokenSymbol(f"t{fill.symbol}"),
                side=fill.side,
                amount=Shares(fill.amount),
                usdc=Usd(EXACT.multiply(fill.amount, fill.price or ZERO)),
                price_usdc=None if fill.price is None else Usd(fill.price),
                amount_raw="0x" + "1" * 64,
                usdc_raw="0x" + "2" * 64,
                block_number=fill.block,
                block_hash=fill.block_hash,
                block_timestamp=START + timedelta(seconds=2 * fill.block),
            )
            step.handle(OnChainTrade, fill.trade, witness)
            if step.position(fill.symbol).threshold is None:
                step.handle(Position, fill.symbol, Initialize(threshold=step.default_threshold))
            acknowledge = AcknowledgeOnChainFill(
                trade=fill.trade,
                side=fill.side,
                amount=Shares(fill.amount),
                price_usdc=witness.price_usdc,
                block_number=fill.block,
                block_timestamp=witness.block_timestamp,
            )
            step.handle(Position, fill.symbol, acknowledge)

    def _place(self, step, symbol: Symbol) -> list[Order]:
        due = step.position(symbol).hedge_due(fractional_digits=self.digits)
        if due is None:
            return []
        number, name = next_order()
        with step.group(f"order {number}"):
            step.handle(
                Position,
                symbol,
                PlaceOffChainOrder(
                    order_id=number, shares=due.shares, side=due.side, broker="dry_run", placed_at=self.now
                ),
            )
            step.handle(
                OffchainOrder,
                number,
                Place(
                    symbol=symbol,
                    shares=due.shares,
                    side=due.side,
                    broker="dry_run",
                    client_order_id=name,
                    attempt=1,
                    placed_at=self.now,
                ),
            )
        return [Order(number, symbol, due.side, due.shares)]

    def _report(self, order: Order, *, ends: bool = False) -> tuple[str, Decimal]:
        words = ["nothing", "partial", "unknown", "fill", "overfill", "cancel", "expire"]
        (word,) = self.random.choices(words, [0, 0, 0, 4, 1, 2, 1] if ends else [1, 5, 1, 6, 1, 2, 1])
        left = max(EXACT.subtract(order.shares, order.filled), ZERO)
        match word:
            case "partial" | "cancel" | "expire":
                return word, EXACT.add(order.filled, self._part(left))
            case "fill":
                return word, max(order.shares, order.filled)
            case "overfill":
                return word, EXACT.add(max(order.shares, order.filled), self._part(order.shares))
            case _:
                return word, order.filled

    def _book(self, step, order: Order, word: str, filled: Decimal) -> None:
        price = self._price()
        shares = Shares(filled)
        with step.group(f"order {order.id}"):
            match word:
                case "nothing" | "partial":
                    step.handle(
                        OffchainOrder,
                        order.id,
                        UpdatePartialFill(shares_filled=shares, average_price_usd=price, partially_filled_at=self.now),
                    )
                    apply = ApplyOffChainFill(
                        order_id=order.id,
                        side=order.side,
                        shares_filled=shares,
                        average_price_usd=price,
                        broker_timestamp=self.now,
                    )
                    step.handle(Position, order.symbol, apply)
                case "unknown":
                    step.handle(OffchainOrder, order.id, MarkUnknown(reason="held_for_review"))
                case "fill" | "overfill":
                    step.handle(
                        OffchainOrder,
                        order.id,
                        CompleteFill(shares_filled=shares, average_price_usd=price, filled_at=self.now),
                    )
                    complete = CompleteOffChainOrder(
                        order_id=order.id,
                        side=order.side,
                        shares_filled=shares,
                        broker_order_id=BrokerOrderId(order.broker_id or ""),
                        average_price_usd=price,
                        broker_timestamp=self.now,
                    )
                    step.handle(Position, order.symbol, complete)
                case "cancel":
                    cancel = Cancel(
                        shares_filled=shares, average_price_usd=price, reason="by hand", cancelled_at=self.now
                    )
                    step.handle(OffchainOrder, order.id, cancel)
                    step.handle(
                        Position,
                        order.symbol,
                        CancelOffChainOrder(
                            order_id=order.id, shares_filled=shares, reason="by hand", cancelled_at=self.now
                        ),
                    )
                case "expire":
                    self._fail(step, order, filled, FailureKind.EXPIRED)

    def _fail(self, step, order: Order, filled: Decimal, kind: FailureKind) -> None:
        step.handle(
            OffchainOrder,
            order.id,
            MarkFailed(error=str(kind), failed_at=self.now, kind=kind, shares_filled=Shares(filled)),
        )
        fail = FailOffChainOrder(order_id=order.id, shares_filled=Shares(filled), error=str(kind), failed_at=self.now)
        step.handle(Position, order.symbol, fail)

    def _booked(self, order: Order, word: str, filled: Decimal) -> None:
        order.filled = filled
        order.ended = word in ("fill", "overfill", "cancel", "expire")

    def _stand(self, *fills: Fill) -> None:
        self.world.fills |= {fill.trade: fill for fill in fills}

    def _took(self, placed: list[Order]) -> None:
        self.world.orders |= {order.id: order for order in placed}

    # What is drawn

    def _new_fill(self) -> Fill:
        self.world.head += self.random.randint(0, 2)
        # A fill may come later than one that stands behind it in the chain.
        block = self.world.head if self.random.random() < 0.7 else self.world.head - self.random.randint(1, 30)
        number = self.random.getrandbits(200)
        return Fill(
            trade=TradeId("0x" + sha256(str(number).encode()).hexdigest(), self.random.randint(0, 400)),
            symbol=self.random.choice(SYMBOLS),
            side=self.random.choice(list(Side)),
            amount=self._amount(),
            price=None if self.random.random() < 0.1 else self._amount() * 100,
            block=block,
            block_hash=self.world.block_hash(block),
        )

    def _amount(self) -> Decimal:
        if self.wide and self.random.random() < 0.6:
            digits = self.random.randint(1, 68)
            return Decimal(self.random.randint(1, 10**digits)).scaleb(-digits, EXACT)
        return Decimal(self.random.randint(1, 30)) / 10

    def _part(self, whole: Decimal) -> Decimal:
        """Some of it, and all of it now and then."""
        if whole <= 0:
            return ZERO
        if self.random.random() < 0.2:
            return whole
        return EXACT.multiply(whole, Decimal(self.random.randint(1, 9)) / 10)

    def _price(self) -> Usd | None:
        return None if self.random.random() < 0.15 else Usd(Decimal(self.random.randint(10_000, 40_000)) / 100)

    def _standing(self) -> list[Fill]:
        return [fill for fill in self.world.fills.values() if fill.stands]

    def _open(self) -> list[Order]:
        return [order for order in self.world.orders.values() if not order.ended]

    def _some(self, items: list):
        return self.random.choice(items) if items else None

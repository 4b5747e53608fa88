"""Any sequence of commands to a position, beside an account of it in fractions that knows nothing of its code."""

from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.support.machines import AggregateMachine, play
from tests.trading.ledger.states import AMOUNTS, SIDES, TIMES
from trading.position import aggregate as refusals
from trading.position.aggregate import Position, PositionError
from trading.position.commands import (
    AcknowledgeOnChainFill,
    ApplyLateFill,
    ApplyOffChainFill,
    CancelOffChainOrder,
    CompleteOffChainOrder,
    FailOffChainOrder,
    Initialize,
    Migrate,
    PlaceOffChainOrder,
    Rebuild,
    RevertOnChainFill,
    SetPosition,
    UpdateThreshold,
)
from trading.position.events import AdoptedTrigger, ManualTrigger, PendingOrder
from trading.values.arithmetic import EXACT
from trading.values.identifiers import TradeId
from trading.values.sides import Side
from trading.values.thresholds import DollarThreshold, SharesThreshold

# Few numbers, so that sums are met exactly; and such as no context of less than all digits could add.
SHARES = st.sampled_from(["0.5", "1", "1", "1.5", "2", "3", "0.000000000000000001"]).map(Decimal) | AMOUNTS
ANY_SHARES = SHARES | st.sampled_from(["0", "-1"]).map(Decimal)
PRICES = st.sampled_from(["100", "0.5", "1234.567891"]).map(Decimal)
ORDERS = st.integers(1, 3)
THRESHOLDS = st.builds(SharesThreshold, st.sampled_from(["0.5", "1", "2"]).map(Decimal)) | st.builds(
    DollarThreshold, st.sampled_from(["50", "150"]).map(Decimal)
)
PLACES = st.tuples(st.integers(100, 104), st.integers(0, 2))
UNPROMPTED = st.sampled_from(
    [
        None,
        None,
        ManualTrigger(net_position_shares=Decimal(0), actor="ada", reason="by hand"),
        AdoptedTrigger(net_position_shares=Decimal(0), client_order_id="ht-k3v9x2ab-1-1"),
    ]
)


class UnderWay(NamedTuple):
    order: int
    side: Side
    shares: Fraction
    filled: Fraction = Fraction(0)


class Price(NamedTuple):
    usdc: Fraction
    place: tuple[int, int]


class PositionMachine(AggregateMachine):
    """The model: what was filled on either side of either venue, and the order under way."""

    aggregate, refusals, id = Position, PositionError, "AAPL"

    def __init__(self) -> None:
        super().__init__()
        self.threshold: Any = None
        self.chain = {Side.BUY: Fraction(0), Side.SELL: Fraction(0)}
        self.broker = {Side.BUY: Fraction(0), Side.SELL: Fraction(0)}
        self.adjusted = Fraction(0)
        self.brought = Fraction(0)
        """What an older installation's net was more than its sums."""
        self.order: UnderWay | None = None
        self.price: Price | None = None

    @property
    def net(self) -> Fraction:
        sums = (each[Side.BUY] - each[Side.SELL] for each in (self.chain, self.broker))
        return sum(sums, self.adjusted + self.brought)

    def is_due(self) -> bool:
        match self.threshold:
            case SharesThreshold(shares=least):
                return abs(self.net) >= Fraction(least)
            case DollarThreshold(usd=least):
                return self.price is not None and abs(self.net) * self.price.usdc >= Fraction(least)
        return False

    def tell_initialized(self, command: Any, refusal: type[Exception] | None = None) -> bool:
        """Tell a command that needs a threshold, and say whether anything came of it."""
        return bool(self.tell(command, refusals.Uninitialized if self.threshold is None else refusal))

    # How it begins

    @initialize(threshold=st.none() | THRESHOLDS)
    def begin(self, threshold: Any) -> None:
        if threshold is not None:
            self.follow(threshold)

    @rule(threshold=THRESHOLDS)
    def follow(self, threshold: Any) -> None:
        known = self.threshold is not None
        if self.tell(Initialize(threshold=threshold), refusals.AlreadyInitialized if known else None):
            self.threshold = threshold

    @precondition(lambda self: self.threshold is None)
    @rule(
        long=ANY_SHARES, short=ANY_SHARES, off=st.booleans(), bought=SHARES, threshold=THRESHOLDS,
        order=st.none() | st.builds(PendingOrder, order_id=ORDERS, side=SIDES, shares=ANY_SHARES),
    )  # fmt: skip
    def migrate(
        self, long: Decimal, short: Decimal, off: bool, bought: Decimal, threshold: Any, order: PendingOrder | None
    ) -> None:
        net = EXACT.subtract(long, short)
        refusal: type[Exception] | None = None
        if min(long, short) < 0:
            refusal = refusals.NetMismatch
        elif order is not None and order.shares <= 0:
            refusal = refusals.WrongShares
        elif off:
            net, refusal = EXACT.add(net, Decimal(1)), refusals.NetMismatch
        command = Migrate(
            net_position=net,
            accumulated_long=long,
            accumulated_short=short,
            threshold=threshold,
            pending=order,
            onchain_bought=bought,
        )
        if not self.tell(command, refusal):
            return
        self.threshold = threshold
        self.chain[Side.BUY] += Fraction(bought)
        self.brought = Fraction(net) - Fraction(bought)
        self.order = None if order is None else UnderWay(order.order_id, order.side, Fraction(order.shares))

    @rule(threshold=THRESHOLDS)
    def change_threshold(self, threshold: Any) -> None:
        before = self.threshold
        changed = self.tell_initialized(UpdateThreshold(threshold=threshold, reason="quieter"))
        assert changed == (before is not None and before != threshold)
        if changed:
            self.threshold = threshold

    # Chain

    @rule(side=SIDES, amount=ANY_SHARES, price=st.none() | PRICES, place=PLACES, at=TIMES)
    def fill(self, side: Side, amount: Decimal, price: Decimal | None, place: tuple[int, int], at: Any) -> None:
        command = AcknowledgeOnChainFill(
            trade=trade_at(place),
            side=side,
            amount=amount,
            price_usdc=price,
            block_number=place[0],
            block_timestamp=at,
        )
        if self.tell_initialized(command, none_is_refused(amount)):
            self.chain[side] += Fraction(amount)
            if price is not None and (self.price is None or place >= self.price.place):
                self.price = Price(Fraction(price), place)

    @rule(side=SIDES, amount=ANY_SHARES, place=PLACES)
    def revert(self, side: Side, amount: Decimal, place: tuple[int, int]) -> None:
        command = RevertOnChainFill(trade=trade_at(place), side=side, amount=amount, block_number=place[0])
        if self.tell_initialized(command, none_is_refused(amount)):
            self.chain[side] -= Fraction(amount)
            if self.price is not None and self.price.place == place:
                self.price = None

    # Hedges

    @precondition(lambda self: self.order is None and self.is_due())
    @rule(order=ORDERS, digits=st.sampled_from([None, 0, 6]), at=TIMES)
    def hedge(self, order: int, digits: int | None, at: Any) -> None:
        """Place what is due; what that is must be what the model makes of it."""
        places = (digits or 0) if isinstance(self.threshold, DollarThreshold) else 0
        expected = Fraction(int(abs(self.net) * 10**places), 10**places)
        due = self.kept.hedge_due(fractional_digits=digits)
        if not expected:
            assert due is None
            return
        assert (due.side, Fraction(due.shares)) == (Side.SELL if self.net > 0 else Side.BUY, expected)
        command = PlaceOffChainOrder(order_id=order, shares=due.shares, side=due.side, broker="dry_run", placed_at=at)
        assert self.tell(command)
        self.order = UnderWay(order, due.side, expected)

    @rule(order=ORDERS, side=SIDES, shares=ANY_SHARES, unprompted=UNPROMPTED, may_raise=st.booleans(), at=TIMES)
    def place(self, order: int, side: Side, shares: Decimal, unprompted: Any, may_raise: bool, at: Any) -> None:
        refusal: type[Exception] | None = None
        if self.order is not None:
            refusal = refusals.PendingExecution
        elif unprompted is None and not self.is_due():
            refusal = refusals.ThresholdNotMet
        elif may_raise or isinstance(unprompted, AdoptedTrigger):
            refusal = none_is_refused(shares)
        elif self.net == 0 or side is (Side.BUY if self.net > 0 else Side.SELL):
            refusal = refusals.WrongSide
        elif not 0 < Fraction(shares) <= abs(self.net):
            refusal = refusals.WrongShares
        command = PlaceOffChainOrder(
            order_id=order,
            shares=shares,
            side=side,
            broker="dry_run",
            placed_at=at,
            unprompted=unprompted,
            may_raise=may_raise,
        )
        if self.tell_initialized(command, refusal):
            self.order = UnderWay(order, side, Fraction(shares))

    @rule(told=st.sampled_from(["part", "filled", "failed", "cancelled"]), more=ANY_SHARES, at=TIMES)
    def report(self, told: str, more: Decimal, at: Any) -> None:
        """The broker reports on the order under way; or on one that nobody knows of."""
        known = self.kept.pending
        filled = more if known is None else EXACT.add(known.filled_shares, more)
        self.report_of(told, *((1, Side.BUY) if self.order is None else self.order[:2]), filled, at)

    @rule(told=st.sampled_from(["part", "filled", "failed", "cancelled"]), order=ORDERS, side=SIDES, at=TIMES,
          filled=SHARES | st.just(Decimal(0)))  # fmt: skip
    def report_of(self, told: str, order: int, side: Side, filled: Decimal, at: Any) -> None:
        ours, refusal = self.order, None
        if ours is None:
            refusal = refusals.NoPendingExecution
        elif ours.order != order:
            refusal = refusals.ExecutionIdMismatch
        elif told in ("part", "filled") and ours.side is not side:
            refusal = refusals.WrongSide
        elif Fraction(filled) < ours.filled:
            refusal = refusals.WrongShares
        happened = self.tell(reported(told, order, side, filled, at), refusal)
        if ours is None or refusal is not None:
            return
        assert bool(happened) == (told != "part" or Fraction(filled) != ours.filled)
        self.broker[ours.side] += Fraction(filled) - ours.filled
        self.order = ours._replace(filled=Fraction(filled)) if told == "part" else None

    @rule(order=ORDERS, side=SIDES, added=ANY_SHARES, at=TIMES)
    def fill_late(self, order: int, side: Side, added: Decimal, at: Any) -> None:
        refusal = none_is_refused(added)
        if refusal is None and self.order is not None and self.order.order == order:
            refusal = refusals.PendingExecution
        command = ApplyLateFill(
            order_id=order, side=side, shares_added=added, average_price_usd=None, broker_timestamp=at
        )
        if self.tell_initialized(command, refusal):
            self.broker[side] += Fraction(added)

    # Operators

    @rule(net=ANY_SHARES)
    def set_net(self, net: Decimal) -> None:
        before = self.net
        refusal = refusals.PendingExecution if self.order is not None else None
        if self.tell_initialized(SetPosition(target_net=net, reason="counted"), refusal):
            self.adjusted += Fraction(net) - before
        elif self.threshold is not None and refusal is None:
            assert before == Fraction(net)

    @rule(sums=st.tuples(SHARES, SHARES, SHARES, SHARES), order=st.none() | st.tuples(ORDERS, SIDES, SHARES))
    def rebuild(self, sums: tuple[Decimal, ...], order: Any) -> None:
        names = ("onchain_bought", "onchain_sold", "broker_bought", "broker_sold")
        pending = None if order is None else PendingOrder(order_id=order[0], side=order[1], shares=order[2])
        if self.tell_initialized(Rebuild(**dict(zip(names, sums, strict=True)), pending=pending, reason="counted")):
            exact = [Fraction(each) for each in sums]
            self.chain = {Side.BUY: exact[0], Side.SELL: exact[1]}
            self.broker = {Side.BUY: exact[2], Side.SELL: exact[3]}
            self.brought = Fraction(0)
            self.order = None if order is None else UnderWay(order[0], order[1], Fraction(order[2]))

    # What always holds

    @invariant()
    def the_net_is_fills_less_hedges(self) -> None:
        kept = self.kept
        long, short = Fraction(kept.accumulated_long), Fraction(kept.accumulated_short)
        assert (Fraction(kept.net), long - short) == (self.net, self.net)
        assert min(long, short) >= 0
        sums = (kept.onchain_bought, kept.onchain_sold, kept.broker_bought, kept.broker_sold, kept.adjusted)
        assert [Fraction(each) for each in sums] == [*self.chain.values(), *self.broker.values(), self.adjusted]

    @invariant()
    def one_order_is_under_way_and_counted_as_far_as_it_filled(self) -> None:
        found = self.kept.pending
        held = None if found is None else (found.order_id, found.side, found.shares, found.filled_shares)
        assert held == self.order
        rest = Fraction(0) if self.order is None else max(self.order.shares - self.order.filled, Fraction(0))
        bought = self.order is not None and self.order.side is Side.BUY
        assert Fraction(self.kept.open_net) == self.net + (rest if bought else -rest)

    @invariant()
    def a_hedge_is_due_at_the_threshold_and_while_none_is_under_way(self) -> None:
        assert (self.kept.trigger() is not None) == self.is_due()
        if self.order is not None or not self.is_due():
            assert self.kept.hedge_due(fractional_digits=6) is None

    @invariant()
    def the_price_is_that_of_the_newest_fill(self) -> None:
        price = self.kept.last_price
        assert self.price == (None if price is None else (price.price_usdc, price.chain_order))


def none_is_refused(shares: Decimal) -> type[Exception] | None:
    return None if shares > 0 else refusals.WrongShares


def trade_at(place: tuple[int, int]) -> TradeId:
    return TradeId("0x" + f"{place[0]:064x}", place[1])


def reported(told: str, order: int, side: Side, filled: Decimal, at: Any) -> Any:
    priced = {"average_price_usd": None, "broker_timestamp": at, "side": side}
    match told:
        case "part":
            return ApplyOffChainFill(order_id=order, shares_filled=filled, **priced)
        case "filled":
            return CompleteOffChainOrder(order_id=order, shares_filled=filled, broker_order_id="B-1", **priced)
        case "failed":
            return FailOffChainOrder(order_id=order, shares_filled=filled, error="no", failed_at=at)
        case _:
            return CancelOffChainOrder(order_id=order, shares_filled=filled, reason="by hand", cancelled_at=at)


def test_any_commands_to_a_position_end_in_what_its_account_says():
    play(PositionMachine, stories=60)

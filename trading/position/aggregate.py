"""Position: fills of both venues add up to a net; at a threshold the net is hedged by one order at a time.

The net is on-chain buys - on-chain sells + broker buys filled - broker sells filled. It is kept as two running
remainders: a buy on chain adds to the long one and a sell to the short one, a broker's fill takes from the opposite
one, and what would take a remainder below zero is added to the other. Only the net is decided on.
"""

from typing import ClassVar, Self, assert_never

import msgspec

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
    PositionCommand,
    Rebuild,
    RevertOnChainFill,
    SetPosition,
    UpdateThreshold,
)
from trading.position.events import (
    NONE,
    AdoptedTrigger,
    DollarTrigger,
    Initialized,
    LastPrice,
    Migrated,
    OffChainOrderCancelled,
    OffChainOrderFailed,
    OffChainOrderFilled,
    OffChainOrderLateFilled,
    OffChainOrderPartiallyFilled,
    OffChainOrderPlaced,
    OnChainOrderFilled,
    OnChainOrderReverted,
    PendingOrder,
    PositionEvent,
    PositionSet,
    Rebuilt,
    SharesTrigger,
    ThresholdUpdated,
    TriggerReason,
)
from trading.position.remainders import moved, taken
from trading.values.arithmetic import ZERO, add, cut, multiply, subtract
from trading.values.identifiers import OrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol
from trading.values.thresholds import DollarThreshold, SharesThreshold, Threshold


class PositionError(Exception):
    """The position refuses the command; nothing happened."""


class Uninitialized(PositionError):
    """The symbol has no threshold yet: initialize it first."""


class AlreadyInitialized(PositionError):
    """The symbol is followed already."""


class ThresholdNotMet(PositionError):
    """The net position is not worth a hedge yet."""

    def __init__(self, net: Shares, threshold: Threshold) -> None:
        super().__init__(f"net position {net} has not reached the threshold of {threshold}")
        self.net, self.threshold = net, threshold


class PendingExecution(PositionError):
    """An order is under way; a second one waits for its end."""

    def __init__(self, order_id: OrderId) -> None:
        super().__init__(f"order {order_id} is under way")
        self.order_id = order_id


class NoPendingExecution(PositionError):
    """No order is under way, so none can end."""


class ExecutionIdMismatch(PositionError):
    """Another order is under way than the one that the command speaks of."""

    def __init__(self, expected: OrderId, actual: OrderId) -> None:
        super().__init__(f"order {expected} is under way, not {actual}")
        self.expected, self.actual = expected, actual


class WrongSide(PositionError):
    """The order would add to the exposure, or its report names the other side."""


class WrongShares(PositionError):
    """The number of shares can't be: more than the exposure, less than was filled before, or none."""


class NetMismatch(PositionError):
    """Long less short is not the net that comes with it."""


class HedgeDue(msgspec.Struct, frozen=True, kw_only=True):
    """The order that would hedge a position now, and why."""

    side: Side
    shares: Shares
    trigger: TriggerReason


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What we hold of one symbol over both venues, and the order under way."""

    aggregate_type: ClassVar[str] = "Position"
    state_schema: ClassVar[int] = 1
    derived: ClassVar[tuple[str, ...]] = ("net", "open_net")

    symbol: Symbol
    threshold: Threshold | None = None
    accumulated_long: Shares = NONE
    accumulated_short: Shares = NONE
    onchain_bought: Shares = NONE
    onchain_sold: Shares = NONE
    broker_bought: Shares = NONE
    broker_sold: Shares = NONE
    adjusted: Shares = NONE
    """What operators asserted besides: signed, and part of the net."""
    pending: PendingOrder | None = None
    last_price: LastPrice | None = None

    @classmethod
    def initial(cls, id: str) -> Self:
        return cls(symbol=Symbol(id))

    @property
    def net(self) -> Shares:
        """Signed shares: long above zero, short below."""
        return Shares(subtract(self.accumulated_long, self.accumulated_short))

    @property
    def open_net(self) -> Shares:
        """The net, with what the order under way has still to fill counted as done."""
        if self.pending is None:
            return self.net
        remaining = max(subtract(self.pending.shares, self.pending.filled_shares), ZERO)
        count = add if self.pending.side is Side.BUY else subtract
        return Shares(count(self.net, remaining))

    def trigger(self) -> TriggerReason | None:
        """Tell whether the net has reached the threshold: at it, not past it."""
        size = self._size
        match self.threshold:
            case SharesThreshold(shares=shares) if size >= shares:
                return SharesTrigger(net_position_shares=size, threshold_shares=shares)
            case DollarThreshold(usd=dollars) if self.last_price is not None:
                value = Usd(multiply(size, self.last_price.price_usdc))
                if value >= dollars:
                    return DollarTrigger(
                        net_position_shares=size,
                        dollar_value=value,
                        price_usdc=self.last_price.price_usdc,
                        threshold_dollars=dollars,
                    )
        return None

    def hedge_due(self, *, fractional_digits: int | None) -> HedgeDue | None:
        """Tell the hedge that is due: the whole net, cut to what can be traded.

        Whole shares, or, where the threshold is in dollars and the broker takes fractions, so many decimals of one.
        None while an order is under way, below the threshold, and where nothing stays after cutting.
        """
        if self.pending is not None or (trigger := self.trigger()) is None:
            return None
        shares = cut(self._size, digits=self.hedge_digits(fractional_digits))
        if not shares:
            return None
        return HedgeDue(side=self._hedging_side, shares=Shares(shares), trigger=trigger)

    def hedge_digits(self, fractional_digits: int | None) -> int:
        """How many decimals of a share are hedged, where the broker takes so many."""
        return (fractional_digits or 0) if isinstance(self.threshold, DollarThreshold) else 0

    def decide(self, command: PositionCommand) -> list[PositionEvent]:
        match command:
            case Initialize(threshold=threshold):
                self._refuse_if_initialized()
                return [Initialized(threshold=threshold)]
            case Migrate():
                return [self._migrated(command)]
            case UpdateThreshold(threshold=threshold, reason=reason):
                old = self._initialized()
                return (
                    []
                    if old == threshold
                    else [ThresholdUpdated(old_threshold=old, new_threshold=threshold, reason=reason)]
                )
            case SetPosition():
                return self._set(command)
            case Rebuild():
                return [self._rebuilt(command)]
            case AcknowledgeOnChainFill(amount=amount):
                self._initialized()
                _refuse_none(amount)
                return [OnChainOrderFilled(**msgspec.structs.asdict(command))]
            case RevertOnChainFill(amount=amount):
                self._initialized()
                _refuse_none(amount)
                return [OnChainOrderReverted(**msgspec.structs.asdict(command))]
            case PlaceOffChainOrder():
                return [self._placed(command)]
            case ApplyOffChainFill(order_id=order_id, side=side, shares_filled=filled):
                pending = self._pending(order_id, side=side, filled=filled)
                if filled == pending.filled_shares:
                    return []
                return [OffChainOrderPartiallyFilled(**msgspec.structs.asdict(command))]
            case CompleteOffChainOrder(order_id=order_id, side=side, shares_filled=filled):
                self._pending(order_id, side=side, filled=filled)
                return [OffChainOrderFilled(**msgspec.structs.asdict(command))]
            case FailOffChainOrder(order_id=order_id, shares_filled=filled, error=error, failed_at=at):
                side = self._pending(order_id, filled=filled).side
                return [
                    OffChainOrderFailed(order_id=order_id, side=side, shares_filled=filled, error=error, failed_at=at)
                ]
            case CancelOffChainOrder(order_id=order_id, shares_filled=filled, reason=reason, cancelled_at=at):
                side = self._pending(order_id, filled=filled).side
                return [
                    OffChainOrderCancelled(
                        order_id=order_id, side=side, shares_filled=filled, reason=reason, cancelled_at=at
                    )
                ]
            case ApplyLateFill(order_id=order_id, shares_added=added):
                self._initialized()
                _refuse_none(added)
                if self.pending is not None and self.pending.order_id == order_id:
                    raise PendingExecution(order_id)  # Its next report counts these shares.
                return [OffChainOrderLateFilled(**msgspec.structs.asdict(command))]
            case _:
                assert_never(command)

    def evolve(self, event: PositionEvent) -> Self:
        match event:
            case OnChainOrderFilled():
                return self._filled_on_chain(event)
            case OnChainOrderReverted():
                return self._reverted_on_chain(event)
            case Initialized(threshold=threshold):
                return msgspec.structs.replace(self, threshold=threshold)
            case ThresholdUpdated(new_threshold=threshold):
                return msgspec.structs.replace(self, threshold=threshold)
            case OffChainOrderPlaced(order_id=order_id, side=side, shares=shares):
                return msgspec.structs.replace(self, pending=PendingOrder(order_id=order_id, side=side, shares=shares))
            case OffChainOrderPartiallyFilled(shares_filled=filled):
                counted = self._count_pending(filled)
                if counted.pending is None:
                    return counted
                return msgspec.structs.replace(
                    counted, pending=msgspec.structs.replace(counted.pending, filled_shares=filled)
                )
            case (
                OffChainOrderFilled(shares_filled=filled)
                | OffChainOrderFailed(shares_filled=filled)
                | OffChainOrderCancelled(shares_filled=filled)
            ):
                return msgspec.structs.replace(self._count_pending(filled), pending=None)
            case OffChainOrderLateFilled(side=side, shares_added=added):
                return self._filled_at_broker(side, added)
            case PositionSet(previous_net=previous, target_net=target):
                added = Shares(subtract(target, previous))
                long, short = moved(self.accumulated_long, self.accumulated_short, added)
                return msgspec.structs.replace(
                    self, accumulated_long=long, accumulated_short=short, adjusted=add(self.adjusted, added)
                )
            case Rebuilt():
                return self._takes_over(event)
            case Migrated():
                return self._takes_over(event)
            case _:
                assert_never(event)

    @property
    def _size(self) -> Shares:
        # abs() would round to the context of whichever thread asks.
        return Shares(self.net.copy_abs())

    @property
    def _hedging_side(self) -> Side:
        return Side.SELL if self.net > 0 else Side.BUY

    def _initialized(self) -> Threshold:
        if self.threshold is None:
            raise Uninitialized(f"{self.symbol} has no threshold yet")
        return self.threshold

    def _refuse_if_initialized(self) -> None:
        if self.threshold is not None:
            raise AlreadyInitialized(f"{self.symbol} is followed with a threshold of {self.threshold}")

    def _migrated(self, command: Migrate) -> Migrated:
        self._refuse_if_initialized()
        if command.accumulated_long < 0 or command.accumulated_short < 0:
            raise NetMismatch(
                f"{self.symbol}: expected remainders of zero or more, "
                f"was long {command.accumulated_long}, short {command.accumulated_short}"
            )
        pending = command.pending
        if pending is not None and not (pending.shares > 0 and pending.filled_shares >= 0):
            raise WrongShares(f"{self.symbol}: the pending order can't be {pending}")
        if subtract(command.accumulated_long, command.accumulated_short) != command.net_position:
            raise NetMismatch(
                f"{self.symbol}: long {command.accumulated_long} less short {command.accumulated_short}"
                f" is not the net of {command.net_position}"
            )
        return Migrated(**msgspec.structs.asdict(command))

    def _set(self, command: SetPosition) -> list[PositionEvent]:
        self._initialized()
        if self.pending is not None:
            raise PendingExecution(self.pending.order_id)
        if command.target_net == self.net:
            return []
        return [PositionSet(previous_net=self.net, target_net=command.target_net, reason=command.reason)]

    def _rebuilt(self, command: Rebuild) -> Rebuilt:
        self._initialized()
        onchain = subtract(command.onchain_bought, command.onchain_sold)
        net = add(add(onchain, subtract(command.broker_bought, command.broker_sold)), self.adjusted)
        long, short = self.accumulated_long, self.accumulated_short
        if min(long, short) < 0:
            long = short = NONE  # These can't be, so nothing is kept of them.
        long, short = moved(long, short, Shares(subtract(net, subtract(long, short))))
        return Rebuilt(accumulated_long=long, accumulated_short=short, **msgspec.structs.asdict(command))

    def _placed(self, command: PlaceOffChainOrder) -> OffChainOrderPlaced:
        threshold = self._initialized()
        if self.pending is not None:
            raise PendingExecution(self.pending.order_id)
        if (trigger := command.unprompted or self.trigger()) is None:
            raise ThresholdNotMet(self.net, threshold)
        if command.may_raise or isinstance(command.unprompted, AdoptedTrigger):
            _refuse_none(command.shares)
        elif not self.net:
            raise WrongSide("a net of 0 needs no hedge")
        elif command.side is not self._hedging_side:
            raise WrongSide(f"a net of {self.net} is hedged by a {self._hedging_side}, not by a {command.side}")
        elif not 0 < command.shares <= self._size:
            raise WrongShares(f"expected above zero and at most {self._size} shares, was {command.shares}")
        return OffChainOrderPlaced(
            order_id=command.order_id,
            shares=command.shares,
            side=command.side,
            broker=command.broker,
            trigger_reason=trigger,
            placed_at=command.placed_at,
        )

    def _pending(self, order_id: OrderId, *, filled: Shares, side: Side | None = None) -> PendingOrder:
        """The order under way, if it is this one and the report can be true of it."""
        if self.pending is None:
            raise NoPendingExecution(f"no order of {self.symbol} is under way, so {order_id} can't be")
        if self.pending.order_id != order_id:
            raise ExecutionIdMismatch(self.pending.order_id, order_id)
        if side is not None and side is not self.pending.side:
            raise WrongSide(f"order {order_id} is a {self.pending.side}, its report a {side}")
        if filled < self.pending.filled_shares:
            raise WrongShares(f"order {order_id} had filled {self.pending.filled_shares}, its report says {filled}")
        return self.pending

    def _takes_over(self, event: Rebuilt | Migrated) -> Self:
        facts = msgspec.structs.asdict(event)
        return msgspec.structs.replace(self, **{n: v for n, v in facts.items() if n in self.__struct_fields__})

    def _filled_on_chain(self, event: OnChainOrderFilled) -> Self:
        # The commonest event of all, so the struct is built once.
        price = self.last_price
        if event.price_usdc is not None and (
            price is None or (event.block_number, event.trade.log_index) >= price.chain_order
        ):
            price = LastPrice(
                price_usdc=event.price_usdc,
                block_timestamp=event.block_timestamp,
                block_number=event.block_number,
                log_index=event.trade.log_index,
            )
        if event.side is Side.BUY:
            return msgspec.structs.replace(
                self,
                accumulated_long=add(self.accumulated_long, event.amount),
                onchain_bought=add(self.onchain_bought, event.amount),
                last_price=price,
            )
        return msgspec.structs.replace(
            self,
            accumulated_short=add(self.accumulated_short, event.amount),
            onchain_sold=add(self.onchain_sold, event.amount),
            last_price=price,
        )

    def _reverted_on_chain(self, event: OnChainOrderReverted) -> Self:
        price = self.last_price
        if price is not None and price.chain_order == (event.block_number, event.trade.log_index):
            price = None  # It was never the chain's. What was before it is not kept: the next fill brings a price.
        if event.side is Side.BUY:
            long, short = taken(self.accumulated_long, self.accumulated_short, event.amount)
            return msgspec.structs.replace(
                self,
                accumulated_long=long,
                accumulated_short=short,
                onchain_bought=subtract(self.onchain_bought, event.amount),
                last_price=price,
            )
        short, long = taken(self.accumulated_short, self.accumulated_long, event.amount)
        return msgspec.structs.replace(
            self,
            accumulated_long=long,
            accumulated_short=short,
            onchain_sold=subtract(self.onchain_sold, event.amount),
            last_price=price,
        )

    def _count_pending(self, filled: Shares) -> Self:
        """Count what is new of the order under way: reports are cumulative, the net moves by the difference."""
        if self.pending is None:
            return self
        return self._filled_at_broker(self.pending.side, Shares(subtract(filled, self.pending.filled_shares)))

    def _filled_at_broker(self, side: Side, shares: Shares) -> Self:
        if side is Side.SELL:
            long, short = taken(self.accumulated_long, self.accumulated_short, shares)
            return msgspec.structs.replace(
                self, accumulated_long=long, accumulated_short=short, broker_sold=add(self.broker_sold, shares)
            )
        short, long = taken(self.accumulated_short, self.accumulated_long, shares)
        return msgspec.structs.replace(
            self, accumulated_long=long, accumulated_short=short, broker_bought=add(self.broker_bought, shares)
        )


def _refuse_none(shares: Shares) -> None:
    if shares <= 0:
        raise WrongShares(f"expected above zero shares, was {shares}")

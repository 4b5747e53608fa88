"""Offchain order: placed, sending, submitted, filled in parts, ended; or unknown, until the broker has been asked."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self, assert_never

import msgspec

from trading.offchain_order.commands import (
    Cancel,
    CompleteFill,
    ConfirmSubmission,
    MarkFailed,
    MarkUnknown,
    Migrate,
    OffchainOrderCommand,
    Place,
    RecordLateFill,
    Relink,
    StartSubmission,
    UpdatePartialFill,
)
from trading.offchain_order.events import (
    Cancelled,
    Failed,
    Filled,
    LateFilled,
    Migrated,
    MigratedStatus,
    OffchainOrderEvent,
    OutcomeUnknown,
    PartiallyFilled,
    Placed,
    Relinked,
    SubmissionStarted,
    Submitted,
)
from trading.values.arithmetic import ZERO, subtract
from trading.values.identifiers import BrokerOrderId, ClientOrderId, OrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

NONE = Shares(ZERO)


class OrderState(StrEnum):
    """Where an order stands; `unknown` is a state of ours, never a broker's."""

    NOT_PLACED = "not_placed"
    PLACED = "placed"
    SENDING = "sending"
    SUBMITTED = "submitted"
    PARTIALLY_FILLED = "partially_filled"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"


ENDS = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.FAILED})
OPEN = frozenset(set(OrderState) - ENDS - {OrderState.NOT_PLACED})
MIGRATED_STATES = {
    MigratedStatus.PENDING: OrderState.PLACED,
    MigratedStatus.SENDING: OrderState.SENDING,
    MigratedStatus.SUBMITTED: OrderState.SUBMITTED,
    MigratedStatus.PARTIALLY_FILLED: OrderState.PARTIALLY_FILLED,
    MigratedStatus.UNKNOWN: OrderState.UNKNOWN,
    MigratedStatus.FILLED: OrderState.FILLED,
    MigratedStatus.CANCELLED: OrderState.CANCELLED,
    MigratedStatus.REJECTED: OrderState.REJECTED,
    MigratedStatus.EXPIRED: OrderState.EXPIRED,
    MigratedStatus.FAILED: OrderState.FAILED,
}


class OrderError(Exception):
    """The order refuses the command; nothing happened."""


class NotPlaced(OrderError):
    """There is no such order, or the broker does not have it yet."""


class AlreadyPlaced(OrderError):
    """The number is taken by an order."""


class NoShares(OrderError):
    """An order is for more than zero shares."""


class AlreadySubmitted(OrderError):
    """The broker has the order under another id."""


class AlreadyCompleted(OrderError):
    """The order has ended; an end is final."""


class NotEnded(OrderError):
    """Only an order that has ended can fill late."""


class NothingFilled(OrderError):
    """A report calls an order filled, wholly or in part, and names no shares."""


class FilledLess(OrderError):
    """A report names fewer shares than an earlier one: filled quantities only grow."""


class OffchainOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A hedge order; requested, accepted, filled and remaining shares are four numbers and never one."""

    aggregate_type: ClassVar[str] = "OffchainOrder"
    state_schema: ClassVar[int] = 1
    derived: ClassVar[tuple[str, ...]] = ("remaining_shares",)

    order_id: OrderId
    state: OrderState = OrderState.NOT_PLACED
    symbol: Symbol = Symbol("")
    side: Side = Side.BUY
    broker: str = ""
    requested_shares: Shares = NONE
    accepted_shares: Shares | None = None
    filled_shares: Shares = NONE
    average_price_usd: Usd | None = None
    client_order_id: ClientOrderId | None = None
    attempt: int = 1
    broker_order_id: BrokerOrderId | None = None
    reason: str | None = None
    placed_at: datetime | None = None
    sending_at: datetime | None = None
    submitted_at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def initial(cls, id: str) -> Self:
        return cls(order_id=OrderId(int(id)))

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def has_ended(self) -> bool:
        return self.state in ENDS

    @property
    def remaining_shares(self) -> Shares:
        return Shares(max(subtract(self.requested_shares, self.filled_shares), ZERO))

    def decide(self, command: OffchainOrderCommand) -> list[OffchainOrderEvent]:
        match command:
            case Place() | Migrate():
                if self.state is not OrderState.NOT_PLACED:
                    raise AlreadyPlaced(f"order {self.order_id} is {self.state}")
                if command.shares <= 0:
                    raise NoShares(f"order {self.order_id} would be for {command.shares} shares")
                if isinstance(command, Migrate) and command.filled_shares is not None:
                    self._refuse_less(command.filled_shares)
                kind = Placed if isinstance(command, Place) else Migrated
                return [kind(**msgspec.structs.asdict(command))]
            case StartSubmission(sending_at=at):
                return self._submission_started(at)
            case ConfirmSubmission():
                return self._submitted(command)
            case MarkUnknown(reason=reason):
                self._refuse_unless_open()
                unknown = self.state is OrderState.UNKNOWN
                return [] if unknown and self.reason == reason else [OutcomeUnknown(reason=reason)]
            case UpdatePartialFill(shares_filled=filled, average_price_usd=price):
                self._refuse_unless_at_broker(filled)
                self._refuse_nothing(filled)
                known = self.state is OrderState.PARTIALLY_FILLED and not self._is_news(filled, price)
                return [] if known else [PartiallyFilled(**msgspec.structs.asdict(command))]
            case CompleteFill(shares_filled=filled):
                self._refuse_unless_at_broker(filled)
                self._refuse_nothing(filled)
                return [Filled(**msgspec.structs.asdict(command))]
            case Cancel(shares_filled=filled):
                self._refuse_unless_at_broker(filled)
                return [Cancelled(**msgspec.structs.asdict(command))]
            case MarkFailed():
                return [self._failed(command)]
            case RecordLateFill(shares_filled=filled, average_price_usd=price):
                if not self.has_ended:
                    raise NotEnded(f"order {self.order_id} is {self.state}")
                self._refuse_less(filled)
                late = LateFilled(**msgspec.structs.asdict(command))
                return [late] if self._is_news(filled, price) else []
            case Relink(standing=standing):
                if self.state is OrderState.NOT_PLACED:
                    raise NotPlaced(f"order {self.order_id} is not placed")
                return [Relinked(standing=standing)]
            case _:
                assert_never(command)

    def evolve(self, event: OffchainOrderEvent) -> Self:
        replace = msgspec.structs.replace
        match event:
            case Placed():
                return replace(
                    self,
                    state=OrderState.PLACED,
                    symbol=event.symbol,
                    side=event.side,
                    broker=event.broker,
                    requested_shares=event.shares,
                    client_order_id=event.client_order_id,
                    attempt=event.attempt,
                    placed_at=event.placed_at,
                )
            case SubmissionStarted(sending_at=at):
                return replace(self, state=OrderState.SENDING, sending_at=at)
            case Submitted():
                known = replace(
                    self,
                    broker_order_id=event.broker_order_id,
                    accepted_shares=event.accepted_shares,
                    submitted_at=event.submitted_at,
                )
                return known if self.has_ended else replace(known, state=OrderState.SUBMITTED, reason=None)
            case OutcomeUnknown(reason=reason):
                return replace(self, state=OrderState.UNKNOWN, reason=reason)
            case PartiallyFilled():
                return self._filled(event.shares_filled, event.average_price_usd, OrderState.PARTIALLY_FILLED)
            case Filled(filled_at=at):
                filled = self._filled(event.shares_filled, event.average_price_usd, OrderState.FILLED)
                return replace(filled, ended_at=at)
            case Cancelled(reason=reason, cancelled_at=at):
                filled = self._filled(event.shares_filled, event.average_price_usd, OrderState.CANCELLED)
                return replace(filled, reason=reason, ended_at=at)
            case Failed(kind=kind, error=error, failed_at=at):
                filled = self._filled(event.shares_filled, event.average_price_usd, OrderState(kind.value))
                return replace(filled, reason=error, ended_at=at)
            case LateFilled():
                late = self._filled(event.shares_filled, event.average_price_usd, self.state)
                return replace(late, reason=self.reason)
            case Relinked():
                return self  # No rule of ours asks what stands behind an order: the rows keep it.
            case Migrated():
                return self._migrated(event)
            case _:
                assert_never(event)

    def _submission_started(self, at: datetime) -> list[OffchainOrderEvent]:
        if self.state is OrderState.NOT_PLACED:
            raise NotPlaced(f"order {self.order_id} is not placed")
        self._refuse_if_ended()
        if self.broker_order_id is not None:
            raise AlreadySubmitted(f"order {self.order_id} is at {self.broker} as {self.broker_order_id}")
        return [SubmissionStarted(sending_at=at)] if self.state is OrderState.PLACED else []

    def _submitted(self, command: ConfirmSubmission) -> list[OffchainOrderEvent]:
        if self.state is OrderState.NOT_PLACED:
            raise NotPlaced(f"order {self.order_id} is not placed")
        if self.broker_order_id == command.broker_order_id and self.state is not OrderState.UNKNOWN:
            return []
        if self.has_ended and self.broker_order_id is None:
            # It ended here for not being there, and is there after all. Its end stays; its fills are asked for.
            return [Submitted(**msgspec.structs.asdict(command))]
        self._refuse_if_ended()
        if self.broker_order_id not in (None, command.broker_order_id):
            raise AlreadySubmitted(
                f"order {self.order_id} is at {self.broker} as {self.broker_order_id}, not as {command.broker_order_id}"
            )
        return [Submitted(**msgspec.structs.asdict(command))]

    def _failed(self, command: MarkFailed) -> Failed:
        self._refuse_unless_open()
        filled = self.filled_shares if command.shares_filled is None else command.shares_filled
        self._refuse_less(filled)
        return Failed(
            kind=command.kind,
            shares_filled=filled,
            average_price_usd=self._average(filled, command.average_price_usd),
            error=command.error,
            failed_at=command.failed_at,
        )

    def _refuse_unless_open(self) -> None:
        if self.state is OrderState.NOT_PLACED:
            raise NotPlaced(f"order {self.order_id} is not placed")
        self._refuse_if_ended()

    def _refuse_unless_at_broker(self, filled: Shares) -> None:
        self._refuse_if_ended()
        if self.broker_order_id is None:
            raise NotPlaced(f"order {self.order_id} is {self.state}: the broker's id of it is not known yet")
        self._refuse_less(filled)

    def _refuse_if_ended(self) -> None:
        if self.has_ended:
            raise AlreadyCompleted(f"order {self.order_id} is {self.state}, and an end is final")

    def _is_news(self, filled: Shares, price: Usd | None) -> bool:
        """Whether a report adds shares, or the price of shares that had none."""
        priced = self.average_price_usd is None and price is not None
        return filled != self.filled_shares or priced

    def _refuse_nothing(self, filled: Shares) -> None:
        if filled <= 0:
            raise NothingFilled(f"order {self.order_id} is reported as filled with {filled} shares")

    def _refuse_less(self, filled: Shares) -> None:
        if filled < self.filled_shares:
            raise FilledLess(f"order {self.order_id} had filled {self.filled_shares}, its report says {filled}")

    def _filled(self, filled: Shares, price: Usd | None, state: OrderState) -> Self:
        average = self._average(filled, price)
        return msgspec.structs.replace(self, state=state, filled_shares=filled, average_price_usd=average, reason=None)

    def _average(self, filled: Shares, price: Usd | None) -> Usd | None:
        """A report without a price takes none from the shares that it was known for, and gives none to more shares."""
        return self.average_price_usd if price is None and filled == self.filled_shares else price

    def _migrated(self, event: Migrated) -> Self:
        state = MIGRATED_STATES[event.status]
        filled = event.shares if state is OrderState.FILLED else NONE
        return msgspec.structs.replace(
            self,
            state=state,
            symbol=event.symbol,
            side=event.side,
            broker=event.broker,
            requested_shares=event.shares,
            accepted_shares=event.accepted_shares,
            filled_shares=filled if event.filled_shares is None else event.filled_shares,
            average_price_usd=event.average_price_usd,
            broker_order_id=event.broker_order_id,
            reason=event.error,
            client_order_id=event.client_order_id,
            attempt=event.attempt,
            placed_at=event.placed_at,
            sending_at=event.sending_at,
            submitted_at=event.submitted_at,
            ended_at=event.executed_at,
        )

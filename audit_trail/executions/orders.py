"""Orders of decisions: how one stands, and what a broker's word makes of it. No database, no broker, no clock."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from audit_trail.decisions.drafts import TradedAccount
from audit_trail.decisions.failures import FailureKind, kind_of_rejection
from trading.brokers.orders import OrderReport, OrderRequest, OrderStatus, same_order
from trading.values.arithmetic import ZERO, plain, subtract
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd


class OrderState(StrEnum):
    """How far an attempt has come."""

    SENDING = "sending"
    """The intent is stored. From here on the broker may have the order."""

    SUBMITTED = "submitted"
    """The broker has it, and nothing is filled."""

    PARTIALLY_FILLED = "partially_filled"
    UNKNOWN = "unknown"
    """It was sent, and what became of it is not known; it is asked for."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    FAILED = "failed"
    """It is proven, or an operator said, that the broker never had it."""

    UNSENT = "unsent"
    """Nothing was sent. The decision is as it was before."""

    DENIED = "denied"
    """The risk gate refused it before anything was sent."""


OPEN = (OrderState.SENDING, OrderState.SUBMITTED, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN)
STOPPED = "decision_order_stopped"
"""What an operator is told of a report that can't be of the order, or of one that is open after its end here."""

AT_THE_BROKER = (OrderState.SUBMITTED, OrderState.PARTIALLY_FILLED)


class PlacedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as a book holds it."""

    key: int = 0
    """Of its row."""

    decision_id: UUID
    strategy: str
    trading_day: date
    account: TradedAccount
    request: OrderRequest
    requested_shares: Shares
    """Of an order in dollars, what they were reckoned to buy."""

    state: OrderState = OrderState.SENDING
    broker_order_id: BrokerOrderId | None = None
    filled_shares: Shares = Shares(ZERO)
    average_price_usd: Usd | None = None
    submitted_at: datetime | None = None
    ended_at: datetime | None = None
    """Both times are the broker's, where it told them."""

    reported_at: datetime | None = None
    """The broker's time of what it said last, in this process."""

    reason: str | None = None
    failure: FailureKind | None = None

    sender: str | None = None
    """The process that sends it, or did."""

    not_before: datetime | None = None
    """When it is asked for next; None where it is not any more."""

    tries: int = 0
    """In vain, in a row."""

    @property
    def client_order_id(self) -> ClientOrderId:
        return self.request.client_order_id

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def __str__(self) -> str:
        return f"{self.client_order_id} ({self.strategy}, {self.request.side} {self.request.symbol})"


class Remark(msgspec.Struct, frozen=True):
    """Something that an operator must know of an order."""

    kind: str
    text: str


class Heard(msgspec.Struct, frozen=True):
    """What a report made of an order."""

    order: PlacedOrder
    remarks: Sequence[Remark] = ()


def order_id(*, installation: str, decision: UUID, attempt: int) -> ClientOrderId:
    """Name an order after its decision. No hedge has such a name, nor any other installation's order."""
    return ClientOrderId(f"htd-{installation}-{decision.hex}-{attempt}")


def told(asked: PlacedOrder, known: PlacedOrder, report: OrderReport) -> Heard:
    """What a report makes of an order: as it was when the broker was asked, and as it is known now.

    What the report says is taken, never what was asked for. Of a report that can't be of this order nothing is.
    """
    if (difference := _difference(asked, known, report)) is not None:
        return _stopped(known, difference)
    if _overtaken(asked, known, report):
        return Heard(known)
    if not known.is_open:
        return _late(known, report) if known.broker_order_id is not None else _found(known, report)
    state = _STATES[report.status]
    ended = report.status.is_end
    after = msgspec.structs.replace(
        known,
        state=state,
        broker_order_id=report.broker_order_id,
        filled_shares=report.filled_shares,
        average_price_usd=report.average_price_usd,
        submitted_at=known.submitted_at or report.submitted_at,
        ended_at=report.updated_at if ended else None,
        reported_at=report.updated_at,
        reason=(report.reason or f"{state} by the broker") if ended and state is not OrderState.FILLED else None,
        failure=_failure(state, report.reason or "") if not report.filled_shares else None,
    )
    return Heard(after, _overfilled(after))


def rejected(known: PlacedOrder, reason: str, *, at: datetime) -> PlacedOrder:
    """The broker said no; the order never was there."""
    return _ended(known, OrderState.REJECTED, reason, kind_of_rejection(reason), at)


def never_there(known: PlacedOrder, reason: str, *, at: datetime) -> PlacedOrder:
    """The broker, asked often enough, never had the order; or an operator says so."""
    return _ended(known, OrderState.FAILED, reason, FailureKind.NEVER_THERE, at)


def unsent(known: PlacedOrder, reason: str, *, at: datetime) -> PlacedOrder:
    """Nothing was sent."""
    return _ended(known, OrderState.UNSENT, reason, None, at)


def lost(known: PlacedOrder, reason: str) -> PlacedOrder:
    """Nobody knows what became of it, until the broker says."""
    return msgspec.structs.replace(known, state=OrderState.UNKNOWN, reason=reason)


_STATES = {
    OrderStatus.ACCEPTED: OrderState.SUBMITTED,
    OrderStatus.PARTIALLY_FILLED: OrderState.PARTIALLY_FILLED,
    OrderStatus.FILLED: OrderState.FILLED,
    OrderStatus.CANCELLED: OrderState.CANCELLED,
    OrderStatus.EXPIRED: OrderState.EXPIRED,
    OrderStatus.REJECTED: OrderState.REJECTED,
}


def _failure(state: OrderState, reason: str) -> FailureKind | None:
    if state is OrderState.REJECTED:
        return kind_of_rejection(reason)
    return FailureKind.EXPIRED if state is OrderState.EXPIRED else None


def _ended(known: PlacedOrder, state: OrderState, reason: str, kind: FailureKind | None, at: datetime) -> PlacedOrder:
    return msgspec.structs.replace(known, state=state, reason=reason, failure=kind, ended_at=at)


def _difference(asked: PlacedOrder, known: PlacedOrder, report: OrderReport) -> str | None:
    if known.broker_order_id not in (None, report.broker_order_id):
        return f"expected the broker's order {known.broker_order_id}, was {report.broker_order_id}"
    if report.filled_shares < asked.filled_shares:
        return f"expected at least {plain(asked.filled_shares)} shares filled, was {plain(report.filled_shares)}"
    return same_order(known.request, report)


def _overtaken(asked: PlacedOrder, known: PlacedOrder, report: OrderReport) -> bool:
    """Tell whether another process, which asked later, has booked more than this report knows of.

    An order that ended without an id of the broker's was never there, as far as that one knew: that it is, is news.
    """
    ended_meanwhile = asked.is_open and not known.is_open and known.broker_order_id is not None
    return report.filled_shares < known.filled_shares or ended_meanwhile


def _found(known: PlacedOrder, report: OrderReport) -> Heard:
    """The broker has an order that was held to be never there: from now on it is asked for its fills."""
    named = msgspec.structs.replace(
        known, broker_order_id=report.broker_order_id, submitted_at=known.submitted_at or report.submitted_at
    )
    return _late(named, report)


def _stopped(known: PlacedOrder, difference: str) -> Heard:
    remark = Remark(
        STOPPED,
        f"the broker's report is not of our order {known}: {difference}. Nothing of it was booked. Look at the order "
        "at the broker",
    )
    return Heard(lost(known, difference) if known.is_open else known, [remark])


def _late(known: PlacedOrder, report: OrderReport) -> Heard:
    """An end stays an end; what was filled all the same is counted, and a price that came late is kept.

    One that is open at the broker all the same counts as a look in vain, so that it is looked at again.
    """
    after = msgspec.structs.replace(
        known,
        filled_shares=report.filled_shares,
        average_price_usd=report.average_price_usd or known.average_price_usd,
        reported_at=report.updated_at,
        tries=known.tries if report.status.is_end else known.tries + 1,
    )
    remarks = []
    if added := subtract(report.filled_shares, known.filled_shares):
        text = (
            f"order {known} had ended as {known.state} with {plain(known.filled_shares)} shares filled; the broker now "
            f"says {plain(report.filled_shares)}. The {plain(added)} more are booked"
        )
        remarks.append(Remark("late_fill", text))
    if not report.status.is_end:
        text = (
            f"order {known} had ended as {known.state}, and is open at the broker as {report.broker_order_id}. It may "
            f"still fill. Cancel it there; then `manage.py recheck_decisions {known.decision_id}`, which books what it "
            "filled"
        )
        remarks.append(Remark(STOPPED, text))
    return Heard(after, remarks)


def _overfilled(after: PlacedOrder) -> list[Remark]:
    asked = after.request.shares
    if asked is None or after.filled_shares <= asked:
        return []
    return [
        Remark(
            "overfill",
            f"the broker filled {plain(after.filled_shares)} shares of order {after}, {plain(asked)} were asked for. "
            "All are booked",
        )
    ]

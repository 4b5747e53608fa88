"""The submitter: from a stored intent to an order at the broker, once. What it came to is returned, not booked.

Where the broker knows our ids it is asked for the order first, and the same id is sent on every try. Where it does not
(Schwab), an order is sent once; after an outcome that is not known it is looked for among the orders that look like it,
and only when five looks over two minutes found none, and the account's holdings did not move, was it never there.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import msgspec

from trading.brokers.orders import OrderReport, OrderRequest, same_order
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NoSuchOrder,
    NotOffered,
    OrderRejected,
    OutcomeUnknown,
    UnusableAnswer,
    UnusableReport,
)
from trading.brokers.port import Broker
from trading.submission.absence import forget_absence, note_absence
from trading.submission.sendings import AlreadyOnTheWay, Sending, begin, nothing_was_sent, sending_of, settle, was_taken
from trading.values.arithmetic import plain, subtract
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares
from trading.values.sides import Side

AHEAD = timedelta(minutes=1)
"""A broker's clock may run before ours by this much."""

REPLACED_WITHIN = timedelta(days=1)
"""An order that took the place of an earlier one goes by the earlier one's name where both are listed."""

NEVER_HAD = "Stale execution timeout"
"""The reason of an order that the broker, asked for it, never had."""


class AtTheBroker(msgspec.Struct, frozen=True):
    """The broker has the order."""

    report: OrderReport


class Refused(msgspec.Struct, frozen=True):
    """The broker said no; the order never was."""

    reason: str


class InDoubt(msgspec.Struct, frozen=True):
    """The broker may have the order: it is looked for, and not sent."""

    reason: str
    tell: bool = False
    """An operator must know at once: what was heard can't be."""
    may_be_listed_later: bool = False
    """It is known by the broker's list alone, which may lag behind an order that was just taken."""


class NeverThere(msgspec.Struct, frozen=True):
    """It is proven that the broker never had the order."""

    reason: str


class ForTheOperator(msgspec.Struct, frozen=True):
    """Nothing that we can ask tells what became of the order. A person must look."""

    reason: str


Outcome = AtTheBroker | Refused | InDoubt | NeverThere | ForTheOperator


class Submitter:
    """Gets orders to one broker."""

    def __init__(
        self,
        broker: Broker,
        *,
        linked: Callable[[Collection[BrokerOrderId]], set[BrokerOrderId]],
        resolved: Callable[[ClientOrderId], bool],
    ) -> None:
        """`linked` tells which of the broker's orders are known to be ours, `resolved` whether an outcome is booked."""
        self._broker, self._linked, self._resolved = broker, linked, resolved

    def submit(self, request: OrderRequest, *, sent_before: bool, now: datetime) -> Outcome:
        """Send an order, or look for one that may have been sent.

        A refusal of one that may have been `sent_before` is none until the broker, which may lag behind what it took,
        was looked at often enough: what the second one lacks, the first may hold.

        Raises BrokerUnavailable where nothing was sent, and AlreadyOnTheWay where another order alike has to be known
        first; the same may be asked again then. Raises KnownByNow where another process was faster.
        """
        try:
            if self._broker.capabilities.client_order_id:
                return AtTheBroker(self._broker.find(request.client_order_id) or self._broker.submit(request))
            sending = sending_of(request.client_order_id)
            if sending is not None and sending.in_doubt_at is not None:
                return self._look(request, sending, now)
            return self._sent(request, now)
        except OrderRejected as rejection:
            return self._refused(request, rejection, sent_before, now)
        except (OutcomeUnknown, UnusableReport) as unknown:
            return InDoubt(f"{type(unknown).__name__}: {unknown}", tell=isinstance(unknown, UnusableReport))

    def _refused(self, request: OrderRequest, rejection: OrderRejected, sent_before: bool, now: datetime) -> Outcome:
        # Where it knows no ids of ours, an order that may have been sent is looked for and not sent.
        if sent_before and self._broker.capabilities.client_order_id:
            absence = note_absence(request.client_order_id, now=now)
            if not absence.is_proven:
                return InDoubt(f"{rejection}. It may have been taken before, and is not shown yet ({absence.told})")
        return Refused(str(rejection))

    def look(self, request: OrderRequest, *, now: datetime) -> Outcome:
        """Tell whether the broker has an order, and send nothing. Raises BrokerUnavailable."""
        try:
            return self._looked_for(request, now)
        except UnusableReport as unusable:
            if self._broker.capabilities.client_order_id:
                forget_absence(request.client_order_id)  # It is there, whatever is said of it.
            return ForTheOperator(f"{type(unusable).__name__}: {unusable}")

    def settle(self, client_order_id: ClientOrderId) -> None:
        """What became of the order is booked: forget how it was sent and looked for."""
        settle(client_order_id)
        forget_absence(client_order_id)

    def _looked_for(self, request: OrderRequest, now: datetime) -> Outcome:
        if self._broker.capabilities.client_order_id:
            report = self._broker.find(request.client_order_id)
            return InDoubt(f"{self._broker.name} does not have it") if report is None else AtTheBroker(report)
        sending = sending_of(request.client_order_id)
        if sending is None or sending.in_doubt_at is None:
            return InDoubt("it was not sent")
        return self._look(request, sending, now)

    def _sent(self, request: OrderRequest, now: datetime) -> Outcome:
        report = self._send(request, now)
        if self._linked([report.broker_order_id]):
            # Two alike, shortly after each other, and the answer to the second named the first.
            was_taken(request.client_order_id, None)
            return InDoubt(
                f"{self._broker.name} named order {report.broker_order_id}, which is known to be another one"
            )
        return AtTheBroker(report)

    def _send(self, request: OrderRequest, now: datetime) -> OrderReport:
        try:
            held = self._broker.holdings().of(request.symbol).net_shares
        except UnusableAnswer as unusable:
            raise BrokerUnavailable(f"what is held can't be read, so nothing was sent: {unusable}") from unusable
        begin(self._broker.name, request, held_before=held, resolved=self._resolved, now=now)
        try:
            return self._broker.submit(request)
        except OutcomeUnknown as unknown:
            if unknown.taken:
                was_taken(request.client_order_id, unknown.named)
            raise
        except BrokerUnavailable:
            nothing_was_sent(request.client_order_id)
            raise

    def _look(self, request: OrderRequest, sending: Sending, now: datetime) -> Outcome:
        if (
            sending.named_id is not None
            and (report := self._named(request, BrokerOrderId(sending.named_id))) is not None
        ):
            return AtTheBroker(report)
        since = request.created_at - REPLACED_WITHIN
        try:
            listed = self._broker.orders(since=since, until=now + AHEAD, symbol=request.symbol)
        except NotOffered as forgotten:
            # That it is not among what is still listed would prove nothing.
            return ForTheOperator(
                f"{self._broker.name} does not list the orders among which {request.client_order_id} would be: "
                f"{forgotten}"
            )
        # Those that were entered before ours was meant are no match, whatever took their place since.
        alike = [report for report in listed if same_order(request, report) is None]
        known = self._linked([report.broker_order_id for report in alike])
        # One that was rejected there is ours all the same: it was sent, and this is what became of it.
        ours = [report for report in alike if report.broker_order_id not in known]
        if len(ours) == 1 and ours[0].doubt is None:
            return AtTheBroker(ours[0])
        if len(ours) == 1:
            return ForTheOperator(
                f"{self._broker.name} has order {ours[0].broker_order_id}, which may be {request.client_order_id}: "
                f"{ours[0].doubt}"
            )
        if ours:
            ids = ", ".join(report.broker_order_id for report in ours)
            return ForTheOperator(
                f"{self._broker.name} has {len(ours)} orders that may be {request.client_order_id}: {ids}"
            )
        absence = note_absence(request.client_order_id, now=now)
        if not absence.is_proven:
            told = f"{self._broker.name} lists no order like it yet ({absence.told})"
            return InDoubt(told, may_be_listed_later=True)
        return self._never_there(request, sending, absence.told)

    def _named(self, request: OrderRequest, order: BrokerOrderId) -> OrderReport | None:
        """Look at the order that the broker named for this one; None where it can't be seen to be it."""
        if self._linked([order]):
            return None
        try:
            report = self._broker.report(order)
        except (NoSuchOrder, UnusableReport):
            return None
        return report if report.doubt is None and same_order(request, report) is None else None

    def _never_there(self, request: OrderRequest, sending: Sending, told: str) -> Outcome:
        if sending.is_taken:
            which = (
                "did not say which it is" if sending.named_id is None else f"named {sending.named_id}, which is not it"
            )
            return ForTheOperator(
                f"{self._broker.name} took {request.client_order_id} and {which}, and lists no order like it ({told})"
            )
        holding = self._broker.holdings().of(request.symbol)
        if sending.held_before_shares is None:
            return ForTheOperator(f"it is not known what was held of {request.symbol} before it was sent")
        moved = subtract(holding.net_shares, sending.held_before_shares)
        if _same_way(request.side, Shares(moved)):
            return ForTheOperator(
                f"{self._broker.name} lists no order like {request.client_order_id} ({told}), but holds "
                f"{plain(holding.net_shares)} {request.symbol} where it held {plain(sending.held_before_shares)}"
            )
        return NeverThere(f"{NEVER_HAD}: {self._broker.name} never had it ({told})")


def _same_way(side: Side, moved: Shares) -> bool:
    """Tell whether holdings moved as the order would have moved them, even in part."""
    return moved > 0 if side is Side.BUY else moved < 0


__all__ = [
    "AlreadyOnTheWay",
    "AtTheBroker",
    "ForTheOperator",
    "InDoubt",
    "NeverThere",
    "Outcome",
    "Refused",
    "Submitter",
]

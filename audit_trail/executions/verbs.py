"""Verbs for decisions: ask the broker about their orders now, and cancel them. What it says is booked as ever."""

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

import msgspec
import structlog
from django.db import transaction

from audit_trail.decisions.cancelling import NoSuchDecision, NotPending, cancel_pending
from audit_trail.decisions.models import UNDER_WAY, TradeDecision
from audit_trail.decisions.storing import NoAccount
from audit_trail.executions.audit_book import AuditBook, order_of
from audit_trail.executions.carrier import Carrier, ChangedMeanwhile
from audit_trail.executions.models import TradeExecution
from audit_trail.executions.orders import OPEN, OrderState, PlacedOrder
from audit_trail.executions.own_account import NotTheAccount
from trading.brokers.outcomes import BrokerError, BrokerUnavailable, NoSuchOrder, NotCancellable, OutcomeUnknown
from trading.conductor.processes import is_gone
from trading.values.arithmetic import plain

log = structlog.get_logger(__name__)


class Refused(Exception):
    """It was not done, and nothing was changed by it."""


class DecisionVerbs:
    """Does what an operator asks for, for the decisions at one broker. Each method returns what came of it."""

    def __init__(self, *, carrier: Carrier, clock: Callable[[], datetime]) -> None:
        self._carrier, self._broker, self._clock = carrier, carrier.broker, clock
        self._book = AuditBook()

    def recheck(self, decisions: Collection[UUID] = ()) -> list[str]:
        """Ask about the orders of these decisions, ended or not; without any, about all that are under way.

        Raises NoSuchDecision. Of one that can't be asked about it is told why; the others are asked about all the same.
        """
        rows = TradeDecision.objects.filter(broker=self._broker.name).order_by("id")
        if decisions:
            found = {row.decision_id: row for row in rows.filter(decision_id__in=decisions)}
            if missing := [str(each) for each in decisions if each not in found]:
                raise NoSuchDecision(f"there is no decision {', '.join(missing)} at {self._broker.name}")
            chosen = [found[each] for each in decisions]
        else:
            chosen = list(rows.filter(status__in=UNDER_WAY))
        return [self._rechecked(row) for row in chosen]

    def cancel(self, decision_id: UUID, *, actor: str, reason: str, not_there: bool = False) -> str:
        """Cancel a decision: before anything is sent, or its order at the broker. Raises Refused, NoSuchDecision.

        `not_there`: an operator has looked, and the broker does not have its order. The broker is asked once more, and
        nothing is ended where the order was sent, or was about to be, since it was asked.
        """
        try:
            row = cancel_pending(decision_id, actor=actor, reason=reason, now=self._clock())
        except NotPending:
            return self._cancelled_there(decision_id, actor, reason, not_there)
        log.info("Decision cancelled", decision=str(decision_id), actor=actor, reason=reason)
        return f"{row} is cancelled; nothing had been sent"

    def _rechecked(self, decision: TradeDecision) -> str:
        order = self._order(decision)
        if order is None:
            return f"{decision} is {decision.status}; it has no order to ask about"
        if self._is_being_sent(order):
            return f"{decision} is being sent by {order.sender}"
        try:
            stands = self._carrier.follow_up(self._book, order)
        except (NotTheAccount, NoAccount) as wrong:
            return f"{decision} was not asked about: {wrong}"
        except BrokerError as error:
            return f"{decision} could not be asked about: {type(error).__name__}: {error}"
        return self._told(decision, stands)

    def _cancelled_there(self, decision_id: UUID, actor: str, reason: str, not_there: bool) -> str:
        decision: TradeDecision = TradeDecision.objects.get(decision_id=decision_id)
        order = self._order(decision)
        if decision.broker != self._broker.name:
            raise Refused(f"{decision} is at {decision.broker}, and BROKER is {self._broker.name}")
        if order is None or not order.is_open:
            raise Refused(f"{decision} is {decision.status}; only what has not ended can be cancelled")
        if self._is_being_sent(order) and not is_gone(order.sender or ""):
            raise _being_sent(decision, order)
        looked = order
        try:
            self._carrier.account.require(order, self._clock())
            if order.broker_order_id is None:
                # Whoever cancels wants nothing sent: where a process died before it sent it, that stays so.
                looked = self._carrier.follow_up(self._book, order, may_send=False)
            if looked.is_open and looked.broker_order_id is not None:
                return self._told(decision, self._asked_to_cancel(looked, actor, reason))
        except (NotTheAccount, NoAccount) as wrong:
            if not not_there or isinstance(wrong, NoAccount) or not self._may_be_ended_unasked(order):
                raise Refused(f"{decision} was not cancelled: {wrong}") from wrong
            reason = f"failed by {actor}, in the {order.account}, which was left: {reason}"
            return self._told(decision, self._ended(order, reason))
        except BrokerError as error:
            raise Refused(f"{self._broker.name} did not cancel {decision}: {type(error).__name__}: {error}") from error
        if not looked.is_open:
            return self._told(decision, looked)
        if self._is_being_sent(looked):
            raise _being_sent(decision, looked)  # It was taken up while the broker was asked.
        if not not_there:
            raise Refused(
                f"it is not known whether {self._broker.name} has the order of {decision}: {looked.reason}. Look "
                "there; say --not-there if it has none"
            )
        return self._told(decision, self._ended_by_hand(order, f"failed by {actor}: {reason}"))

    def _may_be_ended_unasked(self, order: PlacedOrder) -> bool:
        """Tell whether an operator's word alone counts: its account was left, and its broker's id is not known."""
        return order.broker_order_id is None and self._carrier.account.is_left(order)

    def _ended_by_hand(self, order: PlacedOrder, reason: str) -> PlacedOrder:
        """End an order as it was before the broker was asked for it, and did not have it. Raises Refused."""
        # That look has booked this of it; whatever else is new, another process did after the broker was asked.
        return self._ended(msgspec.structs.replace(order, state=OrderState.UNKNOWN, tries=order.tries + 1), reason)

    def _ended(self, expected: PlacedOrder, reason: str) -> PlacedOrder:
        try:
            return self._carrier.end_by_hand(self._book, expected, reason)
        except ChangedMeanwhile as changed:
            raise Refused(str(changed)) from changed

    def _asked_to_cancel(self, order: PlacedOrder, actor: str, reason: str) -> PlacedOrder:
        asked = {"cancel_asked_by": actor, "cancel_reason": reason, "cancel_asked_at": self._clock()}
        rows = TradeExecution.objects.filter(pk=order.key)
        with transaction.atomic(durable=True):
            before = rows.select_for_update().values(*asked).get()
            rows.update(**asked)
        if order.broker_order_id is not None:
            try:
                self._broker.cancel(order.broker_order_id)
            except (NotCancellable, OutcomeUnknown) as unclear:
                # How it stands is asked next.
                log.warning("Order of a decision may not be cancelled", order=order.client_order_id, error=str(unclear))
            except (BrokerUnavailable, NoSuchOrder):
                # Nothing was changed there, so whatever ends the order later, this operator did not.
                with transaction.atomic(durable=True):
                    rows.filter(**asked).update(**before)
                raise
        return self._carrier.follow_up(self._book, order)

    def _is_being_sent(self, order: PlacedOrder) -> bool:
        """Tell whether a process has taken it up to send it, and still may be about it."""
        return order.state is OrderState.SENDING and order.not_before is not None and order.not_before > self._clock()

    def _order(self, decision: TradeDecision) -> PlacedOrder | None:
        """The order that is under way for a decision, else the last one that was at the broker."""
        rows = TradeExecution.objects.select_related("trade_decision").filter(trade_decision=decision)
        row = rows.filter(status__in=OPEN).first()
        row = row or rows.filter(broker_order_id__isnull=False).order_by("-attempt_number").first()
        return None if row is None else order_of(row)

    def _told(self, decision: TradeDecision, order: PlacedOrder) -> str:
        stands = TradeDecision.objects.values_list("status", flat=True).get(pk=decision.pk)
        because = "" if order.reason is None else f": {order.reason}"
        return (
            f"{decision} is {stands}; its order {order.client_order_id} is {order.state}, "
            f"{plain(order.filled_shares)} of {plain(order.requested_shares)} shares filled{because}"
        )


def _being_sent(decision: TradeDecision, order: PlacedOrder) -> Refused:
    return Refused(f"{decision} is being sent by {order.sender}: cancel it when that is done, in a moment")

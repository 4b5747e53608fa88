"""Verbs for one order: ask the broker, take it up again, say which order at the broker it is, or that it is none.

What the broker says is booked as it is by the stations. Where the broker has an order it is not failed, whoever asks.
"""

from collections.abc import Sequence
from datetime import datetime

from trading.brokers.orders import OrderReport, same_order
from trading.brokers.outcomes import BrokerError, NoSuchOrder, NotCancellable, OutcomeUnknown, UnusableReport
from trading.brokers.port import Broker
from trading.conductor.known_orders import OtherOrders, is_resolved, linked
from trading.conductor.reconciling.identity import OurAccount, what_is_wrong
from trading.conductor.reports import record, record_failed_by_hand, request_of, settled
from trading.conductor.verbs.applicable import why_not_order
from trading.conductor.verbs.refusal import Refused
from trading.conductor.verbs.requests import Verb
from trading.conductor.work import BeingSent, TakenOnMeanwhile, look_again_at, resume, taken_on, was_taken_up_since
from trading.ledger.book import Ledger
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.submission.absence import LONGEST_LAG, forget_absence
from trading.submission.sendings import sending_of
from trading.submission.submitter import AtTheBroker, ForTheOperator, InDoubt, Outcome, Submitter
from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId, OrderId


class OrderVerbs:
    """Does what an operator asks for, for the orders of one broker. Each method returns what came of it."""

    def __init__(
        self,
        *,
        broker: Broker,
        ledger: Ledger,
        may_trade: OurAccount,
        others: Sequence[OtherOrders] = (),
    ) -> None:
        """`may_trade` tells whether the broker has us in the account that was confirmed; others have no such order."""
        self._broker, self._ledger, self._may_trade = broker, ledger, may_trade
        self._linked = linked(ledger, *others)
        self._submitter = Submitter(broker, linked=self._linked, resolved=is_resolved(ledger, *others))

    def recheck(self, number: OrderId, *, actor: str, now: datetime) -> str:
        """Ask the broker about an order now, ended or not, and book what it says."""
        order = self._order(number, Verb.RECHECK_ORDER)
        if order.state is OrderState.PLACED:
            look_again_at(number, at=now)
            return f"order {number} was not sent yet; it is sent at the next turn"
        if self._can_not_be_asked_for(order):
            raise Refused(
                f"order {number} has ended as {order.state}, and {self._broker.name} knows no ids of ours by which it "
                f"could be asked for it. Look at its orders there; if one of them is it, `manage.py reconcile_order "
                f"{number} --broker-order ID` books what it filled"
            )
        report = self._asked(order, now)
        if report is None and order.has_ended:
            return f"{self._broker.name} does not have order {number}, which has ended as {order.state}"
        if report is None:
            look_again_at(number, at=now)
            return f"{self._broker.name} does not have order {number}; it is tried again at the next turn"
        return self._booked(order, report, actor, now)

    def _can_not_be_asked_for(self, order: OffchainOrder) -> bool:
        """Tell whether nothing is left by which the broker could be asked for an order that has ended."""
        if not order.has_ended or order.broker_order_id is not None or self._broker.capabilities.client_order_id:
            return False
        return order.client_order_id is None or sending_of(order.client_order_id) is None

    def resume(self, number: OrderId, *, actor: str, now: datetime) -> str:
        """Take an order up again at once, as if it had failed no try, and its symbol with it."""
        order = self._order(number, Verb.RESUME_ORDER)
        if order.client_order_id is not None:
            forget_absence(order.client_order_id)
        look_again_at(number, at=now)
        settled(order, now=now)
        halted = resume(order.symbol, now=now)
        return f"order {number} is taken up again" + (f", and {order.symbol} is no longer halted" if halted else "")

    def reconcile(self, number: OrderId, theirs: BrokerOrderId, *, actor: str, now: datetime) -> str:
        """Say which of the broker's orders this one is; what the broker says of that one is booked.

        One that has ended may be said too: it was held to be never there, and is there after all.
        """
        order = self._order(number, Verb.RECONCILE_ORDER)
        if self._linked([theirs]):
            raise Refused(f"{self._broker.name}'s order {theirs} is another order of ours")
        self._expect_our_account(now)
        try:
            report = self._broker.report(theirs)
        except BrokerError as error:
            raise Refused(f"{self._broker.name} could not be asked about {theirs}: {error}") from error
        if (difference := same_order(request_of(order), report)) is not None:
            raise Refused(f"{theirs} can't be order {number}: {difference}")
        return self._booked(order, report, actor, now)

    def fail(
        self, number: OrderId, *, none_of_them: bool, actor: str, reason: str, asked_at: datetime, now: datetime
    ) -> str:
        """End an order that the broker does not have. It is asked first, and must be there to be asked.

        `none_of_them`: the operator has looked at the broker's orders that look like it, and none is it. Where the
        broker has us in another account than the confirmed one, as when that is closed for good, this word alone
        counts: nobody can be asked. A broker that does not answer is no such case. A word of before the order was sent
        says nothing of it, and nor does a look at what the broker has just taken.
        """
        before = taken_on(number)
        order = self._order(number, Verb.FAIL_ORDER)
        elsewhere = none_of_them and self._may_trade.is_another(now)
        unasked = order.state is OrderState.PLACED or elsewhere
        if not elsewhere:
            _expect_that_it_may_be_absent(order, asked_at, now)
        report = None if unasked else self._asked_to_fail(order, now, none_of_them)
        if report is not None:
            told = f"{report.status} with {plain(report.filled_shares)} shares filled"
            raise Refused(
                f"{self._broker.name} has order {number} as {report.broker_order_id}, {told}: `manage.py recheck_order "
                f"{number}` books it, and `manage.py cancel_order {number}` cancels it there"
            )
        try:
            record_failed_by_hand(self._ledger, order, reason, before=before, now=now, actor=actor)
        except BeingSent as sending:
            raise Refused(f"{sending}: look again then, whether {self._broker.name} has it") from sending
        except TakenOnMeanwhile as other:
            raise Refused(f"{other}: `manage.py recheck_order {number}` tells how it stands now") from other
        if order.client_order_id is not None:
            self._submitter.settle(order.client_order_id)
        return f"order {number} is failed; its shares may be hedged anew"

    def cancel(self, number: OrderId, *, actor: str, now: datetime) -> str:
        """Ask the broker to cancel an order, and book how it stands then."""
        order = self._order(number, Verb.CANCEL_ORDER)
        self._expect_our_account(now)
        try:
            if order.broker_order_id is not None:  # Else it was refused above.
                self._broker.cancel(order.broker_order_id)
        except (NotCancellable, OutcomeUnknown):
            pass  # How it stands is asked next.
        except BrokerError as error:
            raise Refused(f"{self._broker.name} did not cancel order {number}: {error}") from error
        report = self._asked(order, now)
        if report is None:
            raise Refused(f"{self._broker.name} does not have order {number} any more")
        return self._booked(order, report, actor, now)

    def _order(self, number: OrderId, verb: Verb) -> OffchainOrder:
        order = self._ledger.memory().order(number)
        if order is None:
            raise Refused(f"there is no order {number}")
        if order.broker != self._broker.name:
            raise Refused(f"order {number} is at {order.broker}, and BROKER is {self._broker.name}")
        if (in_the_way := why_not_order(verb, order)) is not None:
            raise Refused(in_the_way)
        return order

    def _expect_our_account(self, now: datetime) -> None:
        """Raises Refused: an order that was filled in our account would be booked as one that the broker never had."""
        if not self._may_trade(now):
            name = self._broker.name
            raise Refused(
                f"{name} was not asked: its account is not the one that was confirmed, or could not be asked for "
                f"({what_is_wrong(name) or 'look at the notices'})"
            )

    def _asked(self, order: OffchainOrder, now: datetime) -> OrderReport | None:
        """What the broker says of an order; None where it has none. Raises Refused where it can't be asked."""
        match self._outcome(order, now):
            case AtTheBroker(report=report):
                return report
            case ForTheOperator(reason=reason):
                raise _look_there(order, reason)
            case _:
                return None

    def _asked_to_fail(self, order: OffchainOrder, now: datetime, none_of_them: bool) -> OrderReport | None:
        """The same; where the broker tells by its list alone, one look in vain is no answer, unless a person looked."""
        match self._outcome(order, now):
            case AtTheBroker(report=report):
                return report
            case ForTheOperator(reason=reason) | InDoubt(reason=reason, may_be_listed_later=True) if not none_of_them:
                raise _look_there(order, reason)
            case _:
                return None

    def _outcome(self, order: OffchainOrder, now: datetime) -> Outcome:
        self._expect_our_account(now)
        try:
            if order.broker_order_id is not None:
                return self._reported(order, order.broker_order_id)
            return self._submitter.look(request_of(order), now=now)
        except BrokerError as error:
            raise Refused(f"{self._broker.name} could not be asked about order {order.order_id}: {error}") from error

    def _reported(self, order: OffchainOrder, theirs: BrokerOrderId) -> Outcome:
        try:
            return AtTheBroker(self._broker.report(theirs))
        except UnusableReport as unusable:
            return ForTheOperator(f"UnusableReport: {unusable}")
        except NoSuchOrder as nothing:
            named = order.client_order_id is not None and self._broker.capabilities.client_order_id
            found = self._broker.find(order.client_order_id) if named and order.client_order_id else None
            return InDoubt(str(nothing)) if found is None else AtTheBroker(found)

    def _booked(self, order: OffchainOrder, report: OrderReport, actor: str, now: datetime) -> str:
        stands = record(self._ledger, order, report, now=now, actor=actor)
        if stands.state is OrderState.UNKNOWN:
            raise Refused(f"order {order.order_id} is unknown: {stands.reason}")
        if stands.broker_order_id != report.broker_order_id:
            raise Refused(
                f"nothing was booked of order {order.order_id}, {stands.state}: {self._broker.name}'s "
                f"{report.broker_order_id} is not it. Look at the notices"
            )
        if order.client_order_id is not None:
            self._submitter.settle(order.client_order_id)
        look_again_at(order.order_id, at=now)
        return (
            f"order {order.order_id} is {stands.state} at {self._broker.name} as {report.broker_order_id}, "
            f"{plain(stands.filled_shares)} of {plain(stands.requested_shares)} shares filled"
        )


def _expect_that_it_may_be_absent(order: OffchainOrder, asked_at: datetime, now: datetime) -> None:
    """Raises Refused where whoever looked at the broker could not see the order yet."""
    if was_taken_up_since(order.order_id, asked_at):
        raise Refused(
            f"order {order.order_id} was sent, or looked for, after it was asked to be failed. Look again whether "
            f"{order.broker} has it"
        )
    if order.submitted_at is not None and now < (shown_at := order.submitted_at + LONGEST_LAG):
        raise Refused(
            f"{order.broker} took order {order.order_id} just now, and may not show it yet: look again after "
            f"{shown_at:%H:%M:%S} UTC"
        )


def _look_there(order: OffchainOrder, reason: str) -> Refused:
    return Refused(f"{reason}. Look at its orders there; say --none-of-them if none is order {order.order_id}")

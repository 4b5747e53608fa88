"""The dispatcher: from a placed order to one that the broker has. Repeating a turn mends a crash on any line of it.

That we are about to send is committed first. How the order gets to the broker once and never twice is the submitter's
matter; here each outcome is booked.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from trading.brokers.orders import OrderReport
from trading.brokers.outcomes import BrokerUnavailable
from trading.brokers.port import Broker
from trading.conductor.about import about_order
from trading.conductor.known_orders import OtherOrders, is_resolved, linked
from trading.conductor.postponing import postpone
from trading.conductor.processes import process_name
from trading.conductor.reports import (
    record,
    record_never_there,
    record_rejection,
    record_unknown,
    request_of,
    stop_for_the_operator,
)
from trading.conductor.work import claim, due, give_back, left_to_others, look_again_at
from trading.ledger.book import Ledger
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.offchain_order.commands import StartSubmission
from trading.submission.pauses import is_paused, pause, pauses_for_all, resume_calls
from trading.submission.sendings import AlreadyOnTheWay, KnownByNow
from trading.submission.submitter import AtTheBroker, ForTheOperator, InDoubt, NeverThere, Outcome, Refused, Submitter
from trading.values.identifiers import OrderId

log = structlog.get_logger(__name__)

# Placed, being sent, or unknown: not submitted as far as we know.
STATES = (OrderState.PLACED, OrderState.SENDING, OrderState.UNKNOWN)


class Dispatcher:
    """Submits placed orders, and finds those again of which we don't know whether they were submitted."""

    name = "dispatcher"

    def __init__(
        self,
        *,
        broker: Broker,
        ledger: Ledger,
        clock: Callable[[], datetime],
        poll_after: timedelta,
        may_trade: Callable[[datetime], bool] = lambda now: True,
        others: Sequence[OtherOrders] = (),
        sender: str | None = None,
    ) -> None:
        """`may_trade` tells whether anything may be sent at all from this installation to this account.

        `others` are orders of ours at the broker that are no hedges, so that none is taken for one. `sender` names the
        process, to which an order is left while it sends it.
        """
        self._broker, self._ledger, self._clock = broker, ledger, clock
        self._poll_after, self._may_trade = poll_after, may_trade
        self._sender = sender or process_name()
        self._submitter = Submitter(broker, linked=linked(ledger, *others), resolved=is_resolved(ledger, *others))

    def run_once(self, *, now: datetime) -> bool:
        """Take on every order that is due. Return whether there was any."""
        orders = [order for order in self._ledger.memory().orders(STATES) if self._ours(order)]
        ready = due([order.order_id for order in orders], now=now)
        if ready:
            ready -= left_to_others(self._sender, now=now)
        if not ready or is_paused(self._broker.name, now=now) or not self._may_trade(now):
            return False
        failure = None
        for order in orders:
            if order.order_id not in ready:
                continue
            try:
                # The calls for those before it took their time, and that it is left to us counts from now on. Another
                # process, with a clock of its own, may have placed it after this turn began.
                now = self._clock()
                if not self._may_trade(now):
                    break  # An operator has confirmed another account meanwhile.
                with about_order(order):
                    self._dispatch(order, max(now, order.placed_at or now))
            except BrokerUnavailable as outage:
                if pauses_for_all(outage):
                    give_back(order.order_id, self._sender)
                    until = pause(self._broker.name, outage, now=now)
                    log.warning("Broker takes no calls for now", broker=self._broker.name, until=until.isoformat())
                    break
                self._postpone(order, f"{type(outage).__name__}: {outage}", now=now)
            except Exception as error:  # each order by itself; the station fails after all had their turn
                with about_order(order):
                    log.exception("Order can't be dispatched", order=order.order_id, symbol=order.symbol)
                self._postpone(order, f"{type(error).__name__}: {error}", now=now)
                failure = error
            else:
                resume_calls(self._broker.name, now=now)
        if failure is not None:
            raise failure
        return True

    def _ours(self, order: OffchainOrder) -> bool:
        # Orders of another broker wait for a conductor that has it; those with an id of theirs are the poller's.
        return order.broker == self._broker.name and order.broker_order_id is None

    def _dispatch(self, order: OffchainOrder, now: datetime) -> None:
        if not self._may_send(order.order_id, now):
            return
        request = request_of(order)
        try:
            sent_before = order.state is not OrderState.PLACED
            outcome = self._submitter.submit(request, sent_before=sent_before, now=now)
        except AlreadyOnTheWay as alike:
            self._postpone(order, str(alike), now=now)
            return
        except KnownByNow as known:
            log.info("Order known by now", order=order.order_id, symbol=order.symbol, reason=str(known))
            return
        if self._book(order, outcome, now):
            self._submitter.settle(request.client_order_id)

    def _postpone(self, order: OffchainOrder, reason: str, *, now: datetime, tell: bool = False) -> None:
        postpone(self._ledger, order, reason, now=now, tell=tell, sender=self._sender)

    def _may_send(self, order: OrderId, now: datetime) -> bool:
        """Commit that we are about to send; False where the order ended, was submitted or is being sent meanwhile."""
        with self._ledger.step(at=now, actor=self.name) as step:
            step.load(orders=[order])
            known = step.order(order)
            if known.broker_order_id is not None or not known.is_open or not claim(order, self._sender, now=now):
                return False
            with step.group(correlation=f"order:{order}"):
                step.handle(OffchainOrder, order, StartSubmission(sending_at=now))
        return True

    def _book(self, order: OffchainOrder, outcome: Outcome, now: datetime) -> bool:
        """Book an outcome. Return whether it is known by now what became of the order."""
        match outcome:
            case AtTheBroker(report=report):
                return self._record(order, report, now)
            case Refused(reason=reason):
                # A broker that knows no ids of ours was sent it by us alone.
                sender = self._sender if self._broker.capabilities.client_order_id else None
                return record_rejection(self._ledger, order, reason, now=now, sender=sender)
            case NeverThere(reason=reason):
                record_never_there(self._ledger, order, reason, now=now, actor=self.name)
                return True
            case InDoubt(reason=reason, tell=tell):
                record_unknown(self._ledger, order, reason, now=now, actor=self.name)
                self._postpone(order, reason, now=now, tell=tell)
                return False
            case ForTheOperator(reason=reason):
                stop_for_the_operator(self._ledger, order, reason, now=now, actor=self.name)
                self._postpone(order, reason, now=now)
                return False

    def _record(self, order: OffchainOrder, report: OrderReport, now: datetime) -> bool:
        stands = record(self._ledger, order, report, now=now, actor=self.name)
        if stands.state is OrderState.UNKNOWN:
            self._postpone(order, stands.reason or "unknown", now=now)
            return False
        look_again_at(order.order_id, at=now + self._poll_after)
        log.info("Order submitted", order=order.order_id, symbol=order.symbol, broker_order=report.broker_order_id)
        return True

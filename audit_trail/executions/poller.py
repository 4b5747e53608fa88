"""The decision poller: asks the broker about orders of decisions, and books what is new; a station like the hedges'.

An order that was sent into silence is looked for, and one whose process died while it sent it. Ended ones are asked
about for half an hour more, since a fill may be reported late. While the broker's account is not the confirmed one,
nothing is asked: it would say that it does not have our orders.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from audit_trail.decisions.storing import NoAccount, traded_account
from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.books import Book
from audit_trail.executions.carrier import Carrier
from audit_trail.executions.legacy_book import LegacyBook
from audit_trail.executions.orders import PlacedOrder
from audit_trail.executions.own_account import NotTheAccount
from trading.brokers.orders import OrderReport
from trading.brokers.outcomes import BrokerUnavailable, UnusableReport
from trading.submission.pauses import is_paused, pause, pauses_for_all
from trading.values.identifiers import BrokerOrderId

log = structlog.get_logger(__name__)

# A list costs one call, so it pays from the second order on.
ORDERS_WORTH_A_LIST = 2


class DecisionPoller:
    """Follows orders of decisions to their ends, and a little further."""

    name = "decision_poller"

    def __init__(self, *, carrier: Carrier) -> None:
        self._carrier, self._broker = carrier, carrier.broker
        self._books: tuple[Book, ...] = (AuditBook(), LegacyBook())

    def run_once(self, *, now: datetime) -> bool:
        """Ask about every order that is due. Return whether there was any."""
        due = [(book, order) for book in self._books for order in book.due(self._broker.name, now=now)]
        if not due or is_paused(self._broker.name, now=now):
            return False
        if not (due := self._of_the_account(due)):
            return False
        try:
            self._carrier.account.traded(now)
        except NotTheAccount as wrong:
            self._put_off(due, str(wrong))
            return False
        try:
            listed = self._listed([order for _, order in due])
        except BrokerUnavailable as outage:
            if pauses_for_all(outage):
                pause(self._broker.name, outage, now=now)
            log.warning("Orders of decisions can't be listed", broker=self._broker.name, error=str(outage))
            return False
        failure: Exception | None = None
        for book, order in due:
            try:
                self._carrier.follow_up(book, order, listed=listed)
            except BrokerUnavailable as outage:
                log.warning("Order of a decision not polled", order=order.client_order_id, error=str(outage))
                if pauses_for_all(outage):
                    break
            except NotTheAccount as wrong:  # Another one was confirmed since this turn began.
                log.warning("Order of a decision not polled", order=order.client_order_id, error=str(wrong))
            except Exception as error:  # each order by itself; the station fails after all had their turn
                log.exception("Order of a decision can't be polled", order=order.client_order_id)
                failure = failure or error
        if failure is not None:
            raise failure
        return True

    def is_following(self) -> bool:
        """Tell whether any order is open in the account that is traded in."""
        return bool(self._carrier.orders.open())

    def _of_the_account(self, due: Sequence[tuple[Book, PlacedOrder]]) -> list[tuple[Book, PlacedOrder]]:
        """Those of the account that was confirmed: another one's are asked for where that one is traded in."""
        if not due:
            return []
        try:
            account = traded_account(self._broker.name)
        except NoAccount:
            return []
        return [(book, order) for book, order in due if order.account == account]

    def _put_off(self, due: Sequence[tuple[Book, PlacedOrder]], reason: str) -> None:
        """An operator is told of what nobody asks about meanwhile, as where the broker is down."""
        for book, order in due:
            # One that has ended keeps its last looks: they are for what is filled late, and there are only so many.
            if order.is_open:
                self._carrier.put_off(book, order, reason)

    def _listed(self, orders: Sequence[PlacedOrder]) -> Mapping[BrokerOrderId, OrderReport]:
        """What the list of open orders says. Raises BrokerUnavailable."""
        if sum(order.is_open and order.broker_order_id is not None for order in orders) < ORDERS_WORTH_A_LIST:
            return {}
        try:
            return {report.broker_order_id: report for report in self._broker.open_orders()}
        except UnusableReport as unusable:
            # One order of the account that can't be read must not hide the others, which are asked about one by one.
            log.warning("List of open orders can't be used", broker=self._broker.name, error=str(unusable))
            return {}

"""Known: the orders of decisions as the hedges' side asks for them, whichever book they are kept in."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from audit_trail.decisions.storing import NoAccount, traded_account
from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.books import Book, held_by_decisions
from audit_trail.executions.legacy_book import LegacyBook
from audit_trail.executions.orders import PlacedOrder
from trading.risk.intents import Intent
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.symbols import Symbol


class DecisionOrders:
    """What hedges, the risk gate and the reconciler must know of them. Not one enters a hedge position."""

    def __init__(self, broker: str, *, books: Sequence[Book] | None = None) -> None:
        self._broker = broker
        self._books: tuple[Book, ...] = (AuditBook(), LegacyBook()) if books is None else tuple(books)

    # For the submitter: two alike are told apart, whichever pipeline they are of.

    def linked(self, ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        return set().union(*(book.known_broker_orders(ids) for book in self._books))

    def is_resolved(self, client_order_id: ClientOrderId) -> bool:
        """Tell whether an order is at the broker, or has ended."""
        order = self.named(client_order_id)
        return order is not None and (order.broker_order_id is not None or not order.is_open)

    def named(self, client_order_id: ClientOrderId) -> PlacedOrder | None:
        found = (book.named(client_order_id) for book in self._books)
        return next((order for order in found if order is not None), None)

    # For the risk gate.

    def intents(self, since: datetime) -> Iterable[Intent]:
        """The orders of the account that is traded in that are open, or ended since a time."""
        ended = [order for book in self._books for order in book.ended_since(self._broker, since=since)]
        return [intent_of(order) for order in [*self.open(), *self._of_the_account(ended)]]

    # For the reconciler.

    def holdings(self) -> Mapping[Symbol, Decimal]:
        """What decisions hold in the account that is traded in."""
        try:
            return held_by_decisions(traded_account(self._broker))
        except NoAccount:
            return {}

    def busy(self) -> set[Symbol]:
        """The symbols of which an order is open: what is held of them changes."""
        return {order.request.symbol for order in self.open()}

    def open(self) -> list[PlacedOrder]:
        """The open orders of the account that is traded in: another one's change nothing here."""
        return self._of_the_account([order for book in self._books for order in book.open_orders(self._broker)])

    def _of_the_account(self, orders: list[PlacedOrder]) -> list[PlacedOrder]:
        if not orders:
            return orders
        try:
            account = traded_account(self._broker)
        except NoAccount:
            return []
        return [order for order in orders if order.account == account]


def intent_of(order: PlacedOrder) -> Intent:
    return Intent(
        client_order_id=order.client_order_id,
        broker=order.account.broker,
        symbol=order.request.symbol,
        side=order.request.side,
        requested_shares=order.requested_shares,
        filled_shares=order.filled_shares,
        submitted_at=order.submitted_at,
        ended_at=order.ended_at,
    )

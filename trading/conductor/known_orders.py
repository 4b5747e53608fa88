"""Known orders: which of a broker's orders are ours, and of which of our ids it is known what became."""

from collections.abc import Callable, Collection
from typing import Protocol

from trading.ledger.book import Ledger
from trading.values.identifiers import BrokerOrderId, ClientOrderId


class OtherOrders(Protocol):
    """Orders of ours at the same broker that are no hedges."""

    def linked(self, ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        """Those of some ids of the broker's that stand with one of them."""

    def is_resolved(self, client_order_id: ClientOrderId) -> bool:
        """Tell whether one of them is at the broker, or has ended."""


def linked(ledger: Ledger, *others: OtherOrders) -> Callable[[Collection[BrokerOrderId]], set[BrokerOrderId]]:
    """Tell which of some ids of the broker's stand with an order of ours."""

    def known(ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        return ledger.memory().known_broker_orders(ids).union(*(each.linked(ids) for each in others))

    return known


def is_resolved(ledger: Ledger, *others: OtherOrders) -> Callable[[ClientOrderId], bool]:
    """Tell whether an order of ours is at the broker, or has ended; one that we don't know never was sent by us."""

    def resolved(client_order_id: ClientOrderId) -> bool:
        order = ledger.memory().order_named(client_order_id)
        if order is not None:
            return order.broker_order_id is not None or order.has_ended
        return any(each.is_resolved(client_order_id) for each in others)

    return resolved

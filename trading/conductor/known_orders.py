"""Known orders: which of a broker's orders are ours, and of which of our ids it is known what became."""

from collections.abc import Callable, Collection

from trading.ledger.book import Ledger
from trading.values.identifiers import BrokerOrderId, ClientOrderId


def linked(ledger: Ledger) -> Callable[[Collection[BrokerOrderId]], set[BrokerOrderId]]:
    """Tell which of some ids of the broker's stand with an order of ours."""

    def known(ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        return ledger.memory().known_broker_orders(ids)

    return known


def is_resolved(ledger: Ledger) -> Callable[[ClientOrderId], bool]:
    """Tell whether an order of ours is at the broker, or has ended; one that we don't know never was sent by us."""

    def resolved(client_order_id: ClientOrderId) -> bool:
        order = ledger.memory().order_named(client_order_id)
        return order is not None and (order.broker_order_id is not None or order.has_ended)

    return resolved

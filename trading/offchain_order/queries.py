"""Questions to the offchain order view. Each answer is rows in a fixed order, read through an index; take as many of
them as are needed. Times are half-open.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from trading.offchain_order.aggregate import OPEN, OrderState
from trading.offchain_order.view import OffchainOrderView
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.symbols import Symbol

Orders = QuerySet[OffchainOrderView]


def of_symbol(*, symbol: Symbol) -> Orders:
    """The orders of a symbol, newest first."""
    return OffchainOrderView.objects.filter(symbol=symbol).order_by("-execution_id")


def in_states(*, states: Collection[OrderState]) -> Orders:
    """The orders that stand in one of these states, newest first."""
    return OffchainOrderView.objects.filter(detailed_status__in=sorted(states)).order_by("-execution_id")


def pending() -> Orders:
    """The orders that have not ended, newest first."""
    return in_states(states=OPEN)


def of_broker(*, broker: str) -> Orders:
    """The orders at a broker, newest first."""
    return OffchainOrderView.objects.filter(broker=broker).order_by("-execution_id")


def of_broker_order(*, broker: str, broker_order_id: BrokerOrderId) -> Orders:
    """The order that a broker knows under its id, or none."""
    return OffchainOrderView.objects.filter(broker_order_id=broker_order_id, broker=broker).order_by("-execution_id")


def of_client_order(*, client_order_id: ClientOrderId) -> Orders:
    """The order that has this id of ours, or none."""
    return OffchainOrderView.objects.filter(client_order_id=client_order_id)


def placed_between(*, since: datetime, until: datetime) -> Orders:
    """The orders that were placed in [since, until), newest first."""
    rows = OffchainOrderView.objects.filter(placed_at__gte=since, placed_at__lt=until)
    return rows.order_by("-placed_at", "-execution_id")


def ended_between(*, since: datetime, until: datetime) -> Orders:
    """The orders that ended in [since, until), newest first."""
    rows = OffchainOrderView.objects.filter(ended_at__gte=since, ended_at__lt=until)
    return rows.order_by("-ended_at", "-execution_id")

"""Queues: what waits to be taken on, and since when."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet

from audit_trail.decisions.models import Status, TradeDecision
from config.monitoring.metrics import COUNTED_AT_MOST
from config.read_side import ReadSide
from trading.conductor.inbox import QueuedLog
from trading.conductor.verbs.requests import OperatorRequest, RequestState
from trading.ledger.backlog import BackloggedEvent
from trading.offchain_order.aggregate import OrderState

UNSENT_ORDERS = (OrderState.PLACED, OrderState.SENDING)
AT_THE_BROKER = (OrderState.SUBMITTED, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN)


class Queue(NamedTuple):
    """What waits in a queue; it is counted up to a bound."""

    name: str
    waiting: int
    oldest_at: datetime | None


def queues(side: ReadSide) -> list[Queue]:
    """Look at every queue, through an index each."""
    orders = side.orders.order_by(side.order_number)
    found: dict[str, tuple[QuerySet[Any], str]] = {
        "logs": (QueuedLog.objects.filter(processed=False).order_by("block_number", "log_index"), "created_at"),
        "orders_to_send": (orders.filter(detailed_status__in=UNSENT_ORDERS), "placed_at"),
        "orders_at_broker": (orders.filter(detailed_status__in=AT_THE_BROKER), "placed_at"),
        "backlog": (BackloggedEvent.objects.order_by("id"), "happened_at"),
        "decisions": (TradeDecision.objects.filter(status=Status.PENDING).order_by("decided_at"), "decided_at"),
        "requests": (OperatorRequest.objects.filter(state=RequestState.WAITING.value).order_by("id"), "asked_at"),
    }
    return [_queue(name, rows, since) for name, (rows, since) in found.items()]


def _queue(name: str, rows: QuerySet[Any], since: str) -> Queue:
    waiting = counted(rows)
    return Queue(name, waiting, rows.values_list(since, flat=True).first() if waiting else None)


def counted(rows: QuerySet[Any]) -> int:
    """Count rows up to the bound."""
    return rows.order_by()[:COUNTED_AT_MOST].count()

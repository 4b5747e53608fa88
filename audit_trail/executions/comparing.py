"""Comparing: the executions and the legacy order log say the same, order by order."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from audit_trail.executions.audit_book import order_of as execution_of
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.legacy_book import order_of as legacy_of
from audit_trail.executions.models import TradeExecution
from audit_trail.executions.orders import OrderState, PlacedOrder

AT_ONCE = 1000

# Each book's own: where its row is, and when it is looked at next.
_APART = {"key": 0, "sender": None, "not_before": None, "tries": 0, "reported_at": None, "failure": None}


class Comparison(msgspec.Struct, frozen=True):
    """What was compared, and a line for each difference."""

    orders: int
    legacy_alone: int
    """Orders of the time when USE_AUDIT_TRAIL was off: there is nothing to hold them against."""

    differences: tuple[str, ...]


def compare() -> Comparison:
    """Hold every placed execution against its row in the legacy log, and the other way round."""
    return Comparison(
        orders=TradeExecution.objects.exclude(status=OrderState.DENIED.value).count(),
        legacy_alone=AlpacaOrder.objects.filter(trade_decision=None).count(),
        differences=tuple(differences()),
    )


def differences(*, since: datetime | None = None) -> Iterator[str]:
    """Yield a line for each difference; `since`: only of orders that were placed then or later."""
    yield from _of_executions(since)
    yield from _strays(since)


def _of_executions(since: datetime | None) -> Iterator[str]:
    placed = TradeExecution.objects.exclude(status=OrderState.DENIED.value).select_related("trade_decision")
    if since is not None:
        placed = placed.filter(placed_at__gte=since)
    last = 0
    while rows := list(placed.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        last = rows[-1].pk
        names = [row.client_order_id for row in rows]
        beside = {row.client_order_id: row for row in AlpacaOrder.objects.filter(client_order_id__in=names)}
        for row in rows:
            legacy = beside.get(row.client_order_id or "")
            if legacy is None:
                yield f"{row.client_order_id}: it has no row in alpaca_orders"
                continue
            if legacy.trade_decision_id != row.trade_decision_id:
                yield f"{row.client_order_id}: trade_decision is {legacy.trade_decision_id} in alpaca_orders"
            yield from _differences(execution_of(row), legacy_of(legacy))


def _differences(execution: PlacedOrder, legacy: PlacedOrder) -> Iterator[str]:
    ours, theirs = (msgspec.structs.replace(each, **_APART) for each in (execution, legacy))
    for name in PlacedOrder.__struct_fields__:
        mine, other = getattr(ours, name), getattr(theirs, name)
        if mine != other:
            yield f"{execution.client_order_id}: {name} is {mine} in trade_executions, {other} in alpaca_orders"


def _strays(since: datetime | None) -> Iterator[str]:
    """Rows of the legacy log that name a decision and no execution."""
    rows = AlpacaOrder.objects.filter(trade_decision__isnull=False)
    if since is not None:
        rows = rows.filter(placed_at__gte=since)
    known = TradeExecution.objects.filter(client_order_id__isnull=False).values("client_order_id")
    for name in rows.exclude(client_order_id__in=known).order_by("id").values_list("client_order_id", flat=True):
        yield f"{name}: it has no row in trade_executions"

"""Questions to the position view. Each answer is rows, by symbol unless it says otherwise; times are half-open."""

from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from trading.position.view import PositionView
from trading.values.arithmetic import ZERO
from trading.values.identifiers import OrderId
from trading.values.symbols import Symbol

Positions = QuerySet[PositionView]


def of_symbol(*, symbol: Symbol) -> Positions:
    """The position of a symbol, or none."""
    return PositionView.objects.filter(symbol=symbol)


def of_order(*, order: OrderId) -> Positions:
    """The position that an order is under way for, or none."""
    return PositionView.objects.filter(pending_execution_id=order)


def with_order_under_way() -> Positions:
    """The positions that have an order under way."""
    return PositionView.objects.filter(pending_execution_id__isnull=False).order_by("pending_execution_id")


def not_flat() -> Positions:
    """The positions whose net is not zero."""
    return PositionView.objects.exclude(net_position=ZERO).order_by("symbol")


def at_least(*, shares: Decimal) -> list[PositionView]:
    """The positions whose net is of so many shares or more, long or short, the largest first."""
    # Compared here: on SQLite numbers are text, which has no magnitude.
    rows = [row for row in not_flat() if row.net_position.copy_abs() >= shares]
    return sorted(rows, key=lambda row: row.net_position.copy_abs(), reverse=True)


def updated_between(*, since: datetime, until: datetime) -> Positions:
    """The positions that were last changed in [since, until), newest first."""
    rows = PositionView.objects.filter(last_updated__gte=since, last_updated__lt=until)
    return rows.order_by("-last_updated", "symbol")

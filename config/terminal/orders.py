"""Orders: hedges at brokers, newest first."""

from typing import Any

from config.read_side import ReadSide, read_side
from config.terminal.asked import Asked
from config.terminal.sections import Section
from trading.offchain_order.aggregate import OPEN, OrderState
from trading.values.sides import Side

SIDES = tuple(side.value for side in Side)
ANY_OPEN = "open"
STATES = (ANY_OPEN, *(state.value for state in OrderState if state is not OrderState.NOT_PLACED))

COLUMNS = (
    "order",
    "placed_at",
    "symbol",
    "side",
    "shares",
    "filled_shares",
    "average_price_usd",
    "status",
    "broker",
    "broker_order",
    "submitted_at",
    "ended_at",
    "reason",
)


def orders(asked: Asked) -> Section:
    """The newest orders; `open` are all that have not ended."""
    side = read_side()
    rows = side.orders.order_by(f"-{side.order_number}")
    if asked.symbol is not None:
        rows = rows.filter(symbol=asked.symbol)
    if asked.side is not None:
        rows = rows.filter(side=asked.side)
    if asked.status is not None:
        states = sorted(OPEN) if asked.status == ANY_OPEN else [asked.status]
        rows = rows.filter(detailed_status__in=states)
    if asked.since is not None:
        rows = rows.filter(placed_at__gte=asked.since)
    return Section("Orders", COLUMNS, [row_of(order, side) for order in rows[: asked.limit]])


def row_of(order: Any, side: ReadSide) -> tuple[Any, ...]:
    return (
        getattr(order, side.order_number),
        order.placed_at,
        order.symbol,
        order.side,
        order.shares,
        order.filled_shares,
        order.average_price_usd,
        order.detailed_status,
        order.broker,
        order.broker_order_id,
        order.submitted_at,
        order.ended_at,
        order.reason,
    )

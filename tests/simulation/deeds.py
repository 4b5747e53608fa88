"""Deeds: what a venue does to an order without being asked, and what somebody does to it at the venue by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from config.venues.exchange import Exchange
from config.venues.orders import Order, Refused, State
from tests.simulation.story import AtTheVenue, Deed
from trading.values.arithmetic import add, cut, multiply

LATE_WITHIN = timedelta(minutes=10)
"""So long after its end a fill of an order still comes in."""


def do(act: AtTheVenue, exchange: Exchange, *, now: datetime) -> bool:
    """Do it to one of the orders that it can be done to. Return whether there was one."""
    exchange.settle()
    orders = [order for order in exchange.orders if _POSSIBLE[act.deed](order, now)]
    if not orders:
        return False
    order = orders[act.which % len(orders)]
    price = cut(multiply(exchange.book.price(order.ask.symbol), act.price_factor), digits=2)
    match act.deed:
        case Deed.FILL_PART:
            exchange.fill(order, _part(order, act.part), price)
        case Deed.FILL:
            exchange.fill(order, None, price)
        case Deed.OVERFILL:
            exchange.fill(order, add(order.remaining or Decimal(0), Decimal(1)), price)
        case Deed.LATE_FILL:
            exchange.fill(order, 1, price)
        case Deed.CANCEL:
            exchange.cancel_now(order, "cancelled by the venue")
        case Deed.REJECT:
            exchange.reject(order, "rejected by the venue")
        case Deed.EXPIRE:
            exchange.expire(order)
        case Deed.REPLACE:
            return _replace(exchange, order)
    return True


def _is_open(order: Order, now: datetime) -> bool:
    return order.is_open


def _has_parts(order: Order, now: datetime) -> bool:
    return order.is_open and _part(order, Decimal("0.5")) > 0


def _has_ended(order: Order, now: datetime) -> bool:
    late = (State.CANCELLED, State.EXPIRED, State.FILLED)
    return order.state in late and order.ended_at is not None and now - order.ended_at < LATE_WITHIN


def _is_untouched(order: Order, now: datetime) -> bool:
    return order.is_open and not order.fills and order.cancel_due_at is None


_POSSIBLE: dict[Deed, Callable[[Order, datetime], bool]] = {
    Deed.FILL_PART: _has_parts,
    Deed.FILL: _is_open,
    Deed.OVERFILL: _is_open,
    Deed.LATE_FILL: _has_ended,
    Deed.CANCEL: _is_open,
    Deed.REJECT: _is_open,
    Deed.EXPIRE: _is_open,
    # How a replacement counts what was filled before is not known of either broker: that is the operator's.
    Deed.REPLACE: _is_untouched,
}


def _part(order: Order, part: Decimal) -> Decimal:
    """So much of what remains: at least one of whole shares, and less than all; 0 where there are no parts."""
    remaining = order.remaining or Decimal(0)
    if remaining != remaining.to_integral_value():
        return cut(multiply(remaining, part), digits=9)
    return max(cut(multiply(remaining, part), digits=0), Decimal(1)) if remaining > 1 else Decimal(0)


def _replace(exchange: Exchange, order: Order) -> bool:
    name = None if order.ask.client_id is None else f"by hand {len(exchange.orders)}"
    try:
        exchange.replace(order, replace(order.ask, client_id=name))
    except Refused:
        return False
    return True

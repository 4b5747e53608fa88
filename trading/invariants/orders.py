"""Orders: one open order a symbol, one order at the broker an intent, and nothing sent before it was meant."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from trading.invariants.looking import Look
from trading.invariants.violations import Wrong, invariant
from trading.ledger.mode import Installation
from trading.offchain_order.aggregate import OPEN, OrderState
from trading.values.arithmetic import plain

OPEN_STATES = [state.value for state in OPEN]
OUR_ID = re.compile(r"ht-[^-]+-([1-9][0-9]*)-([1-9][0-9]*)")

SENT = (OrderState.SENDING, OrderState.SUBMITTED, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN, OrderState.REJECTED)
"""No order stands so that was not on its way to the broker once."""


@invariant("I3")
def one_open_order_a_symbol(look: Look) -> Iterator[Wrong]:
    """A symbol has at most one open hedge, and its position says which one."""
    open_orders: defaultdict[str, list[Any]] = defaultdict(list)
    for order in look.each(look.all_orders().filter(detailed_status__in=OPEN_STATES)):
        open_orders[order.symbol].append(order)
    for symbol, orders in open_orders.items():
        if len(orders) > 1:
            yield Wrong(f"symbol {symbol}", "one open order", _listed(orders), f"manage.py orders --symbol {symbol}")
    positions: Any = look.books.positions._default_manager.all()
    for position in look.each(positions):
        orders = open_orders.pop(position.symbol, [])
        yield from _unlike_pending(position, orders)
    for symbol, orders in open_orders.items():
        yield Wrong(
            f"symbol {symbol}", "a position for its order", f"none for {_listed(orders)}", "manage.py positions"
        )


def _unlike_pending(position: Any, orders: list[Any]) -> Iterator[Wrong]:
    where = f"manage.py show_stream Position {position.symbol}; manage.py orders --symbol {position.symbol}"
    under_way = None if position.pending_execution_id is None else int(position.pending_execution_id)
    if not orders and under_way is not None:
        yield Wrong(f"position {position.symbol}", "no order under way", f"order {under_way}, which is not open", where)
    for order in orders:
        ours = (order.pk, order.side, plain(order.shares), plain(order.filled_shares))
        pending = position.pending_shares, position.pending_filled_shares
        theirs = (under_way, position.pending_side, *(None if each is None else plain(each) for each in pending))
        if ours != theirs:
            yield Wrong(f"position {position.symbol}", f"under way: {_told(ours)}", _told(theirs), where)


def _told(order: tuple[Any, ...]) -> str:
    number, side, shares, filled = order
    return "nothing" if number is None else f"order {number}, {side} {shares}, {filled} filled"


@invariant("I4")
def broker_order_is_one_intent(look: Look) -> Iterator[Wrong]:
    """No two hedges are one order at the broker, and each has our own id with its number in it."""
    newest = Installation.objects.values_list("last_order_number", flat=True).first() or 0
    for orders in look.pages(look.orders().filter(client_order_id__isnull=False)):
        theirs = {order.broker_order_id for order in orders if order.broker_order_id is not None}
        alike: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        for other in look.all_orders().filter(broker_order_id__in=theirs).only("pk", "broker", "broker_order_id"):
            alike[other.broker, other.broker_order_id].append(other)
        for order in orders:
            others = [each for each in alike[order.broker, order.broker_order_id] if each.pk != order.pk]
            if others:
                found = f"{_listed(others)} too, as {order.broker}'s {order.broker_order_id}"
                yield _wrong(order, "an order at the broker that is no other order of ours", found)
            named = OUR_ID.fullmatch(order.client_order_id)
            if named is None or (int(named[1]), int(named[2])) != (order.pk, order.attempt):
                yield _wrong(order, f"our id ht-MARK-{order.pk}-{order.attempt}", order.client_order_id)
            if order.pk > newest:
                yield _wrong(order, f"a number that was given out, up to {newest}", str(order.pk))


@invariant("I5")
def order_was_meant_before_it_was_sent(look: Look) -> Iterator[Wrong]:
    """An order that may be at the broker was placed first, and then committed as being sent."""
    for order in look.each(look.orders().filter(client_order_id__isnull=False)):
        sent = order.detailed_status in {state.value for state in SENT} or order.broker_order_id is not None
        if order.placed_at is None:
            yield _wrong(order, "a time at which it was placed", "none")
        elif sent and order.sending_at is None:
            yield _wrong(order, "a time from which it was being sent", f"none, and it is {order.detailed_status}")
        elif order.sending_at is not None and order.sending_at < order.placed_at:
            placed, sending = order.placed_at.isoformat(), order.sending_at.isoformat()
            yield _wrong(order, f"being sent from {placed} on, when it was placed", f"from {sending} on")


def _listed(orders: list[Any]) -> str:
    return ", ".join(f"order {order.pk}" for order in orders)


def _wrong(order: Any, expected: str, found: str) -> Wrong:
    return Wrong(f"order {order.pk}", expected, found, f"manage.py show_stream OffchainOrder {order.pk}")

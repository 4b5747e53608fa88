"""Applicable: which verbs can be asked for as an order or a symbol stands. The clerk refuses by the same words."""

from trading.conductor.verbs.requests import Verb
from trading.offchain_order.aggregate import OffchainOrder
from trading.position.aggregate import Position


def why_not_order(verb: Verb, order: OffchainOrder) -> str | None:
    """Tell what stands against a verb for an order, where its own state does."""
    number = order.order_id
    if order.client_order_id is None and order.broker_order_id is None:
        return f"order {number} has no id at all, so {order.broker} can't be asked about it"
    match verb:
        case Verb.RESUME_ORDER if order.has_ended:
            return f"order {number} has ended as {order.state}; there is nothing to resume"
        case Verb.RECONCILE_ORDER if order.broker_order_id is not None:
            return f"order {number} is known to be {order.broker}'s {order.broker_order_id}; recheck it"
        case Verb.FAIL_ORDER if not order.is_open:
            return f"order {number} is {order.state}; only an open order can be failed"
        case Verb.CANCEL_ORDER if order.broker_order_id is None or order.has_ended:
            return f"order {number} is {order.state}; only an order that the broker has can be cancelled there"
    return None


def why_not_symbol(verb: Verb, position: Position, *, waits: bool) -> str | None:
    """Tell what stands against a verb for a symbol. The clerk finds a position's order under way by the position."""
    if verb is Verb.RESUME_SYMBOL:
        return None if waits else f"{position.symbol} was neither halted nor waiting"
    if position.pending is not None:
        return f"order {position.pending.order_id} is under way; one order a symbol at a time"
    return None

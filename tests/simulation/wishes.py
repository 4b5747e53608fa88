"""Wishes: what an operator asks for, who has looked at the venue before saying anything of what is there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.story import Operator
from trading.conductor.verbs.requests import THE_BACKLOG, Verb
from trading.offchain_order.aggregate import OffchainOrder

if TYPE_CHECKING:
    from tests.simulation.judge import Judge


class Wished(NamedTuple):
    """What is asked for, of what, and with which words."""

    subject: Any
    details: dict[str, str]


def wished(act: Operator, orders: list[OffchainOrder], judge: "Judge") -> Wished | None:
    """What an operator asks for, where there is anything that it can be asked of."""
    match act.verb:
        case Verb.DRAIN_BACKLOG:
            return Wished(THE_BACKLOG, {})
        case Verb.FAIL_ORDER | Verb.RECONCILE_ORDER:
            found = list((_absent if act.verb is Verb.FAIL_ORDER else _present)(orders, judge))
            return found[act.which % len(found)] if found else None
    if not orders:
        return None
    order = orders[act.which % len(orders)]
    if act.verb in (Verb.BUY, Verb.SELL):
        return Wished(order.symbol, {"shares": "2", "may_raise": "yes" if act.may_raise else "no"})
    return Wished(order.symbol if act.verb is Verb.RESUME_SYMBOL else order.order_id, {})


def _absent(orders: list[OffchainOrder], judge: "Judge") -> Iterator[Wished]:
    """The open orders of which the venue shows none that is, or may be, it."""
    for order in orders:
        if order.is_open and order.broker_order_id is None and not judge.may_be_there(order):
            yield Wished(order.order_id, {"none_of_them": "yes"})


def _present(orders: list[OffchainOrder], judge: "Judge") -> Iterator[Wished]:
    """The open orders of which the venue shows a single one that may be it, which may be no other of ours."""
    in_doubt = [order for order in orders if order.broker_order_id is None]
    unknown = [theirs for theirs in judge.at_venue() if not judge.ours_of(theirs)]
    for order in in_doubt:
        alike = [theirs for theirs in unknown if judge.may_be(order, theirs)]
        if order.is_open and len(alike) == 1 and not any(judge.may_be(o, alike[0]) for o in in_doubt if o is not order):
            yield Wished(order.order_id, {"broker_order_id": max(alike[0].ids)})

"""Standing: how an order or a symbol stands when something is asked for it, as the pages of the admin show it."""

from typing import NamedTuple

from trading.conductor.verbs.applicable import why_not_order, why_not_symbol
from trading.conductor.verbs.asking import ORDER_VERBS
from trading.conductor.verbs.requests import Verb
from trading.conductor.work import SymbolWait
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.book import Ledger
from trading.ledger.memory import Memory
from trading.ledger.mode import Mode, mode_or_none
from trading.offchain_order.aggregate import OffchainOrder
from trading.position.aggregate import Position
from trading.values.identifiers import OrderId
from trading.values.symbols import Symbol

ORDER_HEADERS = [
    "order",
    "side",
    "symbol",
    "requested",
    "filled",
    "state",
    "broker",
    "our id",
    "the broker's id",
    "reason",
]
SYMBOL_HEADERS = ["symbol", "net shares", "open shares", "order under way", "threshold", "last price, USDC", "waits"]

BACKLOG_HEADERS = ["events that wait", "the first of them", "since", "tries", "its last error"]


class NoSuchSubject(LookupError):
    """The books have no such order."""


class Standing(NamedTuple):
    """What the books say of one subject, in the columns of the headers; and what stands against the verb now."""

    cells: list[object]
    in_the_way: str | None


def headers(verb: Verb) -> list[str]:
    if verb is Verb.DRAIN_BACKLOG:
        return BACKLOG_HEADERS
    return ORDER_HEADERS if verb in ORDER_VERBS else SYMBOL_HEADERS


def standings(verb: Verb, subjects: list[str]) -> list[Standing]:
    """Tell how each subject stands now. Raises NoSuchSubject."""
    if verb is Verb.DRAIN_BACKLOG:
        return [_backlog()]
    # The mode in force, since what this process was told of counts only for what writes.
    memory = Ledger(mode_or_none() or Mode.DUAL).memory()
    if verb in ORDER_VERBS:
        return [_order(verb, OrderId(int(subject)), memory) for subject in subjects]
    positions = {position.symbol: position for position in memory.positions()}
    waits = {wait.symbol: wait for wait in SymbolWait.objects.filter(symbol__in=subjects)}
    return [_symbol(verb, positions.get(Symbol(name), Position.initial(name)), waits.get(name)) for name in subjects]


def _backlog() -> Standing:
    rows = BackloggedEvent.objects.order_by("group", "id")
    first = rows.first()
    if first is None:
        return Standing([0, None, None, None, None], "nothing waits on the backlog")
    return Standing([rows.count(), str(first), first.happened_at, first.tries, first.last_error], None)


def _order(verb: Verb, number: OrderId, memory: Memory) -> Standing:
    order: OffchainOrder | None = memory.order(number)
    if order is None:
        raise NoSuchSubject(f"there is no order {number}")
    cells: list[object] = [
        number,
        order.side,
        order.symbol,
        order.requested_shares,
        order.filled_shares,
        order.state,
        order.broker,
        order.client_order_id,
        order.broker_order_id,
        order.reason,
    ]
    return Standing(cells, why_not_order(verb, order))


def _symbol(verb: Verb, position: Position, wait: SymbolWait | None) -> Standing:
    under_way, price = position.pending, position.last_price
    cells: list[object] = [
        position.symbol,
        position.net,
        position.open_net,
        None if under_way is None else f"{under_way.order_id}: {under_way.side}",
        position.threshold,
        None if price is None else price.price_usdc,
        None if wait is None else f"{'halted' if wait.halted_at else 'waits'}: {wait.reason}",
    ]
    return Standing(cells, why_not_symbol(verb, position, waits=wait is not None))

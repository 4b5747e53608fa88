"""Buttons: the verbs on the pages and lists of what they are for, where they can apply. The clerk judges each."""

from typing import Any

from django.http import HttpRequest

from eventstore.cells import list_link
from eventstore.offers import Button, ListAction
from trading.conductor.verbs.applicable import why_not_order, why_not_symbol
from trading.conductor.verbs.pages import ask_path, may_ask
from trading.conductor.verbs.requests import THE_BACKLOG, Verb
from trading.conductor.verbs.words import WORDS
from trading.conductor.work import SymbolWait
from trading.ledger.admin import BackloggedEventAdmin
from trading.ledger.backlog import BackloggedEvent
from trading.offchain_order.admin import OrderAdmin
from trading.offchain_order.view import state_of as order_of
from trading.position.admin import PositionAdmin
from trading.position.view import state_of as position_of

_FOR_ORDERS = (Verb.RECHECK_ORDER, Verb.RESUME_ORDER, Verb.RECONCILE_ORDER, Verb.CANCEL_ORDER, Verb.FAIL_ORDER)
_FOR_POSITIONS = (Verb.BUY, Verb.SELL, Verb.SET_POSITION, Verb.RESUME_SYMBOL)


def order_buttons(request: HttpRequest, row: Any) -> list[Button]:
    """What can be asked for an order, as its row stands."""
    if not may_ask(request):
        return []
    order = order_of(row, order_id=row.pk)
    return [_button(verb, str(row.pk)) for verb in _FOR_ORDERS if why_not_order(verb, order) is None]


def position_buttons(request: HttpRequest, row: Any) -> list[Button]:
    """What can be asked for a symbol, as its position's row stands."""
    if not may_ask(request):
        return []
    position, waits = position_of(row), SymbolWait.objects.filter(symbol=row.symbol).exists()
    return [_button(verb, row.symbol) for verb in _FOR_POSITIONS if why_not_symbol(verb, position, waits=waits) is None]


def symbol_buttons(request: HttpRequest, row: SymbolWait) -> list[Button]:
    """What can be asked for a symbol that waits."""
    return [_button(Verb.RESUME_SYMBOL, row.symbol)] if may_ask(request) else []


def backlog_buttons(request: HttpRequest, row: BackloggedEvent) -> list[Button]:
    """What can be asked for the backlog, on the page of an event that waits there."""
    return [_button(Verb.DRAIN_BACKLOG, THE_BACKLOG)] if may_ask(request) else []


def _button(verb: Verb, subject: str) -> Button:
    words = WORDS[verb]
    return Button(words.button, ask_path(verb, [subject]), words.colour)


def _list_action(verb: Verb, title: str, key: str) -> ListAction:
    return ListAction(
        verb.value,
        title,
        leads_to=lambda subjects: ask_path(verb, subjects),
        key=lambda row: str(getattr(row, key)),
        is_for=may_ask,
    )


RESUME_SYMBOLS = _list_action(Verb.RESUME_SYMBOL, "Resume symbols", "symbol")

BackloggedEventAdmin.actions.append(
    ListAction(
        Verb.DRAIN_BACKLOG.value,
        "Drain the backlog, all of it",
        # Groups queue behind one another, so that none is drained alone.
        leads_to=lambda _: ask_path(Verb.DRAIN_BACKLOG, [THE_BACKLOG]),
        key=lambda row: str(row.pk),
        is_for=may_ask,
    )
)
BackloggedEventAdmin.further_buttons.append(backlog_buttons)
OrderAdmin.further_buttons.append(order_buttons)
OrderAdmin.actions += [
    _list_action(Verb.RECHECK_ORDER, "Recheck orders", "pk"),
    _list_action(Verb.RESUME_ORDER, "Resume orders", "pk"),
    _list_action(Verb.CANCEL_ORDER, "Cancel orders at the broker", "pk"),
]
OrderAdmin.further_trails.append(
    lambda row: list_link("trading.operatorrequest", "what operators asked for", subject__exact=row.pk)
)
PositionAdmin.further_buttons.append(position_buttons)
PositionAdmin.actions.append(RESUME_SYMBOLS)
PositionAdmin.further_trails.append(
    lambda row: list_link("trading.operatorrequest", "what operators asked for", subject__exact=row.symbol)
)

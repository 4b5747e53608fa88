"""Pages of stories: a symbol, an order, a decision, and the lists of what did not work."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from audit_trail.reports.periods import day_asked
from config.desk.access import desk_page
from config.desk.stories.decision import NoSuchDecision, decision_story
from config.desk.stories.entries import row_link, stream_link
from config.desk.stories.order import NoSuchOrder, order_story
from config.desk.stories.paging import NotAPlace, Place, parsed_place
from config.desk.stories.symbol import NoSuchSymbol, symbol_story
from config.desk.stories.troubled import (
    DECISIONS,
    DENIALS,
    GROUPS,
    ORDERS,
    decisions_to_look_at,
    failed_trades,
)
from config.read_side import read_side
from eventstore.moments import one_moment
from trading.conductor.verbs.buttons import order_buttons, position_buttons
from trading.ledger.backlog import short_timeouts
from trading.offchain_order.aggregate import OffchainOrder
from trading.position.aggregate import Position
from trading.values.symbols import NotASymbol
from trading.values.symbols import symbol as parsed_symbol

POSITIONS = "trading.view_tradeaccumulator"
NOT_FOUND = 404

NOTHING_THERE = (NoSuchSymbol, NoSuchOrder, NoSuchDecision, NotASymbol, NotAPlace)

View = Callable[..., HttpResponse]


def told_in_one_look(view: View) -> View:
    """Read all of a page as of one moment, with no endless statement; what is not there is said in a page."""

    @wraps(view)
    def looked(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        try:
            with one_moment(), short_timeouts():
                return view(request, *args, **named)
        except NOTHING_THERE as error:
            return render(request, "desk/stories/missing.html", {"sentence": _said(error)}, status=NOT_FOUND)

    return looked


@desk_page(POSITIONS)
@told_in_one_look
def symbol(request: HttpRequest, symbol: str) -> HttpResponse:
    """All about a symbol: how it stands, whether today's fills are hedged, and what happened, newest first."""
    side, now = read_side(), timezone.now()
    sees = request.user.has_perm
    story = symbol_story(parsed_symbol(symbol), side, place=_place(request), sees=sees, now=now)
    row = None if story.now is None else story.now.row
    further = {
        "now": now,
        "buttons": [] if row is None else position_buttons(request, row),
        "row_link": None if row is None else row_link(row, "Position in the admin"),
        "events": stream_link(Position.aggregate_type, story.symbol),
    }
    return render(request, "desk/stories/symbol.html", {"story": story} | further)


@desk_page(ORDERS)
@told_in_one_look
def order(request: HttpRequest, number: int) -> HttpResponse:
    """All about a hedge: what it was placed for, each step, each call, and why it came to nothing where it did."""
    story = order_story(number, read_side(), sees=request.user.has_perm)
    further = {
        "now": timezone.now(),
        "number": number,
        "buttons": order_buttons(request, story.row),
        "row_link": row_link(story.row, "Order in the admin"),
        "events": stream_link(OffchainOrder.aggregate_type, number),
    }
    return render(request, "desk/stories/order.html", {"story": story} | further)


@desk_page(DECISIONS)
@told_in_one_look
def decision(request: HttpRequest, decision: UUID) -> HttpResponse:
    """All about a decision: why it was made, by which records, how it was carried out, and why it failed."""
    now = timezone.now()
    story = decision_story(decision, sees=request.user.has_perm, now=now)
    further = {"now": now, "row_link": row_link(story.row, "Decision in the admin")}
    return render(request, "desk/stories/decision.html", {"story": story} | further)


@desk_page()
@told_in_one_look
def failed(request: HttpRequest) -> HttpResponse:
    """Trades that failed, of both pipelines, newest first."""
    sees = request.user.has_perm
    if not any(sees(right) for right in (DECISIONS, ORDERS, DENIALS)):
        raise PermissionDenied
    found = failed_trades(read_side(), place=_place(request), sees=sees)
    return render(request, "desk/stories/failed.html", {"found": found, "now": timezone.now()})


@desk_page(DECISIONS)
@told_in_one_look
def decisions(request: HttpRequest) -> HttpResponse:
    """Decisions that somebody should look at, newest first."""
    now = timezone.now()
    only = request.GET.get("only") if request.GET.get("only") in GROUPS else None
    found = decisions_to_look_at(only=only, place=_place(request), now_day=day_asked(None, now=now))
    groups = [(group, group.replace("_", " ")) for group in GROUPS]
    return render(request, "desk/stories/decisions.html", {"found": found, "only": only, "groups": groups, "now": now})


def _place(request: HttpRequest) -> Place | None:
    return parsed_place(request.GET.get("before", "").strip())


def _said(error: Exception) -> str:
    text = str(error)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."

"""Pages of the board: all that an operator looks at first, on one page that keeps itself up to date."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from config.desk.access import desk_page, desk_part
from config.desk.board.charts import beside_oracle, latency, profit_curve
from config.desk.board.standing import board as board_at
from config.desk.board.verdict import Stand, Verdict
from config.monitoring.pages import limits
from config.monitoring.queues import Queue, queues
from config.read_side import read_side
from eventstore.hashing import moment
from trading.values.arithmetic import plain

BOARD = "trading.view_tradeaccumulator"
DECISIONS = "audit_trail.view_tradedecision"

EVERY_SECONDS = 2
CHARTS_EVERY_SECONDS = 15
STALE_AFTER_SECONDS = 8
"""So long after the last answer the page says that it is stale."""

WAITING = {
    "logs": ("log of the chain to process", "logs of the chain to process"),
    "orders_to_send": ("order to send", "orders to send"),
    "orders_at_broker": ("order at the broker", "orders at the broker"),
    "backlog": ("event that the event store does not have yet", "events that the event store does not have yet"),
    "decisions": ("decision to execute", "decisions to execute"),
    "requests": ("request of an operator", "requests of operators"),
}
"""What waits in each queue, one of it and several."""

COLOURS = {Stand.WELL: "good", Stand.SEE_TO: "warn", Stand.AT_RISK: "bad"}


@desk_page(BOARD)
def board(request: HttpRequest) -> HttpResponse:
    """Show the board."""
    waits = {
        "every_seconds": EVERY_SECONDS,
        "stale_after_seconds": STALE_AFTER_SECONDS,
    }
    return render(request, "desk/board.html", _standing(request) | _pace() | waits)


@desk_part(BOARD)
def live(request: HttpRequest) -> HttpResponse:
    """The part of the board that changes, as it is now."""
    return render(request, "desk/board/live.html", _standing(request))


@desk_part(BOARD)
def pace(request: HttpRequest) -> HttpResponse:
    """How long it took from blocks to hedges, and what waits, as it is now."""
    return render(request, "desk/board/pace.html", _pace())


@desk_part(BOARD)
def charts(request: HttpRequest) -> HttpResponse:
    """What the charts draw: amounts as text, times in UTC."""
    side = read_side()
    profit = profit_curve(side)
    beside = beside_oracle(side)
    told = {
        "profit": {"at": [moment(one.at) for one in profit], "usd": [plain(one.usd) for one in profit]},
        "beside": {
            "at": [moment(one.at) for one in beside],
            "symbol": [one.symbol for one in beside],
            "basis_points": [plain(one.basis_points) for one in beside],
        },
    }
    return JsonResponse(told)


def _pace() -> dict[str, Any]:
    now, side = timezone.now(), read_side()
    waiting = [(_told(queue), queue.oldest_at) for queue in queues(side) if queue.waiting]
    return {
        "latency": latency(side, now=now),
        "waiting": waiting,
        "now": now,
        "charts_every_seconds": CHARTS_EVERY_SECONDS,
    }


def _told(queue: Queue) -> str:
    one, several = WAITING[queue.name]
    return f"{queue.waiting} {one if queue.waiting == 1 else several}"


def _standing(request: HttpRequest) -> dict[str, Any]:
    found = board_at(limits(), now=timezone.now(), with_decisions=request.user.has_perm(DECISIONS))
    return {"board": found, "colour": _colour(found.verdict)}


def _colour(verdict: Verdict) -> str:
    if verdict.stand is Stand.WELL and verdict.held_back:
        return COLOURS[Stand.SEE_TO]
    return "busy" if verdict.stand is Stand.WELL and verdict.is_at_work else COLOURS[verdict.stand]

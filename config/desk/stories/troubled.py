"""Troubled: lists of what somebody should look at: trades that failed, and decisions that are not as they should be."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import F, Q

from audit_trail.decisions.models import Status, TradeDecision
from config.desk.stories import decided, hedges
from config.desk.stories.decision import BLOCKED, OVERDUE, standing
from config.desk.stories.entries import Link, Rank, decision_link, order_link, row_link
from config.desk.stories.paging import Place, Source, newest_of, rows_after
from config.read_side import ReadSide
from trading.offchain_order.aggregate import OrderState
from trading.risk.records import Denial
from trading.risk.scopes import HEDGE

Sees = Callable[[str], bool]

DECISIONS = "audit_trail.view_tradedecision"
ORDERS = "trading.view_offchaintrade"
DENIALS = "trading.view_denial"

ORDERS_THAT_FAILED = (OrderState.FAILED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.UNKNOWN)
A_WAIT = timedelta(minutes=1)
"""A hedge that was let through so soon after its denial was waited for, not failed: for a figure, or the next quote."""

PARTLY = Status.PARTIALLY_EXECUTED.value
GROUPS = (Status.FAILED.value, Status.UNKNOWN.value, BLOCKED, OVERDUE, PARTLY)
"""Why a decision is to be looked at."""


class Trouble(NamedTuple):
    """A trade that did not work, by when it was begun."""

    at: datetime
    rank: Rank
    key: int
    what: str
    symbol: str
    asked: str
    state: str
    is_bad: bool
    reason: str
    link: Link
    """To its story, or its row."""

    ended_at: datetime | None = None


class Troubles(NamedTuple):
    rows: list[Trouble]
    older: Place | None


def failed_trades(side: ReadSide, *, place: Place | None, sees: Sees) -> Troubles:
    """Decisions and hedges that failed, were rejected or denied, or of which nobody knows what became."""
    sources: list[Source[Trouble]] = []
    if sees(DECISIONS):
        sources.append(lambda place: _decisions((Status.FAILED, Status.UNKNOWN), place))
    if sees(ORDERS):
        sources.append(lambda place: [_order(row, side) for row in _orders(side, place)])
    if sees(DENIALS):
        sources.append(_denials)
    return Troubles(*newest_of(sources, place))


def decisions_to_look_at(*, only: str | None, place: Place | None, now_day: date) -> Troubles:
    """Decisions that failed, are unknown, blocked or overdue, or were executed in part; of one such group or of all."""

    def pending(place: Place | None) -> Iterable[Trouble]:
        overdue, blocked = Q(trading_day__lt=now_day), Q(blocked_by__isnull=False, trading_day__gte=now_day)
        which = {BLOCKED: blocked, OVERDUE: overdue}.get(only or "", overdue | blocked)
        rows = TradeDecision.objects.filter(which, status=Status.PENDING)
        return _told(rows, place, now_day)

    sources: list[Source[Trouble]] = []
    statuses = [Status(group) for group in GROUPS if group in set(Status.values) and only in (None, group)]
    if statuses:
        sources.append(lambda place: _decisions(statuses, place, now_day))
    if only in (None, BLOCKED, OVERDUE):
        sources.append(pending)
    return Troubles(*newest_of(sources, place))


def _decisions(statuses: Iterable[Status], place: Place | None, today: date = date.min) -> Iterable[Trouble]:
    for status in statuses:  # Each by itself: the index begins with the status.
        yield from _told(TradeDecision.objects.filter(status=status), place, today)


def _told(rows: Any, place: Place | None, today: date) -> Iterable[Trouble]:
    found = list(rows_after(rows.defer("decision_rationale"), place, at="decided_at", rank=Rank.DECIDED))
    return [_decision(row, standing(row, today=today)) for row in found]


def _decision(row: TradeDecision, stands: str) -> Trouble:
    kind = f"{row.failure_kind.replace('_', ' ')}: " if row.failure_kind else ""
    why = row.reason or row.blocked_reason or "nobody carried it out on its day"
    return Trouble(
        at=row.decided_at,
        rank=Rank.DECIDED,
        key=row.pk,
        what=f"decision of {row.strategy_name}",
        symbol=row.symbol,
        asked=f"{hedges.VERBS[row.side]} {decided.amount_of(row)}",
        state=stands.replace("_", " "),
        is_bad=stands in (Status.FAILED, Status.UNKNOWN),
        reason=f"{kind}{why}",
        link=decision_link(row.decision_id, "story"),
        ended_at=decided.ended_at(row),
    )


def _orders(side: ReadSide, place: Place | None) -> list[Any]:
    rows = side.orders.filter(detailed_status__in=[state.value for state in ORDERS_THAT_FAILED])
    rank = Rank.ORDER_PLACED
    dated = rows_after(rows.filter(placed_at__isnull=False), place, at="placed_at", rank=rank)
    # Of an order of an older installation it may not be known when it was placed: it stands by its end.
    undated = rows_after(rows.filter(placed_at=None, ended_at__isnull=False), place, at="ended_at", rank=rank)
    return [*dated, *undated]


def _order(row: Any, side: ReadSide) -> Trouble:
    number = getattr(row, side.order_number)
    return Trouble(
        at=row.placed_at or row.ended_at,
        rank=Rank.ORDER_PLACED,
        key=number,
        what=f"hedge, order {number}",
        symbol=row.symbol,
        asked=hedges.asked_for(row),
        state=row.detailed_status.replace("_", " "),
        is_bad=row.detailed_status != OrderState.EXPIRED,
        reason=row.reason or "nobody said why",
        link=order_link(number)._replace(text="story"),
        ended_at=row.ended_at,
    )


def _denials(place: Place | None) -> list[Trouble]:
    """Hedges that the risk gate denied for long, or denies; a decision that it denied has failed, and stands there."""
    # In the order in which they were written down, which is that of their beginnings.
    stood = Q(ended_at=None) | Q(ended_at__gte=F("first_at") + A_WAIT)
    rows = Denial.objects.filter(stood, strategy=HEDGE)
    return [_denial(row) for row in rows_after(rows, place, at="first_at", rank=Rank.DENIAL, by=["-pk"])]


def _denial(row: Denial) -> Trouble:
    return Trouble(
        at=row.first_at,
        rank=Rank.DENIAL,
        key=row.pk,
        what="hedge, denied",
        symbol=row.symbol,
        asked=hedges.asked_for(row),
        state="denied" if row.ended_at is not None else "denied, stands",
        is_bad=row.ended_at is None,
        reason=f"{row.rule.replace('_', ' ')}: {row.text}" + (f" ({row.times} times)" if row.times > 1 else ""),
        link=row_link(row, "denial"),
        ended_at=row.ended_at,
    )

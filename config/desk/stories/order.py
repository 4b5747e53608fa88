"""Order: what a hedge was placed for, every step of it, and why it came to nothing where it did."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from config.desk.stories import calls as said
from config.desk.stories import hedges, spoken
from config.desk.stories.answers import where_answered
from config.desk.stories.calls import Calls
from config.desk.stories.covers import Hedged, hedged_by
from config.desk.stories.entries import Entry, Rank, Told, oldest_first, row_link, sentence
from config.desk.stories.order_events import steps_of
from config.read_side import ReadSide
from trading.ledger.mode import Mode, mode_or_none
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.offchain_order.view import state_of
from trading.risk.records import RiskCheck

Sees = Callable[[str], bool]

LINKS = "trading.view_tradeexecutionlink"
EVENTS = "eventstore.view_storedevent"
CALLS = "audit_trail.view_apicalllog"
PAYLOADS = "audit_trail.view_apipayload"
CHECKS = "trading.view_riskcheck"
NOTICES = "trading.view_notice"
REQUESTS = "trading.view_operatorrequest"

WRONG = frozenset(
    {OrderState.REJECTED, OrderState.FAILED, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.UNKNOWN}
)
WHAT_NOW = {
    OrderState.UNKNOWN: "The broker is asked until it says. Recheck asks now; reconcile says which of the broker's "
    "orders it is; fail ends it, if the broker does not have it.",
    OrderState.REJECTED: "What it should have hedged is open, and is tried again after a wait that grows; after five "
    "refusals alike the symbol halts until somebody resumes it.",
    OrderState.EXPIRED: "What was not filled is open again, and the next order hedges it.",
    OrderState.CANCELLED: "What was not filled is open again, and the next order hedges it.",
    OrderState.FAILED: "What was not filled is open again, and the next order hedges it.",
}


class NoSuchOrder(LookupError):
    """There is no order of this number."""


class WentWrong(NamedTuple):
    """Why an order came to nothing, or to less than was asked for."""

    title: str
    reason: str
    what_now: str
    answer: said.Call | None
    """The last call about it that was refused or had no answer."""


class OrderStory(NamedTuple):
    row: Any
    order: OffchainOrder
    wrong: WentWrong | None
    hedged: Hedged | None
    told: list[Told]
    troubles: list[str]
    """What could not be told, and why."""

    calls: Calls | None
    has_bodies: bool


def order_story(number: int, side: ReadSide, *, sees: Sees) -> OrderStory:
    """Tell of an order what somebody may see. Raises NoSuchOrder."""
    row = side.orders.filter(pk=number).first()
    if row is None:
        raise NoSuchOrder(f"There is no order {number}.")
    state = state_of(row, order_id=number)
    theirs = [row.broker_order_id] if row.broker_order_id else []
    calls = said.calls_about([row.client_order_id], theirs) if sees(CALLS) and row.client_order_id else None
    has_bodies = sees(PAYLOADS)
    steps, troubles = _steps(row, number, side, sees)
    checks = _checks(row, sees)
    if calls is None:
        entries = [*checks, *steps]
    else:
        ours, brought = where_answered(steps, [call.row for call in calls.shown])
        # Of one moment: what was to be done, the call, what its answer brought.
        entries = [*checks, *ours, *said.made(calls, with_bodies=has_bodies), *brought]
    if sees(NOTICES):
        names = {row.client_order_id} if row.client_order_id else set()
        entries += spoken.notices({f"order {number}"} | names)
    if sees(REQUESTS):
        entries += spoken.requests({str(number)})
    return OrderStory(
        row=row,
        order=state,
        wrong=_wrong(state, calls),
        hedged=hedged_by(side, number) if sees(LINKS) else None,
        told=oldest_first(entries),
        troubles=troubles,
        calls=calls,
        has_bodies=has_bodies,
    )


def _steps(row: Any, number: int, side: ReadSide, sees: Sees) -> tuple[list[Entry], list[str]]:
    """The order's own steps: as its events tell them, or, where there are none or not all, as its row does."""
    if not sees(EVENTS) or mode_or_none() in (None, Mode.LEGACY):
        return _by_its_row(row, side), []
    steps = steps_of(number, row.symbol)
    if steps.version >= row.stream_version and steps.entries:
        return steps.entries, steps.troubles
    if row.stream_version and not steps.troubles:
        waiting = f"The log has {steps.version} of its {row.stream_version} events, the others wait on the backlog."
        return _by_its_row(row, side), [f"{waiting} It is told by its row."]
    return _by_its_row(row, side), steps.troubles


def _by_its_row(row: Any, side: ReadSide) -> list[Entry]:
    steps = hedges.steps([row], side)
    if row.sending_at is not None:
        steps.append(_sent(row, row.sending_at))
    # Of one moment in the order of its steps.
    return sorted(steps, key=lambda entry: (entry.at, -entry.rank))


def _sent(row: Any, at: datetime) -> Entry:
    return Entry(
        at=at,
        kind="submission started",
        sentence="It was about to be sent: from here on the broker may have it.",
        links=(row_link(row, "row"),),
        rank=Rank.ORDER_PLACED,
    )


def _checks(row: Any, sees: Sees) -> list[Entry]:
    """What the risk gate held the order against, when it was let through."""
    check = RiskCheck.objects.filter(pk=row.client_order_id).first() if sees(CHECKS) else None
    return [] if check is None else [hedges.checked(check)]


def _whether_they_had_it(state: OffchainOrder) -> str:
    if state.state is not OrderState.REJECTED:
        return ""
    if state.broker_order_id is None:
        return "The broker never had it."
    return f"The broker took it, as {state.broker_order_id}, and rejected it then."


def _wrong(state: OffchainOrder, calls: Calls | None) -> WentWrong | None:
    if state.state not in WRONG:
        return None
    if state.state is OrderState.UNKNOWN:
        title = f"It is not known what became of order {state.order_id}"
    else:
        title = f"Order {state.order_id} ended as {state.state}"
    return WentWrong(
        title=title,
        reason=sentence(state.reason or "nobody said why"),
        what_now=f"{_whether_they_had_it(state)} {WHAT_NOW[state.state]}".strip(),
        answer=said.refusal_in(calls),
    )

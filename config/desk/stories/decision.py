"""Decision: what it rests on, how it was carried out, and why it came to nothing where it did."""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from audit_trail.decisions.models import ENDS, UNDER_WAY, Status, TradeDecision
from audit_trail.executions.explaining import headline
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.payloads.bodies import indented
from audit_trail.reports.periods import day_asked
from config.desk.stories import calls as said
from config.desk.stories import decided, hedges, spoken
from config.desk.stories.calls import Calls
from config.desk.stories.entries import (
    WARN,
    Entry,
    Rank,
    Told,
    dollars,
    oldest_first,
    row_link,
    sentence,
    shares_of,
)
from config.desk.stories.lineage import Lineage, lineage_of, ran
from trading.risk.records import Denial, RiskCheck
from trading.values.arithmetic import plain

Sees = Callable[[str], bool]

ATTEMPTS = "audit_trail.view_tradeexecution"
FILLS = "audit_trail.view_executionfill"
RECORDS = "audit_trail.view_sourcerecord"
RUNS = "audit_trail.view_dataingestionrun"
CALLS = "audit_trail.view_apicalllog"
PAYLOADS = "audit_trail.view_apipayload"
CHECKS = "trading.view_riskcheck"
DENIALS = "trading.view_denial"
NOTICES = "trading.view_notice"

MOST_DENIALS = 20
BLOCKED, OVERDUE = "blocked", "overdue"

WHAT_NOW = {
    Status.FAILED.value: "A failed decision is never tried again; its strategy decides anew on another day.",
    Status.CANCELLED.value: "Nothing more is done about it.",
    Status.UNKNOWN.value: "Its order may be at the broker, which is asked until it says. It is never sent again.",
    Status.PARTIALLY_EXECUTED.value: "What was filled is held; the rest is not bought or sold any more.",
    BLOCKED: "It stays pending: once nothing stands in its way, the next execution of its day carries it out.",
    OVERDUE: "It was for a day that is over, and is never executed on another: cancel it.",
}


class NoSuchDecision(LookupError):
    """There is no decision of this id."""


class WentWrong(NamedTuple):
    """Why nothing, or not all, was traded."""

    title: str
    kind: str | None
    reason: str
    figures: str | None
    what_now: str
    answer: said.Call | None


class Offer(NamedTuple):
    """Something that an operator may do about it, by a command."""

    command: str
    what_happens: str


class DecisionStory(NamedTuple):
    row: TradeDecision
    headline: str
    stands: str
    wrong: WentWrong | None
    offers: list[Offer]
    rationale: str
    lineage: Lineage | None
    attempts: list[TradeExecution] | None
    told: list[Told]
    calls: Calls | None
    has_bodies: bool


def decision_story(decision_id: UUID, *, sees: Sees, now: datetime) -> DecisionStory:
    """Tell of a decision what somebody may see. Raises NoSuchDecision."""
    row: TradeDecision | None = TradeDecision.objects.filter(decision_id=decision_id).first()
    if row is None:
        raise NoSuchDecision(f"There is no decision {decision_id}.")
    attempts = _attempts(row) if sees(ATTEMPTS) else None
    names = {each.client_order_id for each in attempts or () if each.client_order_id is not None}
    lineage = lineage_of(row, with_calls=sees(CALLS)) if sees(RECORDS) and sees(RUNS) else None
    theirs = {each.broker_order_id for each in attempts or () if each.broker_order_id is not None}
    calls = said.calls_about(names, theirs) if sees(CALLS) and names else None
    entries = [*_beginning(row), *decided.ended(row), *_steps(attempts or [], sees)]
    if lineage is not None:
        entries += ran(lineage.runs)
    if calls is not None:
        entries += said.made(calls, with_bodies=sees(PAYLOADS))
    entries += _around(row, names, sees)
    stands = standing(row, today=day_asked(None, now=now))
    return DecisionStory(
        row=row,
        headline=headline(row),
        stands=stands,
        wrong=_wrong(row, stands, calls),
        offers=list(_offers(row, attempts or [])),
        rationale=indented(row.decision_rationale),
        lineage=lineage,
        attempts=attempts,
        # Of one moment what followed from the rest comes last.
        told=oldest_first(sorted(entries, key=lambda entry: -entry.rank)),
        calls=calls,
        has_bodies=sees(PAYLOADS),
    )


def standing(row: TradeDecision, *, today: date) -> str:
    """How a decision stands, in its status or in a word that says more of a pending one."""
    if row.status != Status.PENDING:
        return str(row.status)
    if row.trading_day < today:
        return OVERDUE
    return BLOCKED if row.blocked_by is not None else str(row.status)


def _attempts(row: TradeDecision) -> list[TradeExecution]:
    return list(TradeExecution.objects.filter(trade_decision=row).order_by("attempt_number"))


# Its steps.


def _beginning(row: TradeDecision) -> list[Entry]:
    known = Entry(
        at=row.known_at,
        kind="known",
        sentence="The newest of what it rests on came into our tables.",
        links=(row_link(row, "row"),),
        rank=Rank.FILL,
    )
    entries = [known, decided.decided(row)._replace(links=(row_link(row, "row"),))]
    if row.blocked_at is not None and row.blocked_by is not None:
        entries.append(
            Entry(
                at=row.blocked_at,
                kind="blocked",
                sentence=f"{row.blocked_by} stood in its way: {sentence(row.blocked_reason or 'nobody said why')}",
                links=(row_link(row, "row"),),
                tone=WARN,
                detail=row.blocked_figures,
                rank=Rank.ATTEMPT,
            )
        )
    return entries


def _steps(attempts: Sequence[TradeExecution], sees: Sees) -> list[Entry]:
    entries = [entry for row in attempts for entry in _of_attempt(row)]
    if attempts and sees(FILLS):
        fills = ExecutionFill.objects.filter(trade_execution__in=[row.pk for row in attempts]).order_by("pk")
        entries += map(_fill, fills)
    return entries


def _of_attempt(row: TradeExecution) -> list[Entry]:
    name, links = f"Attempt {row.attempt_number}", (row_link(row, "execution"),)
    if row.client_order_id is None or row.requested_shares is None:
        return [decided.attempt(row)._replace(links=links)]
    placed = f"{name} was stored as {row.client_order_id}, for {shares_of(row.requested_shares)}, and sent."
    entries = [Entry(at=row.placed_at, kind="attempt", sentence=placed, links=links, rank=Rank.ORDER_PLACED)]
    if row.submitted_at is not None:
        told = f"The broker had it, as {row.broker_order_id}, by its own clock."
        entries.append(
            Entry(at=row.submitted_at, kind="submitted", sentence=told, links=links, rank=Rank.ORDER_SUBMITTED)
        )
    if row.cancel_asked_at is not None:
        told = f"{row.cancel_asked_by} asked the broker to cancel it, since “{row.cancel_reason}”."
        entries.append(
            Entry(at=row.cancel_asked_at, kind="cancel", sentence=told, links=links, tone=WARN, rank=Rank.REQUEST)
        )
    if row.ended_at is not None:
        entries.append(
            Entry(
                at=row.ended_at,
                kind=f"attempt {row.status.replace('_', ' ')}",
                sentence=sentence(f"{name} {decided.how_it_went(row)}"),
                links=links,
                tone=decided.ATTEMPT_TONES.get(row.status, ""),
                rank=Rank.ORDER_ENDED,
            )
        )
    return entries


def _fill(row: ExecutionFill) -> Entry:
    late = " It was told after the order had ended." if row.is_late else ""
    return Entry(
        at=row.booked_at,
        kind="fill",
        sentence=f"The broker had filled {shares_of(row.shares)} more, {plain(row.filled_shares)} in all, at "
        f"{dollars(row.average_price_usd)}.{late}",
        links=(row_link(row, "fill"),),
        rank=Rank.ORDER_ENDED,
    )


def _around(row: TradeDecision, names: Collection[str], sees: Sees) -> list[Entry]:
    """What the risk gate said, and what operators were told."""
    entries: list[Entry] = []
    if names and sees(CHECKS):
        entries += map(hedges.checked, RiskCheck.objects.filter(pk__in=sorted(names)))
    if sees(DENIALS):
        rows = Denial.objects.filter(symbol=row.symbol, strategy=row.strategy_name, first_at__gte=row.decided_at)
        entries += map(hedges.denied, rows.order_by("-pk")[:MOST_DENIALS])
    if sees(NOTICES):
        entries += spoken.notices({str(row.decision_id), *names})
    return entries


# Why it came to nothing, and what may be done.


def _wrong(row: TradeDecision, stands: str, calls: Calls | None) -> WentWrong | None:
    if stands not in WHAT_NOW:
        return None
    titles = {
        BLOCKED: f"It is pending, and {row.blocked_by} stands in its way",
        OVERDUE: f"It is pending, and was for {row.trading_day.isoformat()}",
        Status.UNKNOWN.value: "It is not known what became of its order",
        Status.PARTIALLY_EXECUTED.value: "It was executed in part",
        Status.FAILED.value: "It failed",
        Status.CANCELLED.value: f"It was cancelled by {row.cancelled_by}",
    }
    return WentWrong(
        title=titles[stands],
        kind=row.failure_kind,
        reason=sentence(row.reason or row.blocked_reason or "Nobody carried it out on its day"),
        figures=row.blocked_figures,
        what_now=WHAT_NOW[stands],
        answer=said.refusal_in(calls),
    )


def _offers(row: TradeDecision, attempts: Sequence[TradeExecution]) -> list[Offer]:
    offers = []
    if row.status in UNDER_WAY or any(attempt.broker_order_id for attempt in attempts):
        offers.append(
            Offer(
                f"manage.py recheck_decisions {row.decision_id}",
                "asks the broker about its order now, ended or not, and books what it says",
            )
        )
    if row.status not in ENDS:
        offers.append(
            Offer(
                f"manage.py cancel_decision {row.decision_id} --reason …",
                "cancels it, before anything is sent or at the broker",
            )
        )
    return offers

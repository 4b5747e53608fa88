"""Decisions: each says why, rests on what was known before it was decided, and stands as its executions do."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
from django.db.models import Count, Q, QuerySet

from audit_trail.days.models import DroppedCandidate, Outcome, PlannedDay, PlannedDecision
from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from audit_trail.decisions.models import ENDS, Status, TradeDecision
from audit_trail.decisions.rationale import NotARationale, rationale
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.executions.orders import OPEN, OrderState
from audit_trail.ingestion.models import RunStatus
from trading.invariants.deadlines import KNOWN_WITHIN
from trading.invariants.looking import Look
from trading.invariants.violations import Wrong, invariant
from trading.notices.models import Notice

GATHERING_TAKES = timedelta(hours=1)
"""A version that a run superseded while a day was being gathered was the newest when it was read."""


def decisions(look: Look) -> "QuerySet[TradeDecision]":
    """The decisions that are looked at: those of old that have not ended are."""
    rows: QuerySet[TradeDecision] = TradeDecision.objects.all()
    return rows if look.since is None else rows.filter(Q(decided_at__gte=look.since) | ~Q(status__in=ENDS))


@invariant("I14")
def decision_says_why(look: Look) -> Iterator[Wrong]:
    """Each decision has a rationale, and its strength and what set it off are what the rationale says."""
    for row in look.each(decisions(look)):
        try:
            why = rationale(msgspec.json.decode(row.decision_rationale, type=dict[str, Any]))
        except (NotARationale, msgspec.DecodeError) as error:
            yield _wrong(row, "a rationale that says why", str(error))
            continue
        told = (why.signal_strength, why.strength_order, why.trigger_event)
        found = (row.signal_strength, row.strength_order, row.trigger_event)
        if told != found:
            yield _wrong(row, f"strength, its order and trigger as in its rationale: {told}", f"{found}")


@invariant("I14", "I16")
def lineage_was_known(look: Look) -> Iterator[Wrong]:
    """Each decision rests on records and runs that were known, complete and current before it was decided."""
    for page in look.pages(decisions(look)):
        ids = [row.pk for row in page]
        records = _grouped(_links(ids))
        runs = _grouped(TradeDecisionRun.objects.filter(trade_decision__in=ids).select_related("run"))
        for row in page:
            if row.known_at > row.decided_at:
                yield _wrong(
                    row, f"known by {row.decided_at.isoformat()}, when it was decided", row.known_at.isoformat()
                )
            if not records[row.pk] and not runs[row.pk]:
                yield _wrong(row, "records or runs that it rests on", "none")
            for each in records[row.pk]:
                yield from _of_record(row, each.record)
            for each in runs[row.pk]:
                yield from _of_run(row, each.run)


def _links(decisions: list[int]) -> "QuerySet[TradeDecisionRecord]":
    """The records of a page of decisions, by their times alone: a score may be reckoned from thousands."""
    rows: QuerySet[TradeDecisionRecord] = TradeDecisionRecord.objects.filter(trade_decision__in=decisions)
    return rows.select_related("record").only("trade_decision", "record__known_at", "record__superseded_at")


def _of_record(row: TradeDecision, record: Any) -> Iterator[Wrong]:
    if record.known_at > row.known_at:
        expected = f"records known by {row.known_at.isoformat()}"
        yield _wrong(row, expected, f"record {record.pk}, known at {record.known_at.isoformat()}")
    if record.superseded_at is not None and record.superseded_at < row.decided_at - GATHERING_TAKES:
        found = f"record {record.pk}, superseded at {record.superseded_at.isoformat()}"
        yield _wrong(row, f"records that were current at {row.decided_at.isoformat()}", found)


def _of_run(row: TradeDecision, run: Any) -> Iterator[Wrong]:
    if run.status != RunStatus.COMPLETED or run.completed_at is None or run.completed_at > row.decided_at:
        expected = f"runs that had completed by {row.decided_at.isoformat()}"
        yield _wrong(row, expected, f"run {run.pk}, {run.status}, completed at {run.completed_at}")


@invariant("I13")
def decision_stands_as_its_executions(look: Look) -> Iterator[Wrong]:
    """A decision is what its attempts make of it: one open order at most, and executed by what was filled alone."""
    for page in look.pages(decisions(look)):
        ids = [row.pk for row in page]
        attempts = _grouped(TradeExecution.objects.filter(trade_decision__in=ids).order_by("attempt_number"))
        late = _filled_late(ids)
        for row in page:
            tried = attempts[row.pk]
            open_now = [each for each in tried if each.status in OPEN]
            if len(open_now) > 1:
                yield _wrong(row, "one open order", ", ".join(map(str, open_now)))
                continue
            sent = [each for each in tried if each.status != OrderState.UNSENT]
            expected = _expected(sent[-1] if sent else None, late)
            if row.status not in expected:
                stands = f"{sent[-1].status}" if sent else "not there"
                words = " or ".join(expected)
                yield _wrong(row, f"{words}, since its last order is {stands}", str(row.status))
            if len(filled := [each for each in sent if each.filled_shares]) > 1:
                yield _wrong(row, "one order that filled", ", ".join(map(str, filled)))


def _expected(last: TradeExecution | None, late: set[int]) -> tuple[Status, ...]:
    """What a decision may be, by its last attempt that was not taken back."""
    if last is None:
        return Status.PENDING, Status.CANCELLED
    filled_in_time = bool(last.filled_shares) and last.pk not in late
    match OrderState(last.status):
        case OrderState.SENDING | OrderState.SUBMITTED | OrderState.PARTIALLY_FILLED:
            return (Status.SUBMITTED,)
        case OrderState.UNKNOWN:
            return (Status.UNKNOWN,)
        case OrderState.FILLED:
            return (Status.EXECUTED,)
        case _ if filled_in_time:
            return (Status.PARTIALLY_EXECUTED,)
        case OrderState.CANCELLED:
            return (Status.CANCELLED,)
        case _:
            return (Status.FAILED,)


def _filled_late(ids: list[int]) -> set[int]:
    """Executions of which all that was filled was told after their end, when the decision had ended too."""
    fills = ExecutionFill.objects.filter(trade_execution__trade_decision__in=ids)
    in_time = set(fills.filter(is_late=False).values_list("trade_execution", flat=True))
    return set(fills.values_list("trade_execution", flat=True)) - in_time


@invariant("V2")
def unknown_decision_is_told(look: Look) -> Iterator[Wrong]:
    """A decision whose order is not accounted for is known of soon, or an operator is told of it."""
    kinds = ("decision_order_stuck", "decision_order_stopped")
    told = set(Notice.objects.filter(kind__in=kinds, closed_at=None).values_list("subject", flat=True))
    open_now = TradeExecution.objects.filter(status=OrderState.UNKNOWN).select_related("trade_decision")
    for attempt in look.each(open_now):
        if look.now - attempt.placed_at >= KNOWN_WITHIN and attempt.client_order_id not in told:
            expected = f"an outcome, or a notice, within {KNOWN_WITHIN} of {attempt.placed_at.isoformat()}"
            yield _wrong(attempt.trade_decision, expected, f"unknown without a word: {attempt.reason}")


@invariant("I16")
def day_says_what_it_meant(look: Look) -> Iterator[Wrong]:
    """A day that was refused for want of whole and fresh data meant nothing; each other one has what it says it has."""
    for days in look.pages(look.begun(PlannedDay.objects.all(), "as_of")):
        meant, dropped = _counts(PlannedDecision, days), _counts(DroppedCandidate, days)
        for day in days:
            where = f"manage.py why_not SYMBOL --since {day.trading_day}; planned day {day.pk} in the admin"
            if day.outcome == Outcome.REFUSED and meant.get(day.pk, 0):
                yield Wrong(str(day), "no decision on a day that was refused", f"{meant[day.pk]}", where)
            if day.orders != meant.get(day.pk, 0):
                yield Wrong(str(day), f"{day.orders} decisions, as it says", f"{meant.get(day.pk, 0)}", where)
            if day.dropped_count != dropped.get(day.pk, 0):
                yield Wrong(str(day), f"{day.dropped_count} left out, as it says", f"{dropped.get(day.pk, 0)}", where)


def _counts(model: Any, days: list[PlannedDay]) -> dict[int, int]:
    return dict(model.objects.filter(day__in=days).values_list("day").annotate(Count("pk")))


def _grouped(rows: Iterable[Any]) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.trade_decision_id].append(row)
    return found


def _wrong(row: TradeDecision, expected: str, found: str) -> Wrong:
    return Wrong(f"decision {row.decision_id}", expected, found, f"manage.py trade_lineage {row.decision_id}")

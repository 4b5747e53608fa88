"""Checks of the demo's decisions: what must hold of them when their day is over."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from audit_trail.days.models import DroppedCandidate, PlannedDay
from audit_trail.decisions.failures import FailureKind
from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.executions.known import DecisionOrders
from audit_trail.executions.models import TradeExecution
from audit_trail.payloads.models import ApiCallLog
from config.demo.checked import Checked, sentence_of
from config.venues.alpaca import AlpacaVenue
from config.venues.orders import Order
from trading.values.arithmetic import ZERO, plain

Findings = Iterator[str]


class Decided(NamedTuple):
    """What the day was meant to come to, and the venue that it was traded at."""

    refused: TradeDecision | None
    orders: Sequence[Order]
    venue: AlpacaVenue


def check(decided: Decided) -> list[Checked]:
    """Make every check."""
    return [Checked(sentence_of(each), list(each(decided))) for each in DECISION_CHECKS]


def every_decision_was_stored_before_any_was_acted_on(decided: Decided) -> Findings:
    """Every decision was stored, with its records and runs, before the first of them was acted on."""
    rows = TradeDecision.objects.all()
    if not rows:
        yield "nothing was decided"
    first = TradeExecution.objects.order_by("id").values_list("created_at", flat=True).first()
    for row in rows:
        if first is not None and row.created_at > first:
            yield f"{row} was stored at {row.created_at.isoformat()}, after {first.isoformat()}"
        if not row.records.exists() or not row.runs.exists():
            yield f"{row} names no records or no runs"


def everything_left_out_has_its_reason(decided: Decided) -> Findings:
    """What came to no decision is a row with its reason."""
    for day in PlannedDay.objects.all():
        rows = DroppedCandidate.objects.filter(day=day)
        if rows.count() != day.dropped_count or rows.filter(text="").exists():
            yield f"{day}: expected {day.dropped_count} rows with reasons, found {rows.count()}"
    if not DroppedCandidate.objects.exists():
        yield "nothing was kept of what was left out"


def they_were_executed_strongest_first(decided: Decided) -> Findings:
    """Decisions were executed strongest first, each once."""
    rows = TradeExecution.objects.select_related("trade_decision").order_by("id")
    strengths = [row.trade_decision.strength_order for row in rows]
    if strengths != sorted(strengths, reverse=True):
        yield f"expected the strongest first, was {strengths}"
    if len({row.trade_decision_id for row in rows}) != len(strengths):
        yield "a decision was executed twice"


def one_failed_for_want_of_buying_power_and_stopped_no_other(decided: Decided) -> Findings:
    """The strongest was rejected for want of buying power, says so in the broker's words, and stopped no other."""
    for row in TradeDecision.objects.all():
        if row != decided.refused:
            if row.status != Status.EXECUTED:
                yield f"{row}: expected executed, was {row.status}: {row.reason}"
        elif (row.status, row.failure_kind) != (Status.FAILED, FailureKind.BUYING_POWER):
            yield f"{row}: expected it to fail for want of buying power, was {row.status} {row.failure_kind}"
        elif "insufficient buying power" not in _answer(row):
            yield f"{row}: expected the broker's words on record, was {_answer(row)}"


def _answer(row: TradeDecision) -> str:
    (attempt,) = TradeExecution.objects.filter(trade_decision=row)
    return str(attempt.response_payload.text) if attempt.response_payload else "no answer"


def what_is_held_is_what_was_filled(decided: Decided) -> Findings:
    """What decisions hold is what the broker's account holds, to the last digit."""
    account = decided.venue.exchange.account()
    held: dict[str, Decimal] = {
        str(symbol): net for symbol, net in DecisionOrders(decided.venue.name).holdings().items()
    }
    for symbol in sorted({*held, *account.holdings}):
        there, here = account.shares_of(symbol), held.get(symbol, ZERO)
        if there != here:
            yield f"{symbol}: expected {plain(there)} shares, our books say {plain(here)}"


def every_order_of_a_decision_is_known_there_under_our_id(decided: Decided) -> Findings:
    """The broker has an order for each decision that was executed, under our id, and no other."""
    sent = set(TradeExecution.objects.exclude(broker_order_id=None).values_list("client_order_id", flat=True))
    there = {order.ask.client_id for order in decided.orders}
    for one in sorted(sent - there, key=str):
        yield f"{one} is not at the broker"
    for one in sorted(there - sent, key=str):
        yield f"{one} is at the broker, and not ours"
    answered = ApiCallLog.objects.filter(reference__in=there, purpose="submit", http_status_code=200)
    if answered.count() != len(there):
        yield f"expected a request and an answer on record for each of {len(there)}, found {answered.count()}"


DECISION_CHECKS: tuple[Callable[[Decided], Findings], ...] = (
    every_decision_was_stored_before_any_was_acted_on,
    everything_left_out_has_its_reason,
    they_were_executed_strongest_first,
    one_failed_for_want_of_buying_power_and_stopped_no_other,
    what_is_held_is_what_was_filled,
    every_order_of_a_decision_is_known_there_under_our_id,
)

"""Decided: decisions about a symbol, the attempts to carry them out, and what they came to."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.executions.models import TradeExecution
from audit_trail.executions.orders import OrderState
from config.desk.stories.entries import (
    BAD,
    GOOD,
    WARN,
    Entry,
    Rank,
    decision_link,
    dollars,
    row_link,
    sentence,
    shares_of,
)
from config.desk.stories.hedges import VERBS
from config.desk.stories.paging import Place, rows_until
from trading.values.arithmetic import plain

TONES = {
    Status.EXECUTED.value: GOOD,
    Status.PARTIALLY_EXECUTED.value: WARN,
    Status.CANCELLED.value: WARN,
    Status.FAILED.value: BAD,
    Status.UNKNOWN.value: BAD,
}
ATTEMPT_TONES = {
    OrderState.FILLED.value: GOOD,
    OrderState.CANCELLED.value: WARN,
    OrderState.EXPIRED.value: WARN,
    OrderState.DENIED.value: BAD,
    OrderState.REJECTED.value: BAD,
    OrderState.FAILED.value: BAD,
    OrderState.UNKNOWN.value: BAD,
}


def decisions_of(symbol: str, place: Place | None) -> list[TradeDecision]:
    """The decisions that a page of a symbol may tell of; a decision is carried out on its own day or never."""
    rows = TradeDecision.objects.filter(symbol=symbol).defer("decision_rationale")
    found: list[TradeDecision] = list(rows_until(rows, place, at="decided_at"))
    return found


def attempts_of(decisions: Sequence[TradeDecision]) -> list[TradeExecution]:
    rows = TradeExecution.objects.filter(trade_decision__in=[row.pk for row in decisions])
    return list(rows.select_related("trade_decision").defer("trade_decision__decision_rationale").order_by("pk"))


def amount_of(row: TradeDecision) -> str:
    if row.shares is not None:
        return shares_of(row.shares)
    return "all that is held" if row.notional_usd is None else f"${plain(row.notional_usd)}"


def decided(row: TradeDecision) -> Entry:
    return Entry(
        at=row.decided_at,
        kind="decision",
        sentence=f"{row.strategy_name} {row.strategy_version} decided to {VERBS[row.side]} {amount_of(row)} of "
        f"{row.symbol} on {row.trading_day.isoformat()}, by {row.trigger_event}, with a strength of "
        f"{plain(row.signal_strength)}.",
        links=(decision_link(row.decision_id), row_link(row, "row")),
        rank=Rank.DECIDED,
        key=row.pk,
    )


def ended(row: TradeDecision) -> Iterator[Entry]:
    """What a decision came to, where it has ended."""
    at = ended_at(row)
    if at is None:
        return
    asked = f"{VERBS[row.side]} {amount_of(row)} of {row.symbol}"
    kind = f" ({row.failure_kind})" if row.failure_kind else ""
    why = "" if row.reason is None else f": {row.reason}"
    yield Entry(
        at=at,
        kind=f"decision {row.get_status_display()}",
        sentence=sentence(f"The decision of {row.strategy_name} to {asked} {_end_of(row)}{kind}{why}"),
        links=(decision_link(row.decision_id), row_link(row, "row")),
        tone=TONES.get(row.status, ""),
        rank=Rank.DECISION_ENDED,
        key=row.pk,
    )


def _end_of(row: TradeDecision) -> str:
    if row.status == Status.FAILED:
        return "failed"
    return f"was {row.get_status_display()}" + (f" by {row.cancelled_by}" if row.status == Status.CANCELLED else "")


def ended_at(row: TradeDecision) -> datetime | None:
    times = {
        Status.EXECUTED.value: row.executed_at,
        Status.PARTIALLY_EXECUTED.value: row.executed_at,
        Status.FAILED.value: row.failed_at,
        Status.CANCELLED.value: row.cancelled_at,
    }
    at: datetime | None = times.get(row.status)
    return at


def attempt(row: TradeExecution) -> Entry:
    """An attempt as it stands, at the time at which it was begun."""
    return Entry(
        at=row.placed_at,
        kind=f"attempt {row.status.replace('_', ' ')}",
        sentence=sentence(f"Attempt {row.attempt_number} {how_it_went(row)}"),
        links=(decision_link(row.trade_decision.decision_id), row_link(row, "row")),
        tone=ATTEMPT_TONES.get(row.status, ""),
        detail=row.denied_figures,
        rank=Rank.ATTEMPT,
        key=row.pk,
    )


def how_it_went(row: Any) -> str:
    """An attempt as the end of a sentence that begins with it."""
    why = "" if row.reason is None else f": {row.reason}"
    if row.status == OrderState.DENIED:
        return f"was denied by the risk gate, by {row.denied_by}{why}"
    told = f"was placed as {row.client_order_id} for {shares_of(row.requested_shares)}"
    told += f" and is {row.status.replace('_', ' ')}"
    if row.http_status_code is not None:
        told += f" (HTTP {row.http_status_code})"
    if row.filled_shares:
        told += f", {plain(row.filled_shares)} filled at {dollars(row.average_price_usd)}"
    return f"{told}{why}"

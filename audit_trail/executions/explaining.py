"""Explaining: what data led to a trade, and why a trade failed, told from the rows that were kept at the time.

A trade is named by whatever somebody has in hand: the id of its decision, of its execution, our id of the order, or the
broker's.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from audit_trail.decisions.lineage import TradeDecisionRun, records_behind
from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from trading.values.arithmetic import plain


class NoSuchTrade(LookupError):
    """No decision and no execution has this id."""


class DidNotFail(ValueError):
    """The trade is asked about as failed, and did not fail."""


def decision_of(name: str) -> TradeDecision:
    """Find the decision that a trade is of. Raises NoSuchTrade."""
    named = Q(pk__in=[row.trade_decision_id for row in _executions(name)])
    if (identity := _uuid(name)) is not None:
        named |= Q(decision_id=identity)
    rows: list[TradeDecision] = list(TradeDecision.objects.filter(named))
    match rows:
        case [row]:
            return row
        case []:
            raise NoSuchTrade(
                f"expected the id of a decision, of an execution, or of an order of one, found none for {name!r}"
            )
        case several:
            ids = ", ".join(str(row.decision_id) for row in several)
            raise NoSuchTrade(f"{name!r} names several trades, those of decisions {ids}: name one of these")


def headline(decision: TradeDecision) -> str:
    """Say in a line what was decided and what became of it."""
    amount = "all that is held of" if decision.shares is None else f"{plain(decision.shares)} shares of"
    if decision.notional_usd is not None:
        amount = f"{plain(decision.notional_usd)} USD of"
    told = f"{decision.strategy_name} {decision.strategy_version}: {decision.side} {amount} {decision.symbol} on "
    told += f"{decision.trading_day.isoformat()}, {decision.status}"
    if why := decision.reason or decision.blocked_reason:
        told += f" ({decision.failure_kind or decision.blocked_by or decision.status}): {why}"
    return told


def what_led_to(decision: TradeDecision) -> dict[str, Any]:
    """Tell a trade from run to fill, each step with its times: what was known, what was decided, what was filled."""
    return {
        **_decided(decision),
        "submitted_at": _time(decision.submitted_at),
        "executed_at": _time(decision.executed_at),
        "failed_at": _time(decision.failed_at),
        "cancelled_at": _time(decision.cancelled_at),
        "rationale": _decoded(decision.decision_rationale),
        "records": [
            {
                "used_for": link.role,
                "record": link.record_id,
                "kind": link.record.kind,
                "version": link.record.version,
                "disclosed_on": link.record.disclosed_on.isoformat(),
                "known_at": link.record.known_at.isoformat(),
                "superseded_at": _time(link.record.superseded_at),
                "row": _decoded(link.record.row),
            }
            for link in records_behind(decision)
        ],
        "runs": [
            {
                "run": str(link.run.run_id),
                "task": link.run.task_name,
                "source": link.run.data_source,
                "started_at": link.run.started_at.isoformat(),
                "completed_at": _time(link.run.completed_at),
                "records_fetched": link.run.records_fetched,
                "calls": _calls(run_id=link.run.run_id),
            }
            for link in TradeDecisionRun.objects.filter(trade_decision=decision)
            .select_related("run")
            .order_by("run_id")
        ],
        "executions": [
            {
                **_execution(row),
                "calls": _calls(reference=row.client_order_id),
                "fills": [_fill(fill) for fill in row.fills.order_by("pk")],
            }
            for row in _attempts(decision)
        ],
    }


def why_it_failed(decision: TradeDecision) -> dict[str, Any]:
    """Tell why nothing, or not all, was traded: kind and reason, and the very words that were sent and came back.

    Raises DidNotFail where it is pending with nothing in its way, under way, or executed whole.
    """
    if decision.status in (Status.SUBMITTED, Status.EXECUTED) or (
        decision.status == Status.PENDING and decision.blocked_by is None
    ):
        raise DidNotFail(f"the decision {decision.decision_id} did not fail: it is {decision.status}")
    return {
        **_decided(decision),
        "kind": decision.failure_kind,
        "reason": decision.reason,
        "failed_at": _time(decision.failed_at),
        "cancelled_by": decision.cancelled_by,
        "blocked_by": decision.blocked_by,
        "blocked_reason": decision.blocked_reason,
        "blocked_figures": _decoded(decision.blocked_figures),
        "executions": [
            {
                **_execution(row),
                "reason": row.reason,
                "denied_by": row.denied_by,
                "denied_figures": _decoded(row.denied_figures),
                "http_status_code": row.http_status_code,
                "request": _payload(row.request_payload),
                "response": _payload(row.response_payload),
                "calls": _calls(reference=row.client_order_id),
            }
            for row in _attempts(decision)
        ],
    }


def _attempts(decision: TradeDecision) -> list[TradeExecution]:
    rows = TradeExecution.objects.filter(trade_decision=decision).select_related("request_payload", "response_payload")
    return list(rows.order_by("attempt_number"))


def _executions(name: str) -> list[TradeExecution]:
    known = Q(client_order_id=name) | Q(broker_order_id=name)
    if (identity := _uuid(name)) is not None:
        known |= Q(execution_id=identity)
    return list(TradeExecution.objects.filter(known))


def _decided(decision: TradeDecision) -> dict[str, Any]:
    return {
        "decision": str(decision.decision_id),
        "strategy": f"{decision.strategy_name} {decision.strategy_version}",
        "trading_day": decision.trading_day.isoformat(),
        "symbol": decision.symbol,
        "side": decision.side,
        "shares": None if decision.shares is None else plain(decision.shares),
        "notional_usd": None if decision.notional_usd is None else plain(decision.notional_usd),
        "closes_position": decision.closes_position,
        "status": decision.status,
        "trigger": decision.trigger_event,
        "signal_strength": plain(decision.signal_strength),
        "known_at": decision.known_at.isoformat(),
        "decided_at": decision.decided_at.isoformat(),
    }


def _execution(row: TradeExecution) -> dict[str, Any]:
    return {
        "execution": str(row.execution_id),
        "attempt": row.attempt_number,
        "status": row.status,
        "our_order": row.client_order_id,
        "broker_order": row.broker_order_id,
        "placed_at": row.placed_at.isoformat(),
        "submitted_at": _time(row.submitted_at),
        "ended_at": _time(row.ended_at),
        "filled_shares": plain(row.filled_shares),
        "average_price_usd": None if row.average_price_usd is None else plain(row.average_price_usd),
    }


def _fill(fill: ExecutionFill) -> dict[str, Any]:
    return {
        "filled_at": fill.filled_at.isoformat(),
        "booked_at": fill.booked_at.isoformat(),
        "shares": plain(fill.shares),
        "filled_shares": plain(fill.filled_shares),
        "average_price_usd": None if fill.average_price_usd is None else plain(fill.average_price_usd),
        "is_late": fill.is_late,
    }


def _calls(**of: Any) -> list[dict[str, Any]]:
    """List the calls that were made for something; an order that was denied has no name, and no calls."""
    return [] if None in of.values() else [_call(call) for call in ApiCallLog.objects.filter(**of).order_by("id")]


def _call(call: ApiCallLog) -> dict[str, Any]:
    return {
        "call": call.pk,
        "made": f"{call.method} {call.endpoint}",
        "sent_at": call.sent_at.isoformat(),
        "ended_at": _time(call.ended_at),
        "http_status_code": call.http_status_code,
        "error": call.error,
        "request_payload": call.request_payload_id,
        "response_payload": call.response_payload_id,
    }


def _payload(payload: ApiPayload | None) -> Any:
    if payload is None:
        return None
    if payload.purged_at is not None:
        return f"purged at {payload.purged_at.isoformat()}; it had {payload.size_bytes} bytes, SHA-256 {payload.sha256}"
    return _decoded(payload.text)


def _decoded(text: str | None) -> Any:
    """Put JSON in as it stands, so that each number keeps its digits; what is none is told as a text."""
    if text is None:
        return None
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return msgspec.Raw(text.encode())


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None

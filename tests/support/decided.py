"""Decisions, executions and what belongs to them, for tests: rows that are sound but for what a test says of them."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.models import DecisionHolding, ExecutionFill, TradeExecution
from tests.support import ingested
from tests.support.factories import NOON, api_payload, number


def decision(**facts):
    """A decision that failed at the broker."""
    given = {
        "strategy_name": f"strategy-{number()}",
        "strategy_version": "1.0.0",
        "broker": "alpaca",
        "account_number": "PA3TEST01234",
        "trading_mode": "paper",
        "trading_day": date(2026, 3, 2),
        "symbol": "AAPL",
        "side": "BUY",
        "shares": Decimal("4.5"),
        "signal_strength": Decimal("8.5"),
        "strength_order": 8_500_000,
        "trigger_event": "congressional_buy",
        "decision_rationale": '{"signal_strength":"8.5"}',
        "known_at": NOON,
        "decided_at": NOON,
        "status": "failed",
        "failed_at": NOON,
        "failure_kind": "insufficient_buying_power",
        "reason": "insufficient buying power",
    }
    return TradeDecision.objects.create(**given | facts)


def execution(**facts):
    """An attempt that the broker refused."""
    n = number()
    given = {
        "trade_decision": facts.pop("trade_decision", None) or decision(),
        "attempt_number": 1,
        "status": "rejected",
        "client_order_id": f"htd-test-{n}-1",
        "requested_shares": Decimal("4.5"),
        "placed_at": NOON,
        "ended_at": NOON + timedelta(seconds=1),
        "reason": "insufficient buying power",
        "http_status_code": 403,
        "request_payload": api_payload(),
        "response_payload": api_payload(type="response"),
    }
    return TradeExecution.objects.create(**given | facts)


def fill(**facts):
    given = {
        "trade_execution": facts.pop("trade_execution", None) or execution(),
        "shares": Decimal("1.5"),
        "filled_shares": Decimal("1.5"),
        "average_price_usd": Decimal("271.49"),
        "filled_at": NOON,
        "booked_at": NOON,
    }
    return ExecutionFill.objects.create(**given | facts)


def holding(**facts):
    given = {
        "broker": "alpaca",
        "account_number": "PA3TEST01234",
        "symbol": f"S{number()}",
        "bought_shares": Decimal(4),
        "changed_at": NOON,
    }
    return DecisionHolding.objects.create(**given | facts)


def legacy_order(**facts):
    given = {
        "client_order_id": f"htd-test-{number()}-1",
        "trade_decision": facts.pop("trade_decision", None) or decision(),
        "decision_id": uuid4(),
        "strategy_name": "congressional",
        "trading_day": date(2026, 3, 2),
        "broker": "alpaca",
        "account_number": "PA3TEST01234",
        "trading_mode": "paper",
        "symbol": "AAPL",
        "side": "BUY",
        "qty": Decimal("4.5"),
        "reckoned_qty": Decimal("4.5"),
        "order_type": "market",
        "status": "accepted",
        "placed_at": NOON,
    }
    return AlpacaOrder.objects.create(**given | facts)


def record_of_decision(**facts):
    given = {"trade_decision": decision(), "record": ingested.record(), "role": "signal"}
    return TradeDecisionRecord.objects.create(**given | facts)


def run_of_decision(**facts):
    return TradeDecisionRun.objects.create(**{"trade_decision": decision(), "run": ingested.run()} | facts)

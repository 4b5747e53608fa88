"""Rows that reports are made of: decisions that came to this or that, with what was filled of them."""

from datetime import date
from decimal import Decimal

from audit_trail.reports.periods import Period
from tests.support import decided
from tests.support.factories import NOON

DAY = Period.of_day(date(2026, 3, 2))
ENDED = {"failed_at": None, "failure_kind": None, "reason": None}
EXECUTED = {"status": "executed", "executed_at": NOON} | ENDED
IN_PART = {"status": "partially_executed", "executed_at": NOON} | ENDED | {"reason": "expired"}
CANCELLED = {"status": "cancelled", "cancelled_by": "ada", "cancelled_at": NOON} | ENDED | {"reason": "a split"}
PENDING = {"status": "pending"} | ENDED
SUBMITTED = {"status": "submitted", "submitted_at": NOON} | ENDED
UNKNOWN = {"status": "unknown", "submitted_at": NOON} | ENDED


def filled(price_usd="100", **facts):
    """A decision that was executed whole, its attempt filled at a price."""
    decision = decided.decision(**EXECUTED | facts)
    decided.execution(
        trade_decision=decision,
        status="filled",
        broker_order_id="B-1",
        filled_shares=Decimal("4.5"),
        average_price_usd=None if price_usd is None else Decimal(price_usd),
        ended_at=decision.executed_at,
        reason=None,
    )
    return decision

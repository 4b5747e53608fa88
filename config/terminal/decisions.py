"""Decisions: what strategies would trade, newest first, and what became of it."""

from typing import Any

from audit_trail.decisions.models import Status, TradeDecision
from config.terminal.asked import Asked
from config.terminal.sections import Section
from trading.values.arithmetic import plain
from trading.values.sides import Side

SIDES = tuple(side.value for side in Side)
STATES = tuple(Status.values)

COLUMNS = (
    "decision",
    "decided_at",
    "day",
    "strategy",
    "symbol",
    "side",
    "amount",
    "strength",
    "status",
    "executed_at",
    "blocked_by",
    "reason",
)


def decisions(asked: Asked, *, strategy: str | None = None) -> Section:
    """The newest decisions."""
    rows = TradeDecision.objects.order_by("-id")  # As they were decided on.
    if strategy is not None:
        rows = rows.filter(strategy_name=strategy)
    if asked.symbol is not None:
        rows = rows.filter(symbol=asked.symbol)
    if asked.side is not None:
        rows = rows.filter(side=asked.side)
    if asked.status is not None:
        rows = rows.filter(status=asked.status)
    if asked.since is not None:
        rows = rows.filter(decided_at__gte=asked.since)
    return Section("Decisions", COLUMNS, [_row(decision) for decision in rows[: asked.limit]])


def _row(decision: TradeDecision) -> tuple[Any, ...]:
    return (
        str(decision.decision_id),
        decision.decided_at,
        decision.trading_day.isoformat(),
        decision.strategy_name,
        decision.symbol,
        decision.side,
        _amount(decision),
        decision.signal_strength,
        decision.status,
        decision.executed_at,
        decision.blocked_by,
        decision.reason or decision.blocked_reason,
    )


def _amount(decision: TradeDecision) -> str:
    if decision.shares is not None:
        return f"{plain(decision.shares)} shares"
    return "all" if decision.notional_usd is None else f"${plain(decision.notional_usd)}"

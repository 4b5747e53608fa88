"""Symbol activity: everything about one symbol in a period, data and decisions and hedges beside each other."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from audit_trail.executions.models import TradeExecution
from audit_trail.ingestion.models import DataIngestionRunRecord, Operation
from audit_trail.ingestion.records import SourceRecord
from audit_trail.reports.hedges import (
    HedgeCounts,
    HedgeFill,
    HedgeOrder,
    counts_of,
    fills_in,
    hedge_order,
    orders_in,
    waiting_fills,
)
from audit_trail.reports.outcomes import Decisions, Outcomes, decided_in, outcomes_of
from audit_trail.reports.periods import Period
from trading.values.symbols import Symbol

MOST = 500
"""So many rows of each list are told, the newest, where nobody asks for another number."""


class IngestedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a record of a source, and the run that brought it."""

    known_at: datetime
    record: int
    kind: str
    version: int
    disclosed_on: date
    traded_on: date | None
    who: str | None
    transaction: str | None
    amount_usd: Decimal | None
    """Of a range the lower end; of an insider's trade what was paid or received."""

    run: UUID | None


class DecisionMade(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, as it stands now."""

    decided_at: datetime
    decision: UUID
    strategy: str
    strategy_version: str
    trading_day: date
    side: str
    shares: Decimal | None
    notional_usd: Decimal | None
    closes_position: bool
    signal_strength: Decimal
    trigger: str
    status: str
    failure_kind: str | None
    reason: str | None
    """Why it failed, was cancelled or is unknown; of a pending one what stands in its way."""

    known_at: datetime
    rationale: str
    """As JSON, exactly as it is stored."""


class TradeExecuted(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to carry a decision out."""

    placed_at: datetime
    execution: UUID
    decision: UUID
    attempt: int
    side: str
    status: str
    requested_shares: Decimal | None
    filled_shares: Decimal
    average_price_usd: Decimal | None
    our_order: str | None
    broker_order: str | None
    http_status_code: int | None
    reason: str | None
    submitted_at: datetime | None
    ended_at: datetime | None


class SymbolActivity(msgspec.Struct, frozen=True, kw_only=True):
    """What was known, decided, executed and hedged of a symbol in [since, until).

    Records count by when they came into our tables, decisions by when they were made, executions with their
    decisions, hedge orders by when they were placed, fills by when they were made. Each list begins with the newest.
    """

    tables: ClassVar[tuple[str, ...]] = (
        "decisions_made",
        "trades_executed",
        "data_ingested",
        "hedge_orders",
        "hedge_fills",
    )

    symbol: str
    since: datetime
    until: datetime
    summary: Outcomes
    hedges: HedgeCounts
    data_ingested: tuple[IngestedRecord, ...]
    decisions_made: tuple[DecisionMade, ...]
    trades_executed: tuple[TradeExecuted, ...]
    hedge_orders: tuple[HedgeOrder, ...]
    hedge_fills: tuple[HedgeFill, ...]
    waiting_fills: int
    """Fills that moved and whose profit is not computed yet: they may be missing above."""

    cut: tuple[str, ...]
    """The lists of which only the newest rows are told; the counts above are of all."""


def symbol_activity(*, symbol: Symbol, period: Period, limit: int = MOST) -> SymbolActivity:
    """Tell everything about a symbol in a period, at most `limit` rows of each list; eleven statements."""
    decisions = decided_in(period).filter(symbol=symbol)
    orders = orders_in(period, symbol=symbol)
    found: dict[str, Sequence[Any]] = {
        "data_ingested": _ingested(symbol, period, limit + 1),
        "decisions_made": _made(decisions.order_by("-decided_at", "-pk")[: limit + 1]),
        "trades_executed": _executed(symbol, period, limit + 1),
        "hedge_orders": [hedge_order(row) for row in orders[: limit + 1]],
        "hedge_fills": fills_in(period, symbol=symbol, limit=limit + 1),
    }
    return SymbolActivity(
        symbol=symbol,
        since=period.since,
        until=period.until,
        summary=outcomes_of(decisions),
        hedges=counts_of(orders),
        waiting_fills=waiting_fills(symbol),
        cut=tuple(name for name in SymbolActivity.tables if len(found[name]) > limit),
        **{name: tuple(rows[:limit]) for name, rows in found.items()},
    )


def ingested_records(rows: Iterable[SourceRecord]) -> list[IngestedRecord]:
    """Tell records with the run that brought each version, in one statement more."""
    records = list(rows)
    brought = DataIngestionRunRecord.objects.filter(
        record__in=[row.pk for row in records], operation__in=[Operation.CREATED, Operation.UPDATED]
    )
    runs = dict(brought.values_list("record_id", "run__run_id"))
    return [_ingested_record(row, runs.get(row.pk)) for row in records]


def with_columns(rows: Any) -> Any:
    """Read records with the columns of their kinds."""
    return rows.select_related("congress_trade", "insider_trade")


def _ingested(symbol: Symbol, period: Period, limit: int) -> list[IngestedRecord]:
    rows = SourceRecord.objects.filter(symbol=symbol, known_at__gte=period.since, known_at__lt=period.until)
    return ingested_records(with_columns(rows).defer("row", "key", "content").order_by("-known_at", "-pk")[:limit])


def _ingested_record(row: SourceRecord, run: UUID | None) -> IngestedRecord:
    congress, insider = getattr(row, "congress_trade", None), getattr(row, "insider_trade", None)
    told: dict[str, Any] = {"who": None, "transaction": None, "amount_usd": None}
    if congress is not None:
        told = {
            "who": congress.politician,
            "transaction": congress.transaction_told,
            "amount_usd": congress.amount_low_usd,
        }
    elif insider is not None:
        told = {"who": insider.insider, "transaction": insider.transaction, "amount_usd": insider.value_usd}
    either = congress or insider
    return IngestedRecord(
        known_at=row.known_at,
        record=row.pk,
        kind=row.kind,
        version=row.version,
        disclosed_on=row.disclosed_on,
        traded_on=None if either is None else either.traded_on,
        run=run,
        **told,
    )


def _executed(symbol: Symbol, period: Period, limit: int) -> list[TradeExecuted]:
    rows = TradeExecution.objects.filter(
        trade_decision__symbol=symbol,
        trade_decision__decided_at__gte=period.since,
        trade_decision__decided_at__lt=period.until,
    ).order_by("-trade_decision__decided_at", "-pk")
    return [TradeExecuted(**dict(zip(_EXECUTED, row, strict=True))) for row in _cells(rows[:limit], _EXECUTED)]


def _made(rows: Decisions) -> list[DecisionMade]:
    found = []
    for *cells, blocked_reason in _cells(rows, {**_MADE, "blocked_reason": "blocked_reason"}):
        told = dict(zip(_MADE, cells, strict=True))
        found.append(DecisionMade(**told | {"reason": told["reason"] or blocked_reason}))
    return found


def _cells(rows: Any, columns: Mapping[str, str]) -> Any:
    """Read those columns alone: a rationale is long, and a list has hundreds of rows."""
    return rows.values_list(*columns.values())


_MADE = {name: name for name in DecisionMade.__struct_fields__} | {
    "decision": "decision_id",
    "strategy": "strategy_name",
    "trigger": "trigger_event",
    "rationale": "decision_rationale",
}
_EXECUTED = {name: name for name in TradeExecuted.__struct_fields__} | {
    "execution": "execution_id",
    "decision": "trade_decision__decision_id",
    "attempt": "attempt_number",
    "side": "trade_decision__side",
    "our_order": "client_order_id",
    "broker_order": "broker_order_id",
}

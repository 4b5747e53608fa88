"""Bundled rows: which rows and which columns are in each file of a compliance bundle, read one at a time.

The columns are named here, one by one, so that a bundle is the same whatever is added to a table; whoever changes them
raises the schema's version.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db.models import Model, QuerySet

from audit_trail.days.models import DroppedCandidate, PlannedDay
from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.records import SourceRecord
from audit_trail.payloads.models import ApiCallLog
from audit_trail.reports.hedges import orders_in
from audit_trail.reports.outcomes import decided_in
from audit_trail.reports.periods import Period
from trading.pnl.models import ExcludedFill, ProfitRow

Row = dict[str, Any]

_CHUNK = 2000


class RowsOfFile(NamedTuple):
    """A file to be written."""

    name: str
    columns: list[str]
    rows: Iterator[Row]


def files_of(period: Period, *, with_payloads: bool) -> Iterator[RowsOfFile]:
    """The files of a bundle, in the order in which data flows."""
    decisions: Any = decided_in(period).order_by()
    ids = decisions.values("pk")
    executions = TradeExecution.objects.filter(trade_decision__in=ids)
    runs_behind = TradeDecisionRun.objects.filter(trade_decision__in=ids)
    runs = DataIngestionRun.objects.filter(pk__in=runs_behind.values("run")) | DataIngestionRun.objects.filter(
        started_at__gte=period.since, started_at__lt=period.until
    )
    records_behind = TradeDecisionRecord.objects.filter(trade_decision__in=ids)
    orders = orders_in(period).order_by()
    made = {"at__gte": period.since, "at__lt": period.until}
    yield _file("runs", runs, RUN)
    yield _file("records", SourceRecord.objects.filter(pk__in=records_behind.values("record")), RECORD)
    yield _file("decisions", decisions, DECISION)
    yield _file("decision_records", records_behind, DECISION_RECORD)
    yield _file("decision_runs", runs_behind, DECISION_RUN)
    days = PlannedDay.objects.filter(as_of__gte=period.since, as_of__lt=period.until)
    yield _file("planned_days", days, PLANNED_DAY)
    yield _file("dropped_candidates", DroppedCandidate.objects.filter(day__in=days.values("pk")), DROPPED)
    yield _file("executions", executions, EXECUTION)
    yield _file("execution_fills", ExecutionFill.objects.filter(trade_execution__in=executions.values("pk")), FILL)
    yield _file("hedge_orders", orders, ORDER)
    yield _file("hedge_fills", ProfitRow.objects.filter(**made), HEDGE_FILL)
    yield _file("hedge_fills_without_profit", ExcludedFill.objects.filter(**made), EXCLUDED)
    call = CALL | (BODIES if with_payloads else {})
    for name, made_for in (
        ("calls_of_runs", {"run_id__in": runs.values("run_id")}),
        ("calls_of_executions", {"reference__in": _named(executions)}),
        ("calls_of_hedge_orders", {"reference__in": _named(orders)}),
    ):
        yield _file(name, ApiCallLog.objects.filter(**made_for), call)


def _named(orders: Any) -> Any:
    return orders.exclude(client_order_id=None).values("client_order_id")


def _file(name: str, rows: "QuerySet[Any]", columns: Mapping[str, str]) -> RowsOfFile:
    return RowsOfFile(f"{name}.jsonl", list(columns), _read(rows, columns))


def _read(rows: "QuerySet[Model]", columns: Mapping[str, str]) -> Iterator[Row]:
    cells = rows.order_by("pk").values_list(*columns.values())
    for row in cells.iterator(chunk_size=_CHUNK):
        yield dict(zip(columns, row, strict=True))


def _as_they_are(names: str) -> dict[str, str]:
    return {name: name for name in names.split()}


def _of(relation: str, names: Iterable[str], prefix: str) -> dict[str, str]:
    return {f"{prefix}_{name}": f"{relation}__{name}" for name in names}


RUN = _as_they_are(
    "run_id task_name data_source narrowed_to data_date_start data_date_end status started_at completed_at failed_at "
    "records_fetched records_created records_updated records_skipped records_parked error_message error_details"
)
RECORD = _as_they_are("id kind key occurrence version content detail symbol disclosed_on known_at superseded_at row")
DECISION = _as_they_are(
    "decision_id strategy_name strategy_version broker account_number trading_mode trading_day symbol side shares "
    "notional_usd closes_position may_short limit_price_usd reference_price_usd signal_strength trigger_event "
    "decision_rationale known_at decided_at created_at status submitted_at executed_at failed_at cancelled_at "
    "cancelled_by failure_kind reason blocked_by blocked_reason blocked_figures blocked_at"
)
DECISION_RECORD = {
    "decision_id": "trade_decision__decision_id",
    "record_id": "record_id",
    "record_version": "record__version",
    "record_content": "record__content",
    "role": "role",
}
DECISION_RUN = {"decision_id": "trade_decision__decision_id", "run_id": "run__run_id"}
PLANNED_DAY = _as_they_are(
    "planned_id strategy_name versions environment broker account_number trading_mode trading_day as_of outcome "
    "refusals stance summary findings orders dropped_count"
)
DROPPED = {"planned_id": "day__planned_id"} | _as_they_are("strategy_name symbol reason text record_count records")
EXECUTION = {"decision_id": "trade_decision__decision_id"} | _as_they_are(
    "execution_id attempt_number status client_order_id broker_order_id requested_shares notional_usd limit_price_usd "
    "placed_at submitted_at ended_at filled_shares average_price_usd reason http_status_code denied_by denied_figures "
    "cancel_asked_by cancel_reason cancel_asked_at request_payload_id response_payload_id"
)
FILL = {"execution_id": "trade_execution__execution_id"} | _as_they_are(
    "shares filled_shares average_price_usd filled_at booked_at is_late"
)
ORDER = {"order": "pk"} | _as_they_are(
    "client_order_id broker broker_order_id symbol side attempt detailed_status reason placed_at sending_at "
    "submitted_at ended_at accepted_shares filled_shares average_price_usd unallocated_shares unallocated_cause"
)
ORDER["requested_shares"] = "shares"
HEDGE_FILL = _as_they_are(
    "symbol at trade_type trade_id venue side shares usd price_usd realised_usd cumulative_usd net_shares_after"
)
EXCLUDED = _as_they_are("symbol at trade_type trade_id side shares reason")
_PAYLOAD = ("captured_at", "size_bytes", "sha256", "secrets", "truncated", "purged_at")
_BODY = ("headers", "encoding", "body")
CALL = (
    {"call": "id"}
    | _as_they_are(
        "run_id reference purpose source method endpoint sent_at ended_at http_status_code duration_ms correlation_id "
        "error request_payload_id response_payload_id"
    )
    | _of("request_payload", _PAYLOAD, "request")
    | _of("response_payload", _PAYLOAD, "response")
)
BODIES = _of("request_payload", _BODY, "request") | _of("response_payload", _BODY, "response")

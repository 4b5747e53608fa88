"""Storage: how many rows the tables of the audit trail have, how old the oldest are, and what may be purged."""

from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord
from audit_trail.ingestion.records import SourceRecord
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.payloads.purging import KEPT
from trading.growth.sizes import table_sizes

TABLES = (
    *(DataIngestionRun, DataIngestionRunRecord, SourceRecord),
    *(TradeDecision, TradeDecisionRecord, TradeDecisionRun),
    *(TradeExecution, ExecutionFill, AlpacaOrder),
    *(ApiCallLog, ApiPayload),
)


class StoredTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the audit trail."""

    table: str
    rows: int | None
    """By the database's own estimate, as are the bytes; a count of long tables would take its time."""

    bytes: int | None


class StorageStats(msgspec.Struct, frozen=True, kw_only=True):
    """How much the audit trail holds, as of a moment."""

    tables: ClassVar[tuple[str, ...]] = ("audit_tables",)

    at: datetime
    audit_tables: tuple[StoredTable, ...]
    oldest_payload_at: datetime | None
    """Of the payloads whose bodies are kept."""

    oldest_payload_days: int | None
    oldest_decision_at: datetime | None
    oldest_decision_days: int | None
    advice: str | None
    """What to do, where bodies are kept for longer than they need to be."""


def storage_stats(*, now: datetime) -> StorageStats:
    """Tell how much is kept; the numbers of rows are estimates."""
    sizes = {size.table: size for size in table_sizes()}
    found = [(name, sizes.get(name)) for name in (model._meta.db_table for model in TABLES)]
    unpurged = ApiPayload.objects.filter(purged_at=None, size_bytes__gt=0)
    payload = unpurged.order_by("captured_at").values_list("captured_at", flat=True).first()
    decision = TradeDecision.objects.order_by("id").values_list("decided_at", flat=True).first()
    return StorageStats(
        at=now,
        audit_tables=tuple(
            StoredTable(
                table=name, rows=None if size is None else size.rows, bytes=None if size is None else size.bytes
            )
            for name, size in found
        ),
        oldest_payload_at=payload,
        oldest_payload_days=_days(payload, now),
        oldest_decision_at=decision,
        oldest_decision_days=_days(decision, now),
        advice=_advice(payload, now),
    )


def _days(at: datetime | None, now: datetime) -> int | None:
    return None if at is None else (now - at) // timedelta(days=1)


def _advice(oldest: datetime | None, now: datetime) -> str | None:
    if oldest is None or now - oldest <= KEPT:
        return None
    return (
        f"bodies of payloads are kept since {oldest.date().isoformat()}, for longer than two years: "
        f"`manage.py purge_api_payloads --dry-run` tells how many could go; decisions, executions and calls stay"
    )

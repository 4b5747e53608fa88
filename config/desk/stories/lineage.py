"""Lineage: the records that a decision rests on, as they were received, and the runs that brought them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun, records_behind
from audit_trail.decisions.models import TradeDecision
from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, Operation
from audit_trail.ingestion.records import SourceRecord
from audit_trail.payloads.bodies import indented
from audit_trail.payloads.models import ApiCallLog
from config.desk.stories.calls import payload_link
from config.desk.stories.entries import Entry, Link, Rank, row_link

SHOWN = 50
CALLS_SHOWN = 100


class Record(NamedTuple):
    """A record in the version that was known."""

    row: SourceRecord
    used_for: str
    link: Link
    content: str
    """As it was received, indented."""

    runs: list[Link]
    """Which brought this version."""

    payloads: list[Link]
    """In which it came: all that these runs received."""

    superseded_at: datetime | None


class Lineage(NamedTuple):
    records: list[Record]
    has_more: bool
    runs: list[DataIngestionRun]
    """Those that the decision looked through."""


def lineage_of(decision: TradeDecision, *, with_calls: bool) -> Lineage:
    """Tell what a decision rests on, in four statements."""
    links = list(records_behind(decision)[: SHOWN + 1])
    shown = links[:SHOWN]
    runs = [
        link.run
        for link in TradeDecisionRun.objects.filter(trade_decision=decision).select_related("run").order_by("run_id")
    ]
    brought = _brought([link.record_id for link in shown])
    payloads = _payloads({run.run_id for found in brought.values() for run in found}) if with_calls else {}
    return Lineage(
        records=[_record(link, brought.get(link.record_id, []), payloads) for link in shown],
        has_more=len(links) > SHOWN,
        runs=runs,
    )


def run_link(run: DataIngestionRun) -> Link:
    return row_link(run, f"run {run.pk} of {run.task_name}")


def ran(runs: Iterable[DataIngestionRun]) -> list[Entry]:
    """When each run that was looked through had fetched what it did."""
    return [
        Entry(
            at=run.completed_at or run.failed_at or run.started_at,
            kind="run",
            sentence=f"Run {run.pk} ({run.task_name}) of {run.data_source} was {run.status}, begun "
            f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC: {run.records_fetched} records fetched, {run.records_created} of "
            f"them new, {run.records_updated} told otherwise than before.",
            links=(run_link(run),),
            rank=Rank.DECIDED,
        )
        for run in runs
    ]


def _brought(records: Collection[int]) -> dict[int, list[DataIngestionRun]]:
    """By record, the runs that created this version of it."""
    rows = DataIngestionRunRecord.objects.filter(
        record__in=records, operation__in=[Operation.CREATED, Operation.UPDATED]
    ).select_related("run")
    found: dict[int, list[DataIngestionRun]] = {}
    for row in rows.order_by("pk"):
        found.setdefault(row.record_id, []).append(row.run)
    return found


def _payloads(runs: Collection[UUID]) -> dict[UUID, list[Link]]:
    calls = ApiCallLog.objects.filter(run_id__in=runs, response_payload__isnull=False).order_by("pk")
    found: dict[UUID, list[Link]] = {}
    for run, payload in calls.values_list("run_id", "response_payload_id")[:CALLS_SHOWN]:
        if run is not None:
            found.setdefault(run, []).append(payload_link(payload))
    return found


def _record(
    link: TradeDecisionRecord, runs: Collection[DataIngestionRun], payloads: Mapping[UUID, list[Link]]
) -> Record:
    row: SourceRecord = link.record
    return Record(
        row=row,
        used_for=link.role,
        link=row_link(row, f"{row.kind.replace('_', ' ')} {row.pk}"),
        content=indented(row.row),
        runs=[run_link(run) for run in runs],
        payloads=[payload for run in runs for payload in payloads.get(run.run_id, [])],
        superseded_at=row.superseded_at,
    )

"""Storing: a batch becomes records, in the transaction in which its run is completed.

Whoever calls this holds the run of its kind, of which there is one at a time; if not, the database refuses the second
version of the same number, and the whole transaction with it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.db.models import F

from audit_trail.ingestion.batches import Batch, ReadRow, RecordKind
from audit_trail.ingestion.models import Counts, DataIngestionRun, DataIngestionRunRecord, Operation, ParkedRow
from audit_trail.ingestion.records import SourceRecord

T = TypeVar("T")

LOOKED_UP_AT_ONCE = 500
WRITTEN_AT_ONCE = 2000

_COLUMNS = ("key", "id", "occurrence", "version", "content", "detail")


def store(run: DataIngestionRun, batch: Batch, *, at: datetime) -> Counts:
    """Write the records of a batch and what the run did with each. Call it within the transaction of the run's end."""
    plan = _plan(batch, at)
    _write(run, batch.kind, plan)
    _park(run, batch, at=at)
    return Counts(len(plan.created), len(plan.updated), len(plan.skipped), len(batch.bad))


@dataclass
class _Plan:
    at: datetime
    created: list[tuple[SourceRecord, ReadRow]] = field(default_factory=list)
    updated: list[tuple[SourceRecord, ReadRow]] = field(default_factory=list)
    superseded: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Held:
    """The current version of a record that we hold."""

    id: int
    occurrence: int
    version: int
    content: str
    detail: str | None


def _plan(batch: Batch, at: datetime) -> _Plan:
    """Tell for each row whether it is a new record, a new version of one, or one that is as before."""
    told: dict[str, list[ReadRow]] = defaultdict(list)
    for row in batch.read:
        told[row.key_hash].append(row)
    held = _held(batch.kind, told)
    plan = _Plan(at=at)
    for key, rows in told.items():
        _plan_key(plan, batch.kind, key, rows, held.get(key, []))
    return plan


def _held(kind: RecordKind, keys: Iterable[str]) -> dict[str, list[_Held]]:
    held: dict[str, list[_Held]] = defaultdict(list)
    for some in _in_parts(list(keys), LOOKED_UP_AT_ONCE):
        rows = SourceRecord.objects.current().filter(kind=kind.name, key__in=some).order_by("occurrence")
        for key, pk, occurrence, version, content, detail in rows.values_list(*_COLUMNS):
            held[key].append(_Held(pk, occurrence, version, content, detail))
    return held


def _plan_key(plan: _Plan, kind: RecordKind, key: str, rows: Sequence[ReadRow], held: Sequence[_Held]) -> None:
    """Pair the rows of one key with the records that we hold of it: those that are alike first, then by their detail.

    A record that the source does not tell any more stays: it was told, and decisions may rest on it.
    """
    left, new = list(held), []
    for row in rows:
        alike = next((one for one in left if one.content == row.content_hash), None)
        if alike is None:
            new.append(row)
        else:
            left.remove(alike)
            plan.skipped.append(alike.id)
    next_occurrence = max((one.occurrence for one in held), default=0) + 1
    for row in new:
        former = next((one for one in left if _may_be_same(one.detail, row.detail)), None)
        if former is None:
            plan.created.append((_record(kind, key, row, next_occurrence, 1, plan.at), row))
            next_occurrence += 1
        else:
            left.remove(former)
            plan.superseded.append(former.id)
            plan.updated.append((_record(kind, key, row, former.occurrence, former.version + 1, plan.at), row))


def _may_be_same(one: str | None, other: str | None) -> bool:
    return one == other or one is None or other is None


def _record(kind: RecordKind, key: str, row: ReadRow, occurrence: int, version: int, at: datetime) -> SourceRecord:
    return SourceRecord(
        kind=kind.name,
        key=key,
        occurrence=occurrence,
        version=version,
        content=row.content_hash,
        detail=row.detail,
        symbol=row.symbol,
        disclosed_on=row.disclosed_on,
        known_at=at,
        row=row.row,
    )


def _write(run: DataIngestionRun, kind: RecordKind, plan: _Plan) -> None:
    # The former version first: there is one current at a time.
    for some in _in_parts(plan.superseded, LOOKED_UP_AT_ONCE):
        SourceRecord.objects.filter(pk__in=some).update(superseded_at=plan.at)
    fresh = [*plan.created, *plan.updated]
    SourceRecord.objects.bulk_create([record for record, _ in fresh], batch_size=WRITTEN_AT_ONCE)
    manager: models.Manager[Any] = kind.model._default_manager
    manager.bulk_create(
        [kind.model(record_id=record.pk, **row.columns) for record, row in fresh], batch_size=WRITTEN_AT_ONCE
    )
    done = [
        *((record.pk, Operation.CREATED) for record, _ in plan.created),
        *((record.pk, Operation.UPDATED) for record, _ in plan.updated),
        *((record, Operation.SKIPPED) for record in plan.skipped),
    ]
    DataIngestionRunRecord.objects.bulk_create(
        [DataIngestionRunRecord(run=run, record_id=record, operation=operation) for record, operation in done],
        batch_size=WRITTEN_AT_ONCE,
    )


def _park(run: DataIngestionRun, batch: Batch, *, at: datetime) -> None:
    """Keep what could not be read, and settle what can be by now."""
    kind = batch.kind
    waiting = ParkedRow.objects.filter(kind=kind.name, settled_at=None)
    if waiting.exists():
        readable = {kind.mark_of(row.row) for row in batch.read}
        settled = [pk for pk, mark in waiting.values_list("pk", "mark") if mark in readable]
        for some in _in_parts(settled, LOOKED_UP_AT_ONCE):
            ParkedRow.objects.filter(pk__in=some).update(settled_at=at)
    for bad in batch.bad:
        mark = kind.mark_of(bad.row)
        met = ParkedRow.objects.filter(kind=kind.name, mark=mark).update(
            reason=bad.reason, last_run=run, last_met_at=at, times=F("times") + 1, settled_at=None
        )
        if not met:
            ParkedRow.objects.create(
                kind=kind.name,
                mark=mark,
                row=bad.row,
                reason=bad.reason,
                first_run=run,
                last_run=run,
                first_met_at=at,
                last_met_at=at,
            )


def _in_parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]

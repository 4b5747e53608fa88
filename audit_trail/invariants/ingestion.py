"""Ingestion: each record came by a run that completed, each run did what it counts, and versions follow each other."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import Count

from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, Operation, RunStatus
from audit_trail.ingestion.records import SourceRecord
from trading.invariants.looking import Look
from trading.invariants.violations import Wrong, invariant

BROUGHT = (Operation.CREATED, Operation.UPDATED)


@invariant("I14")
def record_has_its_run(look: Look) -> Iterator[Wrong]:
    """Each version of a record was brought by one run, which completed: nothing of a run that failed is there."""
    for records in look.pages(_records(look)):
        brought: defaultdict[int, list[Any]] = defaultdict(list)
        rows = DataIngestionRunRecord.objects.filter(record__in=records, operation__in=BROUGHT).select_related("run")
        for row in rows:
            brought[row.record_id].append(row)
        for record in records:
            runs = brought[record.pk]
            expected = Operation.CREATED if record.version == 1 else Operation.UPDATED
            if len(runs) != 1:
                yield _wrong(record, "one run that brought it", f"{len(runs)}")
            elif runs[0].operation != expected:
                yield _wrong(record, f"{expected} by its run, as version {record.version}", runs[0].operation)
            for row in runs:
                if row.run.status != RunStatus.COMPLETED:
                    yield _wrong(record, "a run that completed", f"run {row.run_id}, {row.run.status}")


@invariant("I14")
def versions_follow_each_other(look: Look) -> Iterator[Wrong]:
    """A later version of a record begins when the one before it ended, and none is missing between them."""
    for records in look.pages(_records(look).filter(version__gt=1)):
        before = {
            (row.kind, row.key, row.occurrence, row.version): row
            for row in SourceRecord.objects.filter(key__in={record.key for record in records}).defer("row")
        }
        for record in records:
            former = before.get((record.kind, record.key, record.occurrence, record.version - 1))
            if former is None:
                yield _wrong(record, f"version {record.version - 1} before it", "none")
            elif former.superseded_at != record.known_at:
                expected = f"version {former.version} superseded at {record.known_at.isoformat()}, when it came"
                yield _wrong(record, expected, f"{former.superseded_at}")


@invariant("I9", "I14")
def run_did_what_it_counts(look: Look) -> Iterator[Wrong]:
    """What a run says it created, updated and skipped is what its records say; of a run that failed there are none."""
    for runs in look.pages(look.begun(DataIngestionRun.objects.all(), "started_at")):
        done: defaultdict[int, Counter[str]] = defaultdict(Counter)
        counted = DataIngestionRunRecord.objects.filter(run__in=runs).values_list("run", "operation")
        for run, operation, count in counted.annotate(Count("pk")):
            done[run][operation] = count
        for row in runs:
            told = {
                Operation.CREATED: row.records_created,
                Operation.UPDATED: row.records_updated,
                Operation.SKIPPED: row.records_skipped,
            }
            for operation, count in told.items():
                if done[row.pk][operation] != count:
                    expected = f"{count} records {operation}, as it counts"
                    yield Wrong(
                        f"run {row.run_id}", expected, f"{done[row.pk][operation]}", "the ingestion runs in the admin"
                    )


def _records(look: Look) -> Any:
    return look.begun(SourceRecord.objects.defer("row"), "known_at")


def _wrong(record: SourceRecord, expected: str, found: str) -> Wrong:
    return Wrong(f"record {record.pk} ({record.kind})", expected, found, "the record and its runs in the admin")

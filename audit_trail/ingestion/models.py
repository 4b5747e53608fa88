"""Runs as rows: one for each fetch from a source, moved on by transitions alone, with the records that came of it."""

import uuid
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec
from django.db import models
from django.db.models import F, Q
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from audit_trail.ingestion.records import SourceRecord


class RunStatus(models.TextChoices):
    """How far a run has come."""

    RUNNING = "running", "running"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"


class Operation(models.TextChoices):
    """What a run did with a record."""

    CREATED = "created", "created"
    UPDATED = "updated", "updated"
    """The source says something else of it than before: a new version."""

    SKIPPED = "skipped", "skipped"
    """It was there, and is as before."""


class Counts(NamedTuple):
    """What came of the rows that were fetched; together they are all of them."""

    created: int = 0
    updated: int = 0
    skipped: int = 0
    parked: int = 0

    @property
    def fetched(self) -> int:
        return self.created + self.updated + self.skipped + self.parked


class DataIngestionRun(ConcurrentTransitionMixin, models.Model):
    """One fetch from a source. Its records are there if it is completed; of one that failed there are none."""

    id = models.BigAutoField(primary_key=True)
    run_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    task_name = models.CharField(max_length=40)
    data_source = models.CharField(max_length=40)
    narrowed_to = models.CharField(
        max_length=60, null=True, help_text="a part of what the source has, as one ticker; empty: all of the window"
    )
    data_date_start = models.DateField(null=True, help_text="the first day of disclosure that was asked for")
    data_date_end = models.DateField(null=True, help_text="the last")
    status = FSMField(max_length=10, choices=RunStatus.choices, default=RunStatus.RUNNING, protected=True)
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    holder = models.CharField(max_length=80, help_text="the process that runs it")
    alive_until = models.DateTimeField(help_text="renewed while it runs; past it, the process is taken for dead")
    records_fetched = models.IntegerField(default=0)
    records_created = models.IntegerField(default=0)
    records_updated = models.IntegerField(default=0)
    records_skipped = models.IntegerField(default=0)
    records_parked = models.IntegerField(default=0, help_text="rows that could not be read, each kept with the reason")
    error_message = models.TextField(null=True)
    error_details = models.TextField(null=True, help_text="as JSON: the error's class, and where it was raised")

    class Meta:
        db_table = "data_ingestion_runs"
        verbose_name = "ingestion run"
        constraints = [
            models.UniqueConstraint(
                fields=["task_name"], condition=Q(status="running"), name="data_ingestion_runs_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(status="running", completed_at=None, failed_at=None, error_message=None)
                | Q(status="completed", completed_at__isnull=False, failed_at=None, error_message=None)
                | Q(status="failed", completed_at=None, failed_at__isnull=False, error_message__isnull=False),
                name="data_ingestion_runs_one_end",
            ),
            models.CheckConstraint(
                condition=Q(status="completed")
                | Q(records_created=0, records_updated=0, records_skipped=0, records_parked=0),
                name="data_ingestion_runs_nothing_in_part",
            ),
            models.CheckConstraint(
                condition=Q(
                    records_fetched=F("records_created")
                    + F("records_updated")
                    + F("records_skipped")
                    + F("records_parked")
                ),
                name="data_ingestion_runs_each_row_accounted_for",
            ),
            models.CheckConstraint(
                condition=Q(records_created__gte=0, records_updated__gte=0)
                & Q(records_skipped__gte=0, records_parked__gte=0),
                name="data_ingestion_runs_counts",
            ),
        ]
        indexes = [
            models.Index(fields=["task_name", "started_at"], name="data_ingestion_runs_task"),
            models.Index(fields=["data_source", "started_at"], name="data_ingestion_runs_source"),
            models.Index(fields=["status", "started_at"], name="data_ingestion_runs_status"),
            models.Index(fields=["started_at", "id"], name="data_ingestion_runs_started"),
        ]

    def __str__(self) -> str:
        return f"{self.task_name} {self.run_id}"

    @property
    def found_nothing(self) -> bool:
        """Whether it is completed and there was nothing to fetch: a finding to be looked at, not a success."""
        return bool(self.status == RunStatus.COMPLETED and self.records_fetched == 0)

    @property
    def duration(self) -> timedelta | None:
        """How long it took; None while it runs."""
        ended_at = self.completed_at or self.failed_at
        return None if ended_at is None else ended_at - self.started_at

    @property
    def window(self) -> tuple[date, date] | None:
        """The first and the last day of disclosure that it asked for."""
        if self.data_date_start is None or self.data_date_end is None:
            return None
        return self.data_date_start, self.data_date_end

    # Transitions. The caller saves, in the transaction in which the records are written.

    @transition(field=status, source=RunStatus.RUNNING, target=RunStatus.COMPLETED)
    def complete(self, counts: Counts, *, at: datetime) -> None:
        self.completed_at = at
        self.records_fetched = counts.fetched
        self.records_created, self.records_updated = counts.created, counts.updated
        self.records_skipped, self.records_parked = counts.skipped, counts.parked

    @transition(field=status, source=RunStatus.RUNNING, target=RunStatus.FAILED)
    def fail(self, message: str, *, at: datetime, details: dict[str, object] | None = None) -> None:
        self.failed_at = at
        self.error_message = message.replace("\0", "�") or "no reason was given"
        self.error_details = None if details is None else msgspec.json.encode(details).decode()


class DataIngestionRunRecord(models.Model):
    """What a run did with a record; the very version of it that the run found or made."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(DataIngestionRun, on_delete=models.PROTECT, related_name="records", db_index=False)
    record = models.ForeignKey(SourceRecord, on_delete=models.PROTECT, related_name="runs", db_index=False)
    operation = models.CharField(max_length=7, choices=Operation.choices)

    class Meta:
        db_table = "data_ingestion_run_records"
        verbose_name = "record of a run"
        verbose_name_plural = "records of runs"
        constraints = [
            models.UniqueConstraint(fields=["record", "run"], name="data_ingestion_run_records_once"),
            models.CheckConstraint(
                condition=Q(operation__in=["created", "updated", "skipped"]),
                name="data_ingestion_run_records_operation",
            ),
        ]
        indexes = [models.Index(fields=["run", "id"], name="data_ingestion_run_records_run")]

    def __str__(self) -> str:
        return f"{self.operation} {self.record_id}"


class ParkedRow(models.Model):
    """A row of a source that could not be read. It is kept whole, until a later run reads it."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40, help_text="of which record it would be")
    mark = models.CharField(max_length=64, help_text="SHA-256 of the row without what changes from day to day")
    row = models.TextField(help_text="as it was received first")
    reason = models.TextField()
    first_run = models.ForeignKey(DataIngestionRun, on_delete=models.PROTECT, related_name="parked_first")
    last_run = models.ForeignKey(DataIngestionRun, on_delete=models.PROTECT, related_name="parked_last")
    times = models.IntegerField(default=1)
    first_met_at = models.DateTimeField()
    last_met_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, help_text="when a run could read it")

    class Meta:
        db_table = "parked_rows"
        verbose_name = "parked row"
        constraints = [models.UniqueConstraint(fields=["kind", "mark"], name="parked_rows_once")]
        indexes = [models.Index(fields=["kind"], condition=Q(settled_at=None), name="parked_rows_open")]

    def __str__(self) -> str:
        return f"{self.kind} {self.mark[:8]}"

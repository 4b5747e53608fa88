"""Running: a fetch from a source, wrapped in a run that is on record from before its first call.

    with ingesting("congress", "quiverquant_congress") as run:
        run.keep(batch)  # after the network; nothing is written here

The run is committed as running before the body begins. What the body keeps is written after it, together with the run's
completion, in one transaction: the records of a run are all there, or it has none. Where the body fails, the run is
committed as failed with its error, and its calls, which were committed one by one, stay.

One run of a task is under way at a time. A process that dies leaves its run running; the next start ends it, once its
lease is over or its process is known to be gone. Were it alive after all, it finds its run ended and writes nothing.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, close_old_connections, transaction
from django.utils import timezone
from django_fsm import ConcurrentTransition

from audit_trail.ingestion import findings
from audit_trail.ingestion.batches import Batch
from audit_trail.ingestion.models import Counts, DataIngestionRun, RunStatus
from audit_trail.ingestion.storing import store
from trading.conductor.processes import is_gone, process_name

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

LEASE = timedelta(minutes=10)
"""How long a run may give no sign before it is taken for dead: longer than any one call and its waits."""

FRAMES_KEPT = 10


class AlreadyRunning(Exception):
    """A run of this task is under way in a process that is alive. Wait until it has ended."""


class RunEnded(Exception):
    """Another process took this run for dead and ended it. Nothing was written; begin another."""


class OpenRun:
    """A run under way."""

    def __init__(self, row: DataIngestionRun, clock: Clock) -> None:
        self._row, self._clock = row, clock
        self._batches: list[Batch] = []
        self.run_id = row.run_id

    def beat(self) -> None:
        """Say that we are alive. Call it before each call to the source. Raises RunEnded."""
        alive = DataIngestionRun.objects.filter(pk=self._row.pk, status=RunStatus.RUNNING)
        if not alive.update(alive_until=self._clock() + LEASE):
            raise RunEnded(f"expected {self._row} to be running, found that another process has ended it")

    def keep(self, batch: Batch) -> None:
        """Take note of what was fetched; it is written when the body has ended. Raises TooManyUnreadable."""
        batch.refuse_if_changed()
        self._batches.append(batch)

    def _complete(self) -> None:
        with transaction.atomic(durable=True):
            row: DataIngestionRun = DataIngestionRun.objects.select_for_update().get(pk=self._row.pk)
            if row.status != RunStatus.RUNNING:
                raise RunEnded(f"expected {row} to be running, was {row.status}: {row.error_message}")
            at = self._clock()
            counts = [store(row, batch, at=at) for batch in self._batches]
            row.complete(Counts(*map(sum, zip(*counts, strict=True))) if counts else Counts(), at=at)
            row.save()
            findings.of_completed(row)


@contextmanager
def ingesting(
    task: str,
    source: str,
    *,
    window: tuple[date, date] | None = None,
    narrowed_to: str | None = None,
    clock: Clock = timezone.now,
) -> Iterator[OpenRun]:
    """Wrap a fetch in a run. Raises AlreadyRunning, and whatever the body raises, after it is on record."""
    end_abandoned(now=clock())
    run = OpenRun(_start(task, source, window, narrowed_to, clock()), clock)
    try:
        yield run
        run._complete()
    except BaseException as error:  # a run that was stopped by hand has failed too
        _fail(run, error, at=clock())
        raise


def end_abandoned(*, now: datetime) -> list[DataIngestionRun]:
    """End the runs whose processes are dead, and return them. Those of live processes are left alone."""
    ended = []
    for pk in DataIngestionRun.objects.filter(status=RunStatus.RUNNING).values_list("pk", flat=True):
        with transaction.atomic(durable=True):
            row = DataIngestionRun.objects.select_for_update().filter(pk=pk, status=RunStatus.RUNNING).first()
            if row is None or not _is_dead(row, now):
                continue
            row.fail(
                f"the process {row.holder} ended, or gave no sign, while the run was under way: its calls are on "
                "record, and nothing of it was stored",
                at=now,
            )
            row.save()
            findings.of_failed(row)
        log.warning("Ingestion run ended that its process left", task=row.task_name, run=str(row.run_id))
        ended.append(row)
    return ended


def _is_dead(row: DataIngestionRun, now: datetime) -> bool:
    return row.alive_until <= now or is_gone(row.holder)


def _start(
    task: str, source: str, window: tuple[date, date] | None, narrowed_to: str | None, now: datetime
) -> DataIngestionRun:
    first, last = window or (None, None)
    try:
        with transaction.atomic(durable=True):
            row: DataIngestionRun = DataIngestionRun.objects.create(
                task_name=task,
                data_source=source,
                data_date_start=first,
                data_date_end=last,
                narrowed_to=narrowed_to,
                started_at=now,
                holder=process_name(),
                alive_until=now + LEASE,
            )
    except IntegrityError:
        other = DataIngestionRun.objects.filter(task_name=task, status=RunStatus.RUNNING).first()
        if other is None:
            raise
        raise AlreadyRunning(
            f"expected no other run of {task}, found one of {other.holder} from {other.started_at.isoformat()} that "
            f"gave a sign of life; it is taken for dead at {other.alive_until.isoformat()} unless it gives another"
        ) from None
    return row


def _fail(run: OpenRun, error: BaseException, *, at: datetime) -> None:
    """Commit that a run has failed; where even that can't be done, the next start will."""
    told = f"{type(error).__name__}: {error}"
    log.error("Ingestion run failed", task=run._row.task_name, run=str(run.run_id), error=told)
    try:
        with transaction.atomic(durable=True):
            row = DataIngestionRun.objects.select_for_update().filter(pk=run._row.pk, status=RunStatus.RUNNING).first()
            if row is not None:
                row.fail(told, at=at, details={"class": type(error).__qualname__, "backtrace": _backtrace(error)})
                row.save()
                findings.of_failed(row)
    except (DatabaseError, InterfaceError, ConcurrentTransition) as trouble:
        log.warning("Failure of a run not stored", run=str(run.run_id), error=f"{type(trouble).__name__}: {trouble}")
        close_old_connections()


def _backtrace(error: BaseException) -> list[str]:
    """Where it was raised, innermost last, without the lines themselves: these may name what is secret."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_KEPT:]
    return [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames]

"""Rebuilding: views made again from the log beside the live ones, and then put in their place.

A group of views is filled, in the order of numbers, into shadows of its tables; each batch is one commit with the
checkpoint, so a run that died is gone on with. Appends go on meanwhile, into the live tables. For the swap these are
locked for a moment: whoever has written to them has committed then, and whoever has not waits. So what can be read now
is what the live tables hold; the last of it is projected, the shadows take the live names, and the appends that waited
write into them.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import F

from eventstore.following import events_between, settled
from eventstore.models import Rebuild
from eventstore.projections import Projector, Views, registered_views
from eventstore.reading import last_number
from eventstore.recorded import Recorded
from eventstore.shadows.copies import shadow_model
from eventstore.shadows.naming import shadow_of
from eventstore.shadows.tables import shadows

BATCH = 2000
# Shorter than what an append waits, and than the server takes to look for deadlocks: of the two, we give up.
LOCK_WAIT_MS = 300
LOCK_TRIES = 40

Progress = Callable[[int, int], None]


class NoSuchViews(LookupError):
    """No group of views, and no table of one, has the name. `manage.py rebuild_views --list` shows those there are."""


class RebuiltElsewhere(Exception):
    """Another process rebuilds these views. Let it finish, or stop it; then begin again, which goes on from there."""


class StillInUse(Exception):
    """The live tables were held too long by others to be swapped. What was built is kept: begin again to go on."""


def views_named(name: str) -> Views:
    """Return the group of views with a name, or that a table with the name is of. Raises NoSuchViews."""
    for views in registered_views():
        if name == views.name or name in tables_of(views):
            return views
    known = ", ".join(f"{views.name} ({', '.join(tables_of(views))})" for views in registered_views())
    raise NoSuchViews(f"expected the name of views or of one of their tables, was {name!r}: there are {known}")


def tables_of(views: Views) -> list[str]:
    return [model._meta.db_table for model in views.tables]


class Building:
    """One group of views, as far as it was made again. Begun anew where the projectors or the tables changed since."""

    def __init__(self, views: Views, *, now: datetime, batch: int = BATCH) -> None:
        self.views = views
        self.tables = tables_of(views)
        self.models = [shadow_model(model) for model in views.tables]
        self._projectors: Sequence[Projector] = views.projectors(*self.models)
        self._kinds = {projector.aggregate_type for projector in self._projectors}
        self._batch = batch
        self.row, self.found = self._find_or_begin(now)

    def build(self, progress: Progress = lambda done, up_to: None) -> None:
        """Project what is settled, batch by batch. Raises RebuiltElsewhere."""
        while self.row.checkpoint < (up_to := settled()):
            with transaction.atomic(durable=True):
                self._take(up_to)
            progress(self.row.checkpoint, up_to)

    def catch_up_in_this_transaction(self) -> None:
        """Project all that this transaction can read, though lower numbers may still be committed by others."""
        last = last_number()
        while self.row.checkpoint < last:
            self._take(last)

    def discard(self) -> None:
        """Drop what was built."""
        with transaction.atomic(), connection.cursor() as cursor:
            self._drop(cursor)
            self.row.delete()

    def _take(self, up_to: int) -> None:
        before = self.row.checkpoint
        events = events_between(before, up_to, limit=self._batch, aggregate_types=self._kinds)
        checkpoint = events[-1].number if len(events) == self._batch else up_to
        moved = Rebuild.objects.filter(pk=self.row.pk, checkpoint=before, started_at=self.row.started_at).update(
            checkpoint=checkpoint, events_done=F("events_done") + len(events)
        )
        if not moved:
            raise RebuiltElsewhere(f"{self.views.name} are rebuilt by another process: let it finish, or stop it")
        project_in_order(self.views, self._projectors, events)
        self.row.checkpoint = checkpoint
        self.row.events_done += len(events)

    def _find_or_begin(self, now: datetime) -> tuple[Rebuild, bool]:
        with transaction.atomic(), connection.cursor() as cursor:
            shape = shadows().shape(cursor, self.tables)
            found = Rebuild.objects.select_for_update().filter(pk=self.views.name).first()
            if found is not None and (found.version, found.shape) == (self.views.version, shape):
                return found, True
            self._drop(cursor)
            Rebuild.objects.filter(pk=self.views.name).delete()
            for table in self.tables:
                shadows().create(cursor, table, shadow_of(table))
            row = Rebuild(name=self.views.name, version=self.views.version, shape=shape, started_at=now)
            row.save(force_insert=True)
            return row, False

    def _drop(self, cursor: Any) -> None:
        for table in self.tables:
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(shadow_of(table))}")


def rebuild(
    building: Building,
    *,
    progress: Progress = lambda done, up_to: None,
    pause: Callable[[], None] = lambda: None,
) -> None:
    """Build a group of views to the log's end and put it in the live one's place. Raises StillInUse.

    `pause` is called before the lock is asked for again.
    """
    for _ in range(LOCK_TRIES):
        building.build(progress)
        with connection.cursor() as cursor:
            for table in building.tables:
                shadows().analyze(cursor, shadow_of(table))
        try:
            _swap(building)
        except OperationalError as error:
            if not _was_waiting(error):
                raise
            pause()
            continue
        return
    raise StillInUse(
        f"{', '.join(building.tables)} could not be locked within {LOCK_WAIT_MS} ms, {LOCK_TRIES} times: "
        "look for a transaction that is open for long (pg_stat_activity), and begin again, which goes on from here"
    )


def _swap(building: Building) -> None:
    checkpoint, done = building.row.checkpoint, building.row.events_done
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            shadows().lock(cursor, building.tables, wait_ms=LOCK_WAIT_MS)
            building.catch_up_in_this_transaction()
            for table in building.tables:
                shadows().put_in_place(cursor, table, shadow_of(table))
            building.row.delete()
    except BaseException:
        building.row.pk, building.row.checkpoint, building.row.events_done = building.views.name, checkpoint, done
        raise


def _was_waiting(error: OperationalError) -> bool:
    # What PostgreSQL calls lock_not_available, and SQLite a busy database.
    return getattr(error.__cause__, "sqlstate", None) == "55P03" or "locked" in str(error)


def project_in_order(views: Views, projectors: Sequence[Projector], events: Sequence[Recorded]) -> None:
    """Project events as if each had been appended by itself, in as few batches as come to the same."""
    for run in runs(events, views.begins_run):
        for projector in projectors:
            if projector.aggregate_type == run[0].aggregate_type:
                projector.project(run)


def runs(events: Sequence[Recorded], begins_run: Callable[[Recorded], bool]) -> Iterator[list[Recorded]]:
    """Split events into runs of one kind, each of which may be projected at once."""
    for _, of_a_kind in groupby(events, key=lambda event: event.aggregate_type):
        run: list[Recorded] = []
        for event in of_a_kind:
            if run and begins_run(event):
                yield run
                run = []
            run.append(event)
        yield run

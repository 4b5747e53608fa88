"""Catching up: projections that follow the log by checkpoint, each at its own pace and each with its own trouble.

A batch of events is projected in one commit with the checkpoint, which moves only from where it was read; so two
processes at once never project an event twice, and a crash leaves rows and checkpoint alike. A batch that fails is
gone through event by event: what went well is kept, and the one that fails is named. The projection then waits, longer
each time, and tries again by itself.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from django.db import transaction
from django.db.models import F, QuerySet

from eventstore.following import events_between, settled
from eventstore.models import Projection, StoredEvent
from eventstore.recorded import Recorded

log = structlog.get_logger(__name__)

BATCH = 2000
SHORTEST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=15)
LONGEST_ERROR = 2000


class CatchUpProjector(Protocol):
    """Keeps a view that may be behind. Its name and its version are its identity: a new version starts at the log's
    beginning, with tables of its own, and the one before it goes on as long as it is registered."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def aggregate_types(self) -> Collection[str] | None:
        """The kinds of aggregates whose events it is given; None for all."""
        ...

    def project(self, batch: Sequence[Recorded], /) -> None:
        """Write what a batch of events, oldest first, means. It is called in the transaction that moves the checkpoint,
        and again with the same events after an error, so it touches nothing but the database."""
        ...


class ProjectionTwice(TypeError):
    """Another catch-up projector has the name and the version. Choose another one."""


class NoSuchProjection(LookupError):
    """No projection has the name. `manage.py projections` lists those that there are."""


_REGISTERED: dict[tuple[str, int], CatchUpProjector] = {}


def register_catching_up(projector: CatchUpProjector) -> None:
    """Let a projector be given turns by every Follower."""
    key = projector.name, projector.version
    if _REGISTERED.setdefault(key, projector) is not projector:
        raise ProjectionTwice(f"a catch-up projector named {key[0]!r} of version {key[1]} is registered already")


def catching_up() -> tuple[CatchUpProjector, ...]:
    """Return the registered projectors, in their order."""
    return tuple(_REGISTERED.values())


class Follower:
    """Gives every catch-up projector its turns. What one of them raises is its own trouble and no other's."""

    name = "follower"

    def __init__(
        self, projectors: Callable[[], Sequence[CatchUpProjector]] = catching_up, *, batch: int = BATCH
    ) -> None:
        self._projectors, self._batch = projectors, batch

    def run_once(self, *, now: datetime) -> bool:
        """Give each projector one batch. Return whether there may be more at once."""
        turns = [take_turn(projector, now=now, batch=self._batch) for projector in self._projectors()]
        return any(turns)


def catch_up(projector: CatchUpProjector, *, now: datetime, batch: int = BATCH) -> None:
    """Bring a projection to where the log is settled, or to the event that it fails at."""
    while take_turn(projector, now=now, batch=batch):
        pass


def take_turn(projector: CatchUpProjector, *, now: datetime, batch: int = BATCH) -> bool:
    """Project one batch, in one commit. Return whether there may be more at once."""
    row, _ = Projection.objects.get_or_create(
        name=projector.name, version=projector.version, defaults={"updated_at": now}
    )
    if row.status == Projection.Status.PAUSED or (row.next_retry_at is not None and row.next_retry_at > now):
        return False
    up_to = settled()
    if row.checkpoint >= up_to:
        if row.status != Projection.Status.ACTIVE:
            _of(row).update(status=Projection.Status.ACTIVE, updated_at=now, **_SOUND)
        return False
    turn = _Turn(projector, row, up_to, now)
    try:
        return turn.take(batch)
    except _Overtaken:
        return False  # Another process projects it, or an operator paused it: nothing of ours was kept.
    except Exception as error:  # noqa: BLE001  # whatever it is, it is this projection's alone, and is shown
        log.warning("Projection batch failed, going on event by event", projection=str(row), error=_text(error))
    return turn.take_one_by_one(batch)


def pause(name: str, *, now: datetime) -> list[Projection]:
    """Let a projection, of whichever versions, stand still until it is resumed. Raises NoSuchProjection."""
    return _set(name, now, status=Projection.Status.PAUSED, next_retry_at=None)


def resume(name: str, *, now: datetime) -> list[Projection]:
    """Let a projection that failed or was paused go on at once, from its checkpoint. Raises NoSuchProjection."""
    return _set(name, now, status=Projection.Status.BOOTING, **_SOUND)


def _set(name: str, now: datetime, **fields: Any) -> list[Projection]:
    for projector in catching_up():
        if projector.name == name:
            Projection.objects.get_or_create(name=name, version=projector.version, defaults={"updated_at": now})
    rows = Projection.objects.filter(name=name).order_by("version")
    if not rows.update(updated_at=now, **fields):
        raise NoSuchProjection(f"no projection is named {name!r}: `manage.py projections` lists those that there are")
    return list(rows.all())


class _Overtaken(Exception):
    """The checkpoint is not where it was read."""


_SOUND: dict[str, Any] = {
    "attempts": 0,
    "next_retry_at": None,
    "last_error": None,
    "failed_number": None,
}


class _Turn:
    """One projector's turn, from the checkpoint that was read."""

    def __init__(self, projector: CatchUpProjector, row: Projection, up_to: int, now: datetime) -> None:
        self._projector, self._row, self._up_to, self._now = projector, row, up_to, now

    def take(self, limit: int) -> bool:
        """Project the next events in one commit."""
        events = self._read(limit)
        # What follows the last of them is of no kind that it follows, so it need not be looked at again.
        self._commit(events, checkpoint=events[-1].number if len(events) == limit else self._up_to)
        return self._row.checkpoint < self._up_to

    def take_one_by_one(self, limit: int) -> bool:
        """Project the next events in a commit each, up to the one that fails."""
        try:
            for _ in range(limit):
                if self._row.checkpoint >= self._up_to:
                    return False
                self.take(1)
        except _Overtaken:
            return False
        except Exception as error:  # noqa: BLE001  # as above
            self._fail(error)
            return False
        return True

    def _read(self, limit: int) -> list[Recorded]:
        return events_between(
            self._row.checkpoint, self._up_to, limit=limit, aggregate_types=self._projector.aggregate_types
        )

    def _commit(self, events: Sequence[Recorded], *, checkpoint: int) -> None:
        status = Projection.Status.ACTIVE if checkpoint >= self._up_to else Projection.Status.BOOTING
        if self._row.status == Projection.Status.ACTIVE:
            status = Projection.Status.ACTIVE  # Once it has come to the log's end, it is behind now and then.
        with transaction.atomic(durable=True):
            # First, so that of two processes one waits here, and then finds that it has nothing to do.
            moved = _of(self._row).update(
                checkpoint=checkpoint,
                status=status,
                events_done=F("events_done") + len(events),
                updated_at=self._now,
                **_SOUND,
            )
            if not moved:
                raise _Overtaken
            if events:
                self._projector.project(events)
        self._row.checkpoint, self._row.status, self._row.attempts = checkpoint, status, 0

    def _fail(self, error: Exception) -> None:
        number, told = self._poison(error)
        attempts = self._row.attempts + 1
        wait = min(SHORTEST_WAIT * (1 << min(attempts - 1, 20)), LONGEST_WAIT)
        _of(self._row).update(
            status=Projection.Status.FAILED,
            attempts=attempts,
            next_retry_at=self._now + wait,
            last_error=told[:LONGEST_ERROR],
            failed_number=number,
            updated_at=self._now,
        )
        log.error(
            "Projection failed", projection=str(self._row), attempts=attempts, wait_seconds=wait.seconds, error=told
        )

    def _poison(self, error: Exception) -> tuple[int | None, str]:
        """Name the event that the projection stands before: it failed in reading it, or in projecting it."""
        event = next_event(self._row.checkpoint, self._up_to, self._projector.aggregate_types)
        if event is None:
            return None, _text(error)
        return event.number, f"event {event.number}, {event}: {_text(error)}"


def next_event(checkpoint: int, up_to: int, aggregate_types: Collection[str] | None) -> StoredEvent | None:
    """Return the next event that a projection is to be given, as it is stored and without its data."""
    rows = StoredEvent.objects.filter(number__gt=checkpoint, number__lte=up_to).order_by("number")
    if aggregate_types is not None:
        rows = rows.filter(aggregate_type__in=aggregate_types)
    return rows.only("number", "type", "aggregate_type", "aggregate_id", "version", "recorded_at").first()


def _of(row: Projection) -> "QuerySet[Projection]":
    """The row, if its checkpoint still is where it was read and nobody paused it."""
    return Projection.objects.filter(pk=row.pk, checkpoint=row.checkpoint).exclude(status=Projection.Status.PAUSED)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

"""Replaying: every stored stream through today's code, to learn which of them would break.

Each event is decoded, with its upcasters, and evolved; and where a stream has a snapshot, the state there must be the
snapshot's, so that snapshot and tail are the whole replay. Nothing is written, so a connection that can only read will
do, and memory holds one page of events however long the log is.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from django.db import connection

from eventstore.aggregates import Aggregate, registered_aggregates
from eventstore.codec import CannotDecode, decode, decode_value
from eventstore.databases import Row, database
from eventstore.reading import aggregate_types

PAGE = 1000


class Broken(NamedTuple):
    """A stream that today's code can't replay: where it breaks first, and with what."""

    aggregate_type: str
    aggregate_id: str
    version: int
    number: int
    type: str
    error: str


class Replay:
    """One run over the log. Read `broken` to its end; the counts are right after that."""

    def __init__(
        self,
        *,
        kinds: Collection[str] | None = None,
        limit: int | None = None,
        progress: Callable[[int], None] = lambda events: None,
    ) -> None:
        """Replay streams of these kinds only, if named; at most `limit` streams; `progress` is told the events done."""
        self.events = 0
        self.streams = 0
        self.snapshots = 0
        """How many snapshots were held against the replayed state."""
        self.unreadable_snapshots = 0
        """How many can't be read: they are ignored when a stream is loaded, and taken anew."""
        self._kinds, self._limit, self._progress = kinds, limit, progress

    def broken(self) -> Iterator[Broken]:
        """Yield every stream that breaks, by kind and id."""
        for kind in aggregate_types():
            if self._kinds is None or kind in self._kinds:
                yield from self._broken_of(kind)

    def _broken_of(self, kind: str) -> Iterator[Broken]:
        aggregate = registered_aggregates().get(kind)
        current: _Stream | None = None
        for page in _pages(kind):
            snapshots = {} if aggregate is None else _snapshots(aggregate, {row.aggregate_id for row in page})
            for row in page:
                if current is None or row.aggregate_id != current.id:
                    if self.streams == self._limit:
                        return
                    self.streams += 1
                    current = _Stream(aggregate, row.aggregate_id, self._snapshot(snapshots.get(row.aggregate_id)))
                self.events += 1
                if current.broken:
                    continue  # What comes after the first break tells nothing new.
                if (error := current.take(row)) is not None:
                    yield Broken(kind, row.aggregate_id, row.version, row.number, row.type, error)
                elif current.at_snapshot:
                    self.snapshots += 1
            self._progress(self.events)

    def _snapshot(self, found: "_Snapshot | None") -> "_Snapshot | None":
        if found is not None and found.state is None:
            self.unreadable_snapshots += 1
            return None
        return found


class _Snapshot(NamedTuple):
    version: int
    state: Any
    """None where it can't be read."""


class _Stream:
    """A stream as far as it was replayed."""

    def __init__(self, aggregate: type[Aggregate] | None, id: str, snapshot: _Snapshot | None) -> None:
        self.id = id
        self.broken = False
        self.at_snapshot = False
        self._aggregate, self._snapshot = aggregate, snapshot
        self._state: Any = None
        self._version = 0

    def take(self, row: Row) -> str | None:
        """Go on with the next event. Return what is wrong with it."""
        error = self._wrong(row)
        self.broken = error is not None
        return error

    def _wrong(self, row: Row) -> str | None:
        if self._aggregate is None:
            return f"no aggregate of type {row.aggregate_type!r} is registered: run the program that wrote it"
        if row.version != self._version + 1:
            return f"expected version {self._version + 1} next, found {row.version}"
        try:
            if self._version == 0:
                self._state = self._aggregate.initial(self.id)
            self._state = self._state.evolve(decode(row.type, row.schema, row.data))
        except Exception as error:  # noqa: BLE001  # whatever it is, it would break the stream, and is told
            return f"{type(error).__name__}: {error}"
        self._version = row.version
        self.at_snapshot = self._snapshot is not None and self._snapshot.version == row.version
        if self._snapshot is not None and self.at_snapshot and self._snapshot.state != self._state:
            return (
                f"the snapshot at this version differs from the replayed state ({self._difference()}): raise "
                f"state_schema of {self._aggregate.__qualname__}, or delete the snapshot if the code was always so"
            )
        return None

    def _difference(self) -> str:
        kept = self._snapshot.state if self._snapshot is not None else None
        names = getattr(self._state, "__struct_fields__", ())
        unlike = [name for name in names if getattr(kept, name) != getattr(self._state, name)]
        return "; ".join(
            f"{name} is {getattr(kept, name)!r} there and {getattr(self._state, name)!r} here" for name in unlike
        )


def _pages(kind: str) -> Iterator[list[Row]]:
    query = (
        f"SELECT {database().columns} FROM events"  # noqa: S608  # columns of ours
        " WHERE aggregate_type = %s AND (aggregate_id, version) > (%s, %s) ORDER BY aggregate_id, version LIMIT %s"
    )
    after = ("", 0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, [kind, *after, PAGE])
            page = [Row._make(row) for row in cursor.fetchall()]
        if not page:
            return
        yield page
        after = (page[-1].aggregate_id, page[-1].version)


def _snapshots(aggregate: type[Aggregate], ids: set[str]) -> dict[str, _Snapshot]:
    with connection.cursor() as cursor:
        rows = database().snapshots(cursor, aggregate.aggregate_type, aggregate.state_schema, sorted(ids))
    return {identity: _Snapshot(version, _state_of(aggregate, data)) for identity, version, data in rows}


def _state_of(aggregate: type[Aggregate], data: str) -> Any:
    try:
        return decode_value(aggregate, data)
    except CannotDecode:
        return None

"""Replaying: every stored stream through today's code, to learn which of them would break.

Each event is decoded, with its upcasters, and evolved; and where a stream has a snapshot, the state there must be the
snapshot's, so that snapshot and tail are the whole replay. Of an event only that is read which a state depends on: the
rest costs as much again. A stream whose beginning lies in an archive is read from there on. Nothing is written, so a
connection that can only read will do, and memory holds one page of events however long the log is.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection

from eventstore.aggregates import Aggregate, registered_aggregates
from eventstore.codec import CannotDecode, decode, decode_value
from eventstore.databases import database
from eventstore.integrity.archives import ArchiveUnreadable, archived_versions
from eventstore.reading import aggregate_types
from eventstore.recorded import Stream

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
        """Replay streams of these kinds only, if named; at most `limit` streams; `progress` is told the events done.

        With a limit, snapshots that are newer than their streams are not looked for.
        """
        self.events = 0
        self.streams = 0
        self.snapshots = 0
        """How many snapshots were held against the replayed state."""
        self.unreadable_snapshots = 0
        """How many can't be read: they are ignored when a stream is loaded, and taken anew."""
        self._kinds, self._limit, self._progress = kinds, limit, progress

    def broken(self) -> Iterator[Broken]:
        """Yield every stream that breaks, by kind and id."""
        aggregates = registered_aggregates()
        stored = aggregate_types()
        for kind in sorted({*stored, *aggregates}):
            if self._kinds is not None and kind not in self._kinds:
                continue
            if kind in stored:
                yield from self._broken_of(kind, aggregates.get(kind))
            if kind in aggregates and self._limit is None:
                yield from _ahead_of_their_streams(aggregates[kind])

    def _broken_of(self, kind: str, aggregate: type[Aggregate] | None) -> Iterator[Broken]:
        current: _Stream | None = None
        for page in _pages(kind):
            snapshots = {} if aggregate is None else _snapshots(aggregate, {event[0] for event in page})
            for identity, group in groupby(page, itemgetter(0)):
                events = list(group)
                if current is None or identity != current.name.aggregate_id:
                    if self.streams == self._limit:
                        return
                    self.streams += 1
                    current = _Stream(Stream(kind, identity), aggregate, self._snapshot(snapshots.get(identity)))
                    try:
                        events = [*_archived(current.name, before=events[0][1]), *events]
                    except ArchiveUnreadable as error:
                        yield current.broken_at(events[0], f"ArchiveUnreadable: {error}")
                if (broken := current.take(events)) is not None:
                    yield broken
                self.events += len(events)
                self.snapshots += current.at_snapshot
            self._progress(self.events)

    def _snapshot(self, found: "_Snapshot | None") -> "_Snapshot | None":
        if found is not None and found.state is None:
            self.unreadable_snapshots += 1
            return None
        return found


# Id, version, number, type, schema and data of an event: a plain tuple, as the database gives it.
_Event = tuple[str, int, int, str, int, str]
_COLUMNS = "aggregate_id, version, number, type, schema, data"


class _Snapshot(NamedTuple):
    version: int
    state: Any
    """None where it can't be read."""


class _Stream:
    """A stream as far as it was replayed."""

    def __init__(self, name: Stream, aggregate: type[Aggregate] | None, snapshot: _Snapshot | None) -> None:
        self.name = name
        self.at_snapshot = False
        """Whether the events taken last came by the snapshot, and it is what they come to there."""
        self._aggregate, self._snapshot = aggregate, snapshot
        self._broken = False
        self._state: Any = None
        self._version = 0

    def take(self, events: Sequence[_Event]) -> Broken | None:
        """Go on with the next events. Return where the stream breaks; what comes after that tells nothing new."""
        self.at_snapshot = False
        if self._broken:
            return None
        if self._aggregate is None:
            kind = self.name.aggregate_type
            return self.broken_at(
                events[0], f"no aggregate of type {kind!r} is registered: run the program that wrote it"
            )
        state, version = self._state, self._version
        kept = 0 if self._snapshot is None else self._snapshot.version
        for event in events:
            _, found, _, type_, schema, data = event
            version += 1
            if found != version:
                return self.broken_at(event, f"expected version {version} next, found {found}")
            try:
                if version == 1:
                    state = self._aggregate.initial(self.name.aggregate_id)
                state = state.evolve(decode(type_, schema, data))
            except Exception as error:  # noqa: BLE001  # whatever it is, it would break the stream, and is told
                return self.broken_at(event, f"{type(error).__name__}: {error}")
            if version == kept:
                if self._snapshot is not None and self._snapshot.state != state:
                    return self.broken_at(event, self._unlike(self._snapshot.state, state))
                self.at_snapshot = True
        self._state, self._version = state, version
        return None

    def broken_at(self, event: _Event, error: str) -> Broken:
        self._broken = True
        _, version, number, type_, _, _ = event
        return Broken(*self.name, version, number, type_, error)

    def _unlike(self, kept: Any, state: Any) -> str:
        names = getattr(state, "__struct_fields__", ())
        difference = "; ".join(
            f"{name} is {getattr(kept, name)!r} there and {getattr(state, name)!r} here"
            for name in names
            if getattr(kept, name) != getattr(state, name)
        )
        return (
            f"the snapshot at this version differs from the replayed state ({difference}): raise "
            f"state_schema of {type(state).__qualname__}, or delete the snapshot if the code was always so"
        )


def _pages(kind: str) -> Iterator[list[_Event]]:
    query = (
        f"SELECT {_COLUMNS} FROM events"  # noqa: S608  # columns of ours
        " WHERE aggregate_type = %s AND (aggregate_id, version) > (%s, %s) ORDER BY aggregate_id, version LIMIT %s"
    )
    after = ("", 0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, [kind, *after, PAGE])
            page: list[_Event] = cursor.fetchall()
        if not page:
            return
        yield page
        after = (page[-1][0], page[-1][1])


def _archived(name: Stream, *, before: int) -> list[_Event]:
    if before == 1:
        return []
    rows = archived_versions(name, after=0, before=before)
    return [(row.aggregate_id, row.version, row.number, row.type, row.schema, row.data) for row in rows]


def _snapshots(aggregate: type[Aggregate], ids: set[str]) -> dict[str, _Snapshot]:
    with connection.cursor() as cursor:
        rows = database().snapshots(cursor, aggregate.aggregate_type, aggregate.state_schema, sorted(ids))
    return {identity: _Snapshot(version, _state_of(aggregate, data)) for identity, version, data in rows}


def _state_of(aggregate: type[Aggregate], data: str) -> Any:
    try:
        return decode_value(aggregate, data)
    except CannotDecode:
        return None


def _ahead_of_their_streams(aggregate: type[Aggregate]) -> list[Broken]:
    """Tell the snapshots that are newer than the last event of their streams; in one statement, as of one moment."""
    kind = aggregate.aggregate_type
    with connection.cursor() as cursor:
        cursor.execute(_AHEAD, [kind, aggregate.state_schema])
        rows = cursor.fetchall()
    return [
        Broken(
            kind,
            identity,
            last or 0,
            number or 0,
            type_ or "",
            f"its snapshot is of version {kept}, and its last event of version {last or 0}: events are missing, or the "
            "snapshot is not of this log. Run verify_log; then restore the events, or delete the snapshot",
        )
        for identity, kept, last, number, type_ in rows
    ]


_AHEAD = (
    "SELECT snapshots.aggregate_id, snapshots.version, events.version, events.number, events.type"
    " FROM snapshots LEFT JOIN events ON events.aggregate_type = snapshots.aggregate_type"
    " AND events.aggregate_id = snapshots.aggregate_id AND events.version ="
    " (SELECT max(version) FROM events AS last WHERE last.aggregate_type = snapshots.aggregate_type"
    " AND last.aggregate_id = snapshots.aggregate_id)"
    " WHERE snapshots.aggregate_type = %s AND snapshots.schema = %s"
    " AND snapshots.version > coalesce(events.version, 0) ORDER BY snapshots.aggregate_id"
)

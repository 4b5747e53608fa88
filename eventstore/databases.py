"""What PostgreSQL and SQLite are asked in their own words. Nothing else in this package knows which one it is."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import msgspec
import psycopg
from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper

from eventstore.hashing import hash_of
from eventstore.partitions import PARTITION
from eventstore.recorded import Stream


class Row(NamedTuple):
    """A row of the table of events; the time is text, as the database writes it."""

    number: int
    aggregate_type: str
    aggregate_id: str
    version: int
    type: str
    schema: int
    data: str
    metadata: str
    recorded_at: str
    hash: str


class Entry(NamedTuple):
    """An event to be stored: which of the streams it belongs to, and all of it as text."""

    stream: int
    version: int
    type: str
    schema: int
    data: str
    metadata: str


class Place(NamedTuple):
    """Where an event came to stand in the log, and what its stream's chain of hashes says."""

    number: int
    hash: str


class StandsElsewhere(Exception):
    """A stream does not end where it was expected to, and nothing was written. `version` is None where not known."""

    def __init__(self, stream: int, version: int | None) -> None:
        super().__init__(f"stream {stream} of the batch stands at version {version}")
        self.stream, self.version = stream, version


class Database(Protocol):
    """The questions that each database is asked in its own words."""

    columns: str
    """What a select of events asks for: a Row."""

    def append(
        self, streams: Sequence[Stream], expected: Sequence[int], entries: Sequence[Entry], recorded_at: str
    ) -> list[Place]:
        """Chain events to the streams' heads, which must be as expected, and write them, all or none.

        Raises StandsElsewhere, and IntegrityError.
        """
        ...

    def append_alone(
        self, streams: Sequence[Stream], expected: Sequence[int], entries: Sequence[Entry], recorded_at: str
    ) -> list[Place]:
        """Do the same outside a transaction, as a commit of its own."""
        ...

    def settled(self, cursor: CursorWrapper) -> int:
        """Return the number up to which no event can still be committed."""
        ...

    def tails(
        self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int], columns: str
    ) -> list[tuple[Any, ...]]:
        """Return columns of the events of many streams after a version of each, by stream and version."""
        ...

    def snapshots(
        self, cursor: CursorWrapper, aggregate_type: str, schema: int, ids: Sequence[str]
    ) -> list[tuple[str, int, str]]:
        """Return id, version and state of those aggregates that have a snapshot of this state schema."""
        ...


_COLUMNS = "number, aggregate_type, aggregate_id, version, type, schema, data, metadata"
# Named in full: what they are joined with may have columns of these names too.
_SELECTED = ", ".join(f"events.{column}" for column in _COLUMNS.split(", "))


class PostgreSQL:
    """Arrays go in as one parameter each, so a statement is the same for one event and for a thousand."""

    # The time as text is quicker to read than a timestamptz, which a Python function would put into its zone.
    columns = f"{_SELECTED}, recorded_at::text, hash"

    def append(
        self, streams: Sequence[Stream], expected: Sequence[int], entries: Sequence[Entry], recorded_at: str
    ) -> list[Place]:
        # One round trip, prepared once: Django's own cursors would write the texts into the statement each time.
        types, ids = zip(*streams, strict=True)
        places, versions, names, schemas, datas, metadatas = zip(*entries, strict=True)
        parameters = [
            array(types),
            array(ids),
            array(map(str, expected)),
            array(str(place + 1) for place in places),
            array(map(str, versions)),
            array(names),
            array(map(str, schemas)),
            array(datas),
            array(metadatas),
            recorded_at,
        ]
        try:
            with _preparing() as prepared:
                rows = prepared.execute(_APPEND, parameters, prepare=True).fetchall()
        except IntegrityError as error:
            stream = _taken(error, streams, entries)
            if stream is None:
                raise
            raise StandsElsewhere(stream, None) from error
        if rows[0][0] < 0:
            raise StandsElsewhere(-rows[0][0] - 1, rows[0][1])
        return [Place(number, hash_) for _, number, hash_ in rows]

    # One statement is one commit.
    append_alone = append

    def settled(self, cursor: CursorWrapper) -> int:
        cursor.execute("SELECT settled_number()")
        (number,) = cursor.fetchone()
        return int(number)

    def tails(
        self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int], columns: str
    ) -> list[tuple[Any, ...]]:
        if len(after) == 1:
            return _tail(cursor, aggregate_type, after, columns)
        cursor.execute(
            f"SELECT tail.* FROM unnest(%s::text[], %s::bigint[]) AS wanted (id, after)"  # noqa: S608 - as above.
            f" CROSS JOIN LATERAL (SELECT {columns} FROM events"
            " WHERE aggregate_type = %s AND aggregate_id = wanted.id AND version > wanted.after"
            " ORDER BY version) AS tail",
            [array(after), list(after.values()), aggregate_type],
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def snapshots(
        self, cursor: CursorWrapper, aggregate_type: str, schema: int, ids: Sequence[str]
    ) -> list[tuple[str, int, str]]:
        cursor.execute(
            "SELECT aggregate_id, version, data FROM snapshots"
            " WHERE aggregate_type = %s AND schema = %s AND aggregate_id = ANY(%s::text[])",
            [aggregate_type, schema, array(ids)],
        )
        rows: list[tuple[str, int, str]] = cursor.fetchall()
        return rows


class SQLite:
    """One writer at a time, and lists go in as JSON: SQLite has no arrays, and limits how many parameters there are."""

    # With `||` it is text; a plain column of this type would be read by a Python function, slowly, and without a zone.
    columns = f"{_SELECTED}, recorded_at || 'Z', hash"

    def append(
        self, streams: Sequence[Stream], expected: Sequence[int], entries: Sequence[Entry], recorded_at: str
    ) -> list[Place]:
        # The write lock is ours until the commit, so nobody comes between, and nobody takes the same numbers. Django's
        # cursor would look through each statement for what it has in other words.
        with connection.wrap_database_errors:
            return self._append(connection.connection, streams, expected, entries, recorded_at)

    def append_alone(
        self, streams: Sequence[Stream], expected: Sequence[int], entries: Sequence[Entry], recorded_at: str
    ) -> list[Place]:
        raw: sqlite3.Connection = connection.connection
        with connection.wrap_database_errors:
            raw.execute("BEGIN IMMEDIATE")
            try:
                places = self._append(raw, streams, expected, entries, recorded_at)
                raw.execute("COMMIT")
            except BaseException:
                if raw.in_transaction:
                    raw.execute("ROLLBACK")
                raise
        return places

    def _append(
        self,
        raw: sqlite3.Connection,
        streams: Sequence[Stream],
        expected: Sequence[int],
        entries: Sequence[Entry],
        recorded_at: str,
    ) -> list[Place]:
        hashes = []
        for place, (stream, version) in enumerate(zip(streams, expected, strict=True)):
            head = raw.execute(_HEAD, stream).fetchone() or EMPTY
            if head[0] != version:
                raise StandsElsewhere(place, head[0])
            hashes.append(head[1])
        ((next_number,),) = raw.execute(_NEXT_NUMBER)
        # Times lie there as Django writes them: 2025-01-31 12:00:00.000000, in UTC.
        time = recorded_at[:-1].replace("T", " ")
        places, rows = [], []
        for number, entry in enumerate(entries, start=next_number):
            facts = number, *streams[entry[0]], *entry[1:]
            hash_ = hashes[entry[0]] = hash_of(hashes[entry[0]], *facts, recorded_at)
            rows.append((*facts, time, hash_))
            places.append(Place(number, hash_))
        raw.executemany(_INSERT, rows)
        return places

    def settled(self, cursor: CursorWrapper) -> int:
        cursor.execute("SELECT coalesce(max(number), 0) FROM events")
        (number,) = cursor.fetchone()
        return int(number)

    def tails(
        self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int], columns: str
    ) -> list[tuple[Any, ...]]:
        if len(after) == 1:
            return _tail(cursor, aggregate_type, after, columns)
        cursor.execute(
            f"SELECT {columns} FROM json_each(%s) AS wanted"  # noqa: S608 - as above.
            " CROSS JOIN events ON aggregate_type = %s AND aggregate_id = json_extract(wanted.value, '$[0]')"
            " AND version > json_extract(wanted.value, '$[1]') ORDER BY aggregate_id, version",
            [_json(list(after.items())), aggregate_type],
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def snapshots(
        self, cursor: CursorWrapper, aggregate_type: str, schema: int, ids: Sequence[str]
    ) -> list[tuple[str, int, str]]:
        cursor.execute(
            "SELECT aggregate_id, version, data FROM snapshots"
            " WHERE aggregate_type = %s AND schema = %s AND aggregate_id IN (SELECT value FROM json_each(%s))",
            [aggregate_type, schema, _json(list(ids))],
        )
        rows: list[tuple[str, int, str]] = cursor.fetchall()
        return rows


def _tail(cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int], columns: str) -> list[tuple[Any, ...]]:
    ((identity, version),) = after.items()
    cursor.execute(
        f"SELECT {columns} FROM events WHERE aggregate_type = %s AND aggregate_id = %s AND version > %s"  # noqa: S608
        " ORDER BY version",
        [aggregate_type, identity, version],
    )
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


# Of a stream without events, and of one with: version and hash of the last.
EMPTY = (0, "")
_HEAD = "SELECT version, hash FROM events WHERE aggregate_type = ? AND aggregate_id = ? ORDER BY version DESC LIMIT 1"
# `seq` remembers deleted events too.
_NEXT_NUMBER = (
    "SELECT 1 + max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),"
    " coalesce((SELECT max(number) FROM events), 0))"
)
_INSERT = f"INSERT INTO events ({_COLUMNS}, recorded_at, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608

_APPEND = (
    "SELECT * FROM append_events(%s::text[], %s::text[], %s::bigint[], %s::integer[], %s::bigint[], %s::text[],"
    " %s::integer[], %s::text[], %s::text[], %s)"
)


@contextmanager
def _preparing() -> "Iterator[psycopg.Cursor[Any]]":
    """A cursor of the default connection that binds on the server, where a statement can be prepared."""
    raw = connection.connection
    before, raw.prepare_threshold = raw.prepare_threshold, 0
    try:
        with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
            yield cursor
    finally:
        raw.prepare_threshold = before


def _taken(error: IntegrityError, streams: Sequence[Stream], entries: Sequence[Entry]) -> int | None:
    """Tell whose place in its stream was taken meanwhile, or None where the error says something else."""
    cause = error.__cause__
    if not isinstance(cause, psycopg.errors.UniqueViolation):
        return None
    table, constraint = cause.diag.table_name or "", cause.diag.constraint_name
    if (table, constraint) != ("events", "events_stream_version") and not (
        table.startswith(PARTITION) and constraint == f"{table}_pkey"
    ):
        return None
    # The transaction is aborted and can't be asked any more, but the server names the row.
    detail = cause.diag.message_detail or ""
    for entry in entries:
        kind, identity = streams[entry.stream]
        if f"=({kind}, {identity}, {entry.version})" in detail:
            return entry.stream
    return entries[0].stream


def array(texts: Iterable[str]) -> str:
    """Write a PostgreSQL array of texts. psycopg would, but looks at each quote by itself, and JSON is full of them."""
    return "{" + ",".join(['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]) + "}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_DATABASES: dict[str, Database] = {"postgresql": PostgreSQL(), "sqlite": SQLite()}


def database() -> Database:
    """Return the words of the database that the default connection speaks to."""
    return _DATABASES[connection.vendor]

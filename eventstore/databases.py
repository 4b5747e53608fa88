"""What PostgreSQL and SQLite are asked in their own words. Nothing else in this package knows which one it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import msgspec
import psycopg
from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper

from eventstore.hashing import hash_of
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


class Head(NamedTuple):
    """The last event of a stream."""

    version: int
    hash: str


EMPTY = Head(0, "")
"""The head of a stream without events."""


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

    def heads(self, cursor: CursorWrapper, streams: Sequence[Stream]) -> dict[Stream, Head]:
        """Return the heads of those streams that have events, in one query."""
        ...

    def append(
        self,
        cursor: CursorWrapper,
        streams: Sequence[Stream],
        expected: Sequence[int],
        entries: Sequence[Entry],
        recorded_at: str,
    ) -> list[Place]:
        """Chain events to the streams' heads, which must be as expected, and write them, all or none.

        Raises StandsElsewhere, and IntegrityError.
        """
        ...

    def settled(self, cursor: CursorWrapper) -> int:
        """Return the number up to which no event can still be committed."""
        ...

    def tails(self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int]) -> list[Row]:
        """Return the events of many streams that come after a version of each, by stream and version."""
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
    columns = f"""{_SELECTED}, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), hash"""

    def heads(self, cursor: CursorWrapper, streams: Sequence[Stream]) -> dict[Stream, Head]:
        kinds, ids = zip(*streams, strict=True)
        cursor.execute(
            "SELECT wanted.type, wanted.id, head.version, head.hash"
            " FROM unnest(%s::text[], %s::text[]) AS wanted (type, id)"
            " CROSS JOIN LATERAL ("
            "SELECT version, hash FROM events WHERE aggregate_type = wanted.type AND aggregate_id = wanted.id"
            " ORDER BY version DESC LIMIT 1) AS head",
            [array(kinds), array(ids)],
        )
        return {Stream(kind, identity): Head(version, hash_) for kind, identity, version, hash_ in cursor.fetchall()}

    def append(
        self,
        cursor: CursorWrapper,
        streams: Sequence[Stream],
        expected: Sequence[int],
        entries: Sequence[Entry],
        recorded_at: str,
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

    def settled(self, cursor: CursorWrapper) -> int:
        cursor.execute("SELECT settled_number()")
        (number,) = cursor.fetchone()
        return int(number)

    def tails(self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int]) -> list[Row]:
        cursor.execute(
            f"SELECT tail.* FROM unnest(%s::text[], %s::bigint[]) AS wanted (id, after)"  # noqa: S608 - as above.
            f" CROSS JOIN LATERAL (SELECT {self.columns} FROM events"
            " WHERE aggregate_type = %s AND aggregate_id = wanted.id AND version > wanted.after"
            " ORDER BY version) AS tail",
            [array(after), list(after.values()), aggregate_type],
        )
        rows: list[Row] = cursor.fetchall()
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

    def heads(self, cursor: CursorWrapper, streams: Sequence[Stream]) -> dict[Stream, Head]:
        # CROSS JOIN keeps SQLite from turning the loops round.
        cursor.execute(
            "SELECT e.aggregate_type, e.aggregate_id, e.version, e.hash FROM json_each(%s) AS wanted"
            " CROSS JOIN events AS e ON e.aggregate_type = json_extract(wanted.value, '$[0]')"
            " AND e.aggregate_id = json_extract(wanted.value, '$[1]')"
            " AND e.version = (SELECT max(version) FROM events"
            " WHERE aggregate_type = json_extract(wanted.value, '$[0]')"
            " AND aggregate_id = json_extract(wanted.value, '$[1]'))",
            [_json(list(streams))],
        )
        return {Stream(kind, identity): Head(version, hash_) for kind, identity, version, hash_ in cursor.fetchall()}

    def append(
        self,
        cursor: CursorWrapper,
        streams: Sequence[Stream],
        expected: Sequence[int],
        entries: Sequence[Entry],
        recorded_at: str,
    ) -> list[Place]:
        # The write lock is ours until the commit, so nobody comes between, and nobody takes the same numbers.
        heads = self.heads(cursor, streams)
        hashes = []
        for place, (stream, version) in enumerate(zip(streams, expected, strict=True)):
            head = heads.get(stream, EMPTY)
            if head.version != version:
                raise StandsElsewhere(place, head.version)
            hashes.append(head.hash)
        # Times lie there as Django writes them: 2025-01-31 12:00:00.000000, in UTC.
        time = recorded_at.removesuffix("Z").replace("T", " ")
        places, rows = [], []
        for number, entry in enumerate(entries, start=self._next_number(cursor)):
            facts = number, *streams[entry.stream], *entry[1:]
            hash_ = hashes[entry.stream] = hash_of(hashes[entry.stream], *facts, recorded_at)
            rows.append((*facts, time, hash_))
            places.append(Place(number, hash_))
        cursor.executemany(
            f"INSERT INTO events ({_COLUMNS}, recorded_at, hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",  # noqa: S608
            rows,
        )
        return places

    def _next_number(self, cursor: CursorWrapper) -> int:
        # `seq` remembers deleted events too.
        cursor.execute(
            "SELECT 1 + max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),"
            " coalesce((SELECT max(number) FROM events), 0))"
        )
        (number,) = cursor.fetchone()
        return int(number)

    def settled(self, cursor: CursorWrapper) -> int:
        cursor.execute("SELECT coalesce(max(number), 0) FROM events")
        (number,) = cursor.fetchone()
        return int(number)

    def tails(self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int]) -> list[Row]:
        cursor.execute(
            f"SELECT {self.columns} FROM json_each(%s) AS wanted"  # noqa: S608 - as above.
            " CROSS JOIN events ON aggregate_type = %s AND aggregate_id = json_extract(wanted.value, '$[0]')"
            " AND version > json_extract(wanted.value, '$[1]') ORDER BY aggregate_id, version",
            [_json(list(after.items())), aggregate_type],
        )
        rows: list[Row] = cursor.fetchall()
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
    if cause.diag.table_name != "events" or cause.diag.constraint_name != "events_stream_version":
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

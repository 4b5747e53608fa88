"""What PostgreSQL and SQLite are asked in their own words. Nothing else in this package knows which one it is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import psycopg
from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper

from eventstore.copying import copy_rows
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


class Head(NamedTuple):
    """The last event of a stream."""

    version: int
    hash: str


EMPTY = Head(0, "")
"""The head of a stream without events."""


class Database(Protocol):
    """The questions that each database is asked in its own words."""

    columns: str
    """What a select of events asks for: a Row."""

    def heads(self, cursor: CursorWrapper, streams: Sequence[Stream]) -> dict[Stream, Head]:
        """Return the heads of those streams that have events, in one query."""
        ...

    def numbers(self, cursor: CursorWrapper, count: int) -> list[int]:
        """Take the next numbers of the log, in ascending order."""
        ...

    def insert(self, cursor: CursorWrapper, rows: Sequence[Row]) -> None:
        """Write rows, all recorded at one time, in one statement."""
        ...

    def taken(self, cursor: CursorWrapper, error: IntegrityError, rows: Sequence[Row]) -> Row | None:
        """Return the row whose place in its stream was taken, or None where the error says something else."""
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

    def numbers(self, cursor: CursorWrapper, count: int) -> list[int]:
        cursor.execute("SELECT nextval('events_number_seq') FROM generate_series(1, %s)", [count])
        return sorted(number for (number,) in cursor.fetchall())

    def insert(self, cursor: CursorWrapper, rows: Sequence[Row]) -> None:
        copy_rows(connection, cursor, "events", Row._fields, rows)

    def taken(self, cursor: CursorWrapper, error: IntegrityError, rows: Sequence[Row]) -> Row | None:
        cause = error.__cause__
        if not isinstance(cause, psycopg.errors.UniqueViolation):
            return None
        table, constraint = cause.diag.table_name or "", cause.diag.constraint_name
        # A partition's key is named after the partition.
        key = f"{table}_pkey" if table.startswith(PARTITION) else "events_stream_version"
        if (table != "events" and not table.startswith(PARTITION)) or constraint != key:
            return None
        # The transaction is aborted and can't be asked any more, but the server names the row.
        detail = cause.diag.message_detail or ""
        found = (r for r in rows if f"=({r.aggregate_type}, {r.aggregate_id}, {r.version})" in detail)
        return next(found, rows[0])

    def settled(self, cursor: CursorWrapper) -> int:
        cursor.execute("SELECT coalesce(max(number), 0) FROM events")
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

    def numbers(self, cursor: CursorWrapper, count: int) -> list[int]:
        # The write lock is ours until the commit, so nobody takes the same ones. `seq` remembers deleted events too.
        cursor.execute(
            "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),"
            " coalesce((SELECT max(number) FROM events), 0))"
        )
        (last,) = cursor.fetchone()
        return list(range(last + 1, last + 1 + count))

    def insert(self, cursor: CursorWrapper, rows: Sequence[Row]) -> None:
        # Times lie there as Django writes them: 2025-01-31 12:00:00.000000, in UTC.
        recorded_at = rows[0].recorded_at.removesuffix("Z").replace("T", " ")
        cursor.executemany(
            f"INSERT INTO events ({_COLUMNS}, recorded_at, hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",  # noqa: S608
            [(*row[:8], recorded_at, row[9]) for row in rows],
        )

    def taken(self, cursor: CursorWrapper, error: IntegrityError, rows: Sequence[Row]) -> Row | None:
        places = "events.aggregate_type, events.aggregate_id, events.version"
        if str(error.__cause__) != f"UNIQUE constraint failed: {places}":
            return None
        for row in rows:
            cursor.execute(
                "SELECT number FROM events WHERE aggregate_type = %s AND aggregate_id = %s AND version = %s",
                [row.aggregate_type, row.aggregate_id, row.version],
            )
            # Rows before the one that failed are there already, under the numbers that we gave them.
            if cursor.fetchone() != (row.number,):
                return row
        return rows[0]

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


def array(texts: Iterable[str]) -> str:
    """Write a PostgreSQL array of texts. psycopg would, but looks at each quote by itself, and JSON is full of them."""
    return "{" + ",".join(['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]) + "}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_DATABASES: dict[str, Database] = {"postgresql": PostgreSQL(), "sqlite": SQLite()}


def database() -> Database:
    """Return the words of the database that the default connection speaks to."""
    return _DATABASES[connection.vendor]

"""PostgreSQL: how it is asked to append, and what it is asked about events."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from eventstore.partitions import PARTITION
from eventstore.questions import SELECTED, Entry, Place, StandsElsewhere, tail
from eventstore.recorded import Stream


class PostgreSQL:
    """Arrays go in as one parameter each, so a statement is the same for one event and for a thousand."""

    # The time as text is quicker to read than a timestamptz, which a Python function would put into its zone.
    columns = f"{SELECTED}, recorded_at::text, hash"

    def append_one(
        self, using: BaseDatabaseWrapper, stream: Stream, entry: Entry, recorded_at: str, *, alone: bool
    ) -> Place:
        # One statement is one commit, where no transaction is open.
        _, version, name, schema, data, metadata = entry
        parameters = (*stream, str(version - 1), name, str(schema), data, metadata, recorded_at)
        try:
            answer = _ask(using, _APPEND_ONE, parameters)[0][0]
        except IntegrityError as error:
            taken = _taken(error, [stream], [entry])
            if taken is None:
                raise
            raise StandsElsewhere(taken, None) from error
        if answer[0] == "-":
            raise StandsElsewhere(0, int(answer[1:]))
        number, hash_ = answer.split()
        return Place(int(number), hash_)

    def append(
        self,
        using: BaseDatabaseWrapper,
        streams: Sequence[Stream],
        expected: Sequence[int],
        entries: Sequence[Entry],
        recorded_at: str,
        *,
        alone: bool,
    ) -> list[Place]:
        types, ids = zip(*streams, strict=True)
        places, versions, names, schemas, datas, metadatas = zip(*entries, strict=True)
        parameters = (
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
        )
        try:
            rows = _ask(using, _APPEND_MANY, parameters)
        except IntegrityError as error:
            taken = _taken(error, streams, entries)
            if taken is None:
                raise
            raise StandsElsewhere(taken, None) from error
        if rows[0][0] < 0:
            raise StandsElsewhere(-rows[0][0] - 1, rows[0][1])
        return [Place(number, hash_) for _, number, hash_ in rows]

    def settled(self, cursor: CursorWrapper) -> int:
        cursor.execute("SELECT settled_number()")
        (number,) = cursor.fetchone()
        return int(number)

    def tails(
        self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int], columns: str
    ) -> list[tuple[Any, ...]]:
        if len(after) == 1:
            return tail(cursor, aggregate_type, after, columns)
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


_APPEND_ONE = "SELECT append_event(%s, %s, %s, %s, %s, %s, %s, %s)"
_APPEND_MANY = "SELECT * FROM append_events(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"

# Cursors that bind on the server, where a statement can be prepared: Django's own would write the texts into the
# statement each time. Making one costs as much as a third of a round trip.
_CURSORS: WeakKeyDictionary[BaseDatabaseWrapper, "psycopg.Cursor[Any]"] = WeakKeyDictionary()


def _ask(using: BaseDatabaseWrapper, statement: str, parameters: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Ask in one round trip, with a statement that is prepared once. Errors are Django's."""
    raw = using.connection
    cursor = _CURSORS.get(using)
    if cursor is None or cursor.connection is not raw:
        cursor = _CURSORS[using] = psycopg.Cursor(raw)
    before, raw.prepare_threshold = raw.prepare_threshold, 0
    try:
        with using.wrap_database_errors:
            return cursor.execute(statement, parameters, prepare=True).fetchall()
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

"""SQLite: how it is asked to append, and what it is asked about events."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from eventstore.hashing import hash_of
from eventstore.questions import COLUMNS, SELECTED, Entry, Place, StandsElsewhere, tail
from eventstore.recorded import Stream


class SQLite:
    """One writer at a time, and lists go in as JSON: SQLite has no arrays, and limits how many parameters there are."""

    # With `||` it is text; a plain column of this type would be read by a Python function, slowly, and without a zone.
    columns = f"{SELECTED}, recorded_at || 'Z', hash"

    def append_one(
        self, using: BaseDatabaseWrapper, stream: Stream, entry: Entry, recorded_at: str, *, alone: bool
    ) -> Place:
        # Django's cursor would look through each statement for what it has in other words.
        raw: sqlite3.Connection = using.connection
        with using.wrap_database_errors:
            if not alone:
                return _append_one(raw, stream, entry, recorded_at)
            raw.execute("BEGIN IMMEDIATE")
            try:
                place = _append_one(raw, stream, entry, recorded_at)
                raw.execute("COMMIT")
            except BaseException:
                _take_back(raw)
                raise
            return place

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
        raw: sqlite3.Connection = using.connection
        with using.wrap_database_errors:
            if not alone:
                return _append(raw, streams, expected, entries, recorded_at)
            raw.execute("BEGIN IMMEDIATE")
            try:
                places = _append(raw, streams, expected, entries, recorded_at)
                raw.execute("COMMIT")
            except BaseException:
                _take_back(raw)
                raise
            return places

    def settled(self, cursor: CursorWrapper) -> int:
        cursor.execute("SELECT coalesce(max(number), 0) FROM events")
        (number,) = cursor.fetchone()
        return int(number)

    def tails(
        self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int], columns: str
    ) -> list[tuple[Any, ...]]:
        if len(after) == 1:
            return tail(cursor, aggregate_type, after, columns)
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


# The write lock is the transaction's until its commit, so nobody comes between, and nobody takes the same numbers.


def _append_one(raw: sqlite3.Connection, stream: Stream, entry: Entry, recorded_at: str) -> Place:
    _, version, name, schema, data, metadata = entry
    stands, previous, number = raw.execute(_HEAD, stream).fetchone()
    if (stands or 0) != version - 1:
        raise StandsElsewhere(0, stands or 0)
    hash_ = hash_of(previous or "", number, *stream, version, name, schema, data, metadata, recorded_at)
    raw.execute(_INSERT, (number, *stream, version, name, schema, data, metadata, _time(recorded_at), hash_))
    return Place(number, hash_)


def _append(
    raw: sqlite3.Connection,
    streams: Sequence[Stream],
    expected: Sequence[int],
    entries: Sequence[Entry],
    recorded_at: str,
) -> list[Place]:
    number = 0
    hashes: list[str] = []
    for place, stream in enumerate(streams):
        stands, hash_, number = raw.execute(_HEAD, stream).fetchone()
        if (stands or 0) != expected[place]:
            raise StandsElsewhere(place, stands or 0)
        hashes.append(hash_ or "")
    time = _time(recorded_at)
    places, rows = [], []
    for place, version, name, schema, data, metadata in entries:
        kind, identity = streams[place]
        hash_ = hash_of(hashes[place], number, kind, identity, version, name, schema, data, metadata, recorded_at)
        hashes[place] = hash_
        rows.append((number, kind, identity, version, name, schema, data, metadata, time, hash_))
        places.append(Place(number, hash_))
        number += 1
    raw.executemany(_INSERT, rows)
    return places


def _time(recorded_at: str) -> str:
    """Write a time as Django does: 2025-01-31 12:00:00.000000, in UTC."""
    return recorded_at[:-1].replace("T", " ")


def _take_back(raw: sqlite3.Connection) -> None:
    if raw.in_transaction:
        raw.execute("ROLLBACK")


# Where a stream ends: SQLite takes the hash from the very row that max() found. And the next number; `seq` remembers
# deleted events too.
_HEAD = (
    "SELECT max(version), hash, 1 + max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),"
    " coalesce((SELECT max(number) FROM events), 0)) FROM events WHERE aggregate_type = ? AND aggregate_id = ?"
)
_INSERT = f"INSERT INTO events ({COLUMNS}, recorded_at, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()

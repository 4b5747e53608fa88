"""Reading: events by stream, by number, and a stream's chain of hashes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from django.db import connection

from eventstore.codec import decode, decode_value
from eventstore.databases import Row, database
from eventstore.hashing import hash_of, moment
from eventstore.integrity.archives import archived_versions
from eventstore.recorded import Metadata, Recorded, Stream

E = TypeVar("E", Row, Recorded)

PAGE = 1000


class ChainBroken(Exception):
    """An event is not as it was recorded, or one before it is gone. Trust nothing from it on; restore from a backup."""

    def __init__(self, stream: Stream, version: int, number: int, found: str) -> None:
        super().__init__(f"{stream}: {found} at version {version} (number {number})")
        self.stream, self.version, self.number = stream, version, number


def stream(aggregate_type: str, aggregate_id: str, *, after: int = 0) -> Iterator[Recorded]:
    """Yield the events of a stream, oldest first, after a version. It is read page by page, as it is consumed.

    Raises ChainBroken where one is missing, and ArchiveUnreadable.
    """
    return map(recorded_of, _consecutive(stored_rows(aggregate_type, aggregate_id, after=after), after))


def streams(aggregate_type: str, ids: Iterable[str]) -> dict[str, list[Recorded]]:
    """Return the events of many streams in one query, oldest first; a stream without any has an empty list."""
    return tails(aggregate_type, dict.fromkeys(ids, 0))


def tails(aggregate_type: str, after: Mapping[str, int]) -> dict[str, list[Recorded]]:
    """Return the events of many streams that come after a version of each, in one query; archives are asked besides.

    Raises ChainBroken where an event is missing, and ArchiveUnreadable.
    """
    found: dict[str, list[Recorded]] = {identity: [] for identity in after}
    if found:
        with connection.cursor() as cursor:
            rows = database().tails(cursor, aggregate_type, after, database().columns)
        for row in rows:
            found[row[2]].append(recorded_of(row))
        for identity, tail in found.items():
            # Versions are unique and ascend, so the last one tells whether one is missing.
            if tail and tail[-1].version != after[identity] + len(tail):
                archived = archived_versions(tail[0].stream, after=after[identity], before=tail[0].version)
                found[identity] = list(_consecutive(chain(map(recorded_of, archived), tail), after[identity]))
    return found


def all_events(*, after_number: int = 0, limit: int) -> list[Recorded]:
    """Return events of all streams by number, oldest first.

    For looking at. On PostgreSQL an event may still be committed below numbers that are shown already, so whoever
    follows the log by checkpoint must not page with this.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {database().columns} FROM events WHERE number > %s ORDER BY number LIMIT %s",  # noqa: S608
            [after_number, limit],
        )
        return [recorded_of(row) for row in cursor.fetchall()]


def head(aggregate_type: str, id: str) -> int:
    """Return the version of a stream's last event, or 0."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(version), 0) FROM events WHERE aggregate_type = %s AND aggregate_id = %s",
            [aggregate_type, id],
        )
        (version,) = cursor.fetchone()
    return int(version)


def last_number() -> int:
    """Return the highest number that is stored now, or 0. Lower ones may still be committed: see `settled`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(number), 0) FROM events")
        (number,) = cursor.fetchone()
    return int(number)


def aggregate_types() -> list[str]:
    """Return the kinds of aggregates that have events, in as many steps through the index as there are kinds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE kinds AS (SELECT min(aggregate_type) AS kind FROM events UNION ALL"
            " SELECT (SELECT min(aggregate_type) FROM events WHERE aggregate_type > kinds.kind)"
            " FROM kinds WHERE kinds.kind IS NOT NULL) SELECT kind FROM kinds WHERE kind IS NOT NULL"
        )
        return [kind for (kind,) in cursor.fetchall()]


def verify_chain(aggregate_type: str, aggregate_id: str) -> None:
    """Recompute the hashes of a stream as they follow from one another. Raises ChainBroken at the first that differs.

    Events taken from a stream's end leave no trace in the stream itself.
    """
    name = Stream(aggregate_type, aggregate_id)
    chained = ""
    for row in _consecutive(stored_rows(aggregate_type, aggregate_id), 0):
        expected = hash_of(chained, *row[:8], moment(time_of(row.recorded_at)))
        if row.hash != expected:
            raise ChainBroken(name, row.version, row.number, "the hash does not fit the event")
        chained = row.hash


def stored_rows(aggregate_type: str, aggregate_id: str, *, after: int = 0) -> Iterator[Row]:
    """Yield the events of a stream as they are stored, oldest first, after a version; one may be missing."""
    query = (
        f"SELECT {database().columns} FROM events WHERE aggregate_type = %s AND aggregate_id = %s"  # noqa: S608
        " AND version > %s ORDER BY version LIMIT %s"
    )
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, [aggregate_type, aggregate_id, after, PAGE])
            rows = [Row._make(row) for row in cursor.fetchall()]
        if rows and rows[0].version != after + 1:
            yield from archived_versions(Stream(aggregate_type, aggregate_id), after=after, before=rows[0].version)
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1].version


def _consecutive(events: Iterable[E], after: int) -> Iterator[E]:
    """Yield the events of a stream, which must follow one another after a version."""
    for event in events:
        after += 1
        if event.version != after:
            name = Stream(event.aggregate_type, event.aggregate_id)
            raise ChainBroken(name, event.version, event.number, f"expected version {after}, found another")
        yield event


def recorded_of(row: Sequence[Any]) -> Recorded:
    """Read a row of the log, with the event as its class is today."""
    number, aggregate_type, aggregate_id, version, type_, schema, data, metadata, recorded_at, hash_ = row
    event = decode(type_, schema, data)
    return Recorded(
        number, aggregate_type, aggregate_id, version, event, _metadata(metadata), time_of(recorded_at), hash_
    )


@lru_cache(maxsize=1024)
def _metadata(text: str) -> Metadata:
    # A whole batch usually has one cause.
    return decode_value(Metadata, text)


time_of = datetime.fromisoformat
"""Reads a time as rows have it."""

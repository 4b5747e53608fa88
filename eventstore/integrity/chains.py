"""Chains: each event's hash follows from the event as it is stored and from the one before it in its stream."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

from django.db import connection

from eventstore.databases import Row, database
from eventstore.hashing import hash_of, moment
from eventstore.integrity.archives import ArchiveUnreadable, archived_versions
from eventstore.integrity.findings import Finding, event
from eventstore.reading import time_of
from eventstore.recorded import Stream

Place = tuple[str, str, int]
"""Type and id of an aggregate, and a version."""


def exact(row: Row) -> Row:
    """Return a row with its time as it is hashed, whatever database it is from. Raises ValueError."""
    return row._replace(recorded_at=_moment(row.recorded_at))


def place_of(row: Row) -> Place:
    """Return the stream and version of an event."""
    return row.aggregate_type, row.aggregate_id, row.version


def check_chain(rows: Sequence[Row]) -> list[Finding]:
    """Hold events against those before them in their streams, wherever these lie."""
    found: list[Finding] = []
    before = {**_in_table(_before(rows) - _places(rows)), **{place_of(row): row for row in rows}}
    for row in rows:
        previous = before.get((row.aggregate_type, row.aggregate_id, row.version - 1))
        if previous is None and row.version > 1:
            try:
                previous = _archived(row)
            except ArchiveUnreadable as error:
                found.append(event("unchecked", row, "the event before it, to check its hash", str(error)))
                continue
        if previous is None and row.version > 1:
            found.append(_missing_before(row))
        else:
            found += _following(row, previous)
    return found


def fitting_hash(previous: str, row: Row) -> str | None:
    """Return the hash that an event should have; None if it holds what no event can."""
    try:
        return hash_of(previous, *exact(row)[:9])
    except (ValueError, TypeError, AttributeError):
        # SQLite keeps whatever it is given, such as bytes for a text.
        return None


def before_in_stream(row: Row) -> Row | None:
    """Return the event before another one, from the table or an archive. Raises ArchiveUnreadable."""
    return next(chain(_in_table(_before([row])).values(), filter(None, [_archived(row)])), None)


def _following(row: Row, previous: Row | None) -> list[Finding]:
    found = []
    if previous is not None and previous.number >= row.number:
        expected = f"a number above {previous.number}, which version {previous.version} has"
        found.append(event("out of order", row, expected, f"number {row.number}"))
    expected_hash = fitting_hash(previous.hash if previous else "", row)
    if expected_hash is None:
        found.append(event("changed", row, "values that an event can have", "some that can't be read"))
    elif expected_hash != row.hash:
        found.append(event("changed", row, f"hash {expected_hash}, by what it says", f"hash {row.hash}"))
    return found


def _missing_before(row: Row) -> Finding:
    stream = Stream(row.aggregate_type, row.aggregate_id)
    first = _last_version_below(stream, row.version) + 1
    last = row.version - 1
    return Finding(
        kind="missing",
        stream=str(stream),
        version=first,
        expected=f"version {first}" if first == last else f"versions {first} to {last}",
        found=f"none, and so the hash of version {row.version} (number {row.number}) can't be checked",
    )


def _last_version_below(stream: Stream, version: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(version), 0) FROM events"
            " WHERE aggregate_type = %s AND aggregate_id = %s AND version < %s",
            [*stream, version],
        )
        (in_table,) = cursor.fetchone()
        cursor.execute(
            "SELECT coalesce(max(last_version), 0) FROM event_archive_streams"
            " WHERE aggregate_type = %s AND aggregate_id = %s AND last_version < %s",
            [*stream, version],
        )
        (archived,) = cursor.fetchone()
    return max(int(in_table), int(archived))


def _in_table(places: set[Place]) -> dict[Place, Row]:
    if not places:
        return {}
    marks = ", ".join(["(%s, %s, %s)"] * len(places))
    query = (
        f"WITH wanted (kind, id, place) AS (VALUES {marks}) SELECT {database().columns} FROM wanted CROSS JOIN events"  # noqa: S608
        " WHERE aggregate_type = wanted.kind AND aggregate_id = wanted.id AND version = wanted.place"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [fact for place in sorted(places) for fact in place])
        return {place_of(row): row for row in map(Row._make, cursor.fetchall())}


def _archived(row: Row) -> Row | None:
    stream = Stream(row.aggregate_type, row.aggregate_id)
    return next(archived_versions(stream, after=row.version - 2, before=row.version), None)


def _before(rows: Sequence[Row]) -> set[Place]:
    return {(row.aggregate_type, row.aggregate_id, row.version - 1) for row in rows if row.version > 1}


def _places(rows: Sequence[Row]) -> set[Place]:
    return set(map(place_of, rows))


@lru_cache(maxsize=1024)
def _moment(stored: str) -> str:
    # A whole batch has one time.
    return moment(time_of(stored))

"""Following: reading the whole log in order, by number, and never past one that may still be filled."""

from collections.abc import Collection, Iterator
from itertools import islice

from django.db import connection

from eventstore.databases import Row, database
from eventstore.integrity.archives import contents, removed_after
from eventstore.reading import recorded_of
from eventstore.recorded import Recorded

PAGE = 1000


def settled() -> int:
    """Return the number up to which the log is complete: no event at or below it can still be committed.

    Ask for it first, in a statement of its own, and then read up to it: whoever follows the log by checkpoint and
    reads further would skip an event whose number was handed out before, and committed after, the ones it has seen.
    """
    with connection.cursor() as cursor:
        return database().settled(cursor)


def events_between(
    after: int, up_to: int, *, limit: int = PAGE, aggregate_types: Collection[str] | None = None
) -> list[Recorded]:
    """Return events with numbers in (after, up_to], oldest first, at most `limit`; of some kinds only, if named."""
    return [recorded_of(row) for row in rows_between(after, up_to, limit=limit, aggregate_types=aggregate_types)]


def rows_between(
    after: int, up_to: int, *, limit: int = PAGE, aggregate_types: Collection[str] | None = None
) -> list[Row]:
    """Return what `events_between` does, as it is stored. What is no longer in the table is read from archives."""
    found: list[Row] = []
    while True:
        rows = rows_in_table(after, up_to, limit=limit - len(found), aggregate_types=aggregate_types)
        # Asked after the table was: what is removed between the two was read there.
        archive = removed_after(after)
        if archive is None or archive.after_number >= up_to:
            return found + rows
        found += [row for row in rows if row.number <= archive.after_number]
        archived = (
            row
            for row in contents(archive).rows
            if after < row.number <= up_to and (aggregate_types is None or row.aggregate_type in aggregate_types)
        )
        found += islice(archived, limit - len(found))
        after = archive.up_to_number
        if after >= up_to or len(found) == limit:
            return found


def rows_in_table(
    after: int, up_to: int, *, limit: int = PAGE, aggregate_types: Collection[str] | None = None
) -> list[Row]:
    """Return what `rows_between` does, of what the table still has."""
    kinds, parameters = "", [after, up_to]
    if aggregate_types is not None:
        kinds = (
            f" AND aggregate_type IN ({', '.join(['%s'] * len(aggregate_types))})" if aggregate_types else " AND 1=0"
        )
    query = (
        f"SELECT {database().columns} FROM events WHERE number > %s AND number <= %s{kinds} ORDER BY number LIMIT %s"  # noqa: S608
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [*parameters, *(aggregate_types or ()), limit])
        return list(map(Row._make, cursor.fetchall()))


def follow(*, after: int = 0, aggregate_types: Collection[str] | None = None) -> Iterator[list[Recorded]]:
    """Yield pages of the events that are settled now, oldest first, after a number."""
    up_to = settled()
    while page := events_between(after, up_to, aggregate_types=aggregate_types):
        yield page
        after = page[-1].number

"""Following: reading the whole log in order, by number, and never past one that may still be filled."""

from collections.abc import Collection, Iterator

from django.db import connection

from eventstore.databases import database
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
        return [recorded_of(row) for row in cursor.fetchall()]


def follow(*, after: int = 0, aggregate_types: Collection[str] | None = None) -> Iterator[list[Recorded]]:
    """Yield pages of the events that are settled now, oldest first, after a number."""
    up_to = settled()
    while page := events_between(after, up_to, aggregate_types=aggregate_types):
        yield page
        after = page[-1].number

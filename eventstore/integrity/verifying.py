"""Verifying: the log held against its chains of hashes, its seals, and their exported files.

Pages of a thousand events are looked at by themselves, so that a long log takes no more memory than a short one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from eventstore.databases import Row, database
from eventstore.following import PAGE, rows_between, rows_in_table, settled
from eventstore.integrity.archives import Archive, ArchiveUnreadable, archives_between, contents, removed_after
from eventstore.integrity.chains import check_chain, exact, place_of
from eventstore.integrity.findings import Finding, event
from eventstore.integrity.ranges import SealedRanges
from eventstore.integrity.references import References, newest_exported
from eventstore.integrity.sealing import newest_seal

ALIKE = 100 * PAGE
"""How many events with one number, or with numbers that were never given out, are looked at; one more is too many."""


class Verification:
    """A look through the events with numbers in (after, up_to], or all."""

    def __init__(
        self,
        *,
        after: int = 0,
        up_to: int | None = None,
        exported: Path | None = None,
        complete_to: int | None = None,
    ) -> None:
        """`complete_to` is what `settled` said before a snapshot began; within one it can't be asked any more."""
        self._found: list[Finding] = []
        self.after = self._come_to = after
        self.up_to = last_number(exported, complete_to) if up_to is None else up_to
        self._events = 0
        self._references = References(exported, after=after, up_to=self.up_to, report=self._found.append)
        self._ranges = SealedRanges(self._references, report=self._found.append)

    def findings(self, come_to: Callable[[int], None] = lambda number: None) -> Iterator[Finding]:
        """Yield what is not as it was recorded, as it is found, and tell how far the look has come."""
        with any_text():
            yield from _files(self.after, self.up_to)
            if self.after == 0:
                yield from _never_given_out()
            while self._come_to < self.up_to:
                self._page()
                yield from self._found
                self._found.clear()
                come_to(self._come_to)
            self._ranges.end(self.up_to)
            yield from self._found

    def counts(self) -> dict[str, int]:
        """Return how much was looked at."""
        return {
            "events": self._events,
            "seals": self._ranges.seals,
            "events_under_none_of_them": self._ranges.unsealed,
            "seals_without_a_file": self._references.not_exported,
        }

    def _page(self) -> None:
        archive = removed_after(self._come_to)
        end = self.up_to
        if archive is not None:
            end = min(end, archive.up_to_number if archive.after_number <= self._come_to else archive.after_number)
        try:
            rows, end = _rows(self._come_to, end)
        except ArchiveUnreadable:
            self._ranges.skip(end)
        else:
            self._events += len(rows)
            self._found += check_chain(rows)
            if archive is not None and archive.after_number <= self._come_to:
                self._found += _kept_otherwise(archive, self._come_to, end, rows)
            self._ranges.take(rows)
        self._come_to = end


@contextmanager
def any_text() -> Iterator[None]:
    """Read what is no text, too: SQLite keeps whatever bytes it is given, and one such row must hide no other."""
    connection.ensure_connection()
    if connection.vendor != "sqlite":
        yield
        return
    before = connection.connection.text_factory
    connection.connection.text_factory = lambda found: found.decode(errors="surrogateescape")
    try:
        yield
    finally:
        connection.connection.text_factory = before


def last_number(exported: Path | None, complete_to: int | None = None) -> int:
    """Return the number up to which there are, or should be, events."""
    complete = settled() if complete_to is None else complete_to
    seals = [newest_seal(), newest_exported(exported) if exported else None]
    return max(complete, *(seal.up_to_number if seal else 0 for seal in seals))


def _rows(after: int, up_to: int) -> tuple[list[Row], int]:
    """Return the next events, and the number up to which they are all."""
    rows = rows_between(after, up_to, limit=PAGE)
    if len(rows) < PAGE:
        return rows, up_to
    # Where someone gave a number twice, a page must not end between the two.
    last = rows[-1].number
    alike = rows_between(last - 1, last, limit=ALIKE)
    return [row for row in rows if row.number < last] + alike, last


def _files(after: int, up_to: int) -> Iterator[Finding]:
    for archive in archives_between(after, up_to) if settings.ARCHIVE_FOLDER or removed_after(after) else ():
        try:
            contents(archive)
        except ArchiveUnreadable as error:
            yield Finding(kind="changed", expected=f"archive {archive.number} as it was written", found=str(error))


def _never_given_out() -> Iterator[Finding]:
    """Numbers are given out from 1 on, on PostgreSQL by a sequence; no seal is ever made over others."""
    # A sequence is read as it is now, so it has come to the number of each event that this statement sees.
    above = " OR number > (SELECT last_value FROM events_number_seq)" if connection.vendor == "postgresql" else ""
    query = f"SELECT {database().columns} FROM events WHERE number < 1{above} ORDER BY number LIMIT %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, [ALIKE])
        rows = [Row._make(row) for row in cursor.fetchall()]
    yield from (event("inserted", row, "a number that was given out", f"number {row.number}") for row in rows)


def _kept_otherwise(archive: Archive, after: int, up_to: int, archived: list[Row]) -> Iterator[Finding]:
    """What the table still has of an archived range must be as it is in the archive."""
    known, places = set(archived), {place_of(row) for row in archived}
    for row in rows_in_table(after, up_to, limit=ALIKE):
        if place_of(row) not in places:
            yield event("inserted", row, f"no event that is not in {archive.file}", "one in the table")
        elif not _is_among(row, known):
            yield event("changed", row, f"the event as it is in {archive.file}", "another one in the table")


def _is_among(row: Row, known: set[Row]) -> bool:
    try:
        return exact(row) in known
    except (ValueError, TypeError):
        return False

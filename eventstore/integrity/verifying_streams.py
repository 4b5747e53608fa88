"""Verifying a stream: its chain of hashes, and each of its events against the mark in its seal.

Of a seal only the marks are looked at, since its root stands for the events of other streams as well.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.db.models import Max

from eventstore.databases import Row
from eventstore.following import PAGE
from eventstore.integrity.archives import ArchiveUnreadable
from eventstore.integrity.chains import check_chain
from eventstore.integrity.findings import Finding, event, printable
from eventstore.integrity.references import References
from eventstore.integrity.seals import Seal, leaf, mark
from eventstore.integrity.tables import ArchivedStream
from eventstore.integrity.verifying import any_text, last_number
from eventstore.reading import head, stored_rows
from eventstore.recorded import Stream


class NoSuchStream(Exception):
    """Neither the table nor an archive holds an event of that stream: nothing could be looked at."""


class StreamVerification:
    """A look through the events of one stream, and all seals. Raises NoSuchStream."""

    def __init__(self, aggregate_type: str, aggregate_id: str, *, exported: Path | None = None) -> None:
        self._found: list[Finding] = _gone(Stream(aggregate_type, aggregate_id))
        self._rows = stored_rows(aggregate_type, aggregate_id)
        self._references = References(exported, after=0, up_to=last_number(exported), report=self._found.append)
        self._seals = iter(self._references)
        self._seal: Seal | None = None
        self._marks: dict[int, str] = {}
        self._events = self._sealed = 0

    def findings(self) -> Iterator[Finding]:
        """Yield what is not as it was recorded, as it is found."""
        with any_text():
            self._next_seal()
            try:
                while page := list(islice(self._rows, PAGE)):
                    self._events += len(page)
                    self._found += check_chain(page)
                    for row in page:
                        self._hold_against_seal(row)
                    yield from self._found
                    self._found.clear()
            except ArchiveUnreadable as error:
                self._found.append(Finding(kind="changed", expected="an archive as it was written", found=str(error)))
            while self._seal is not None:
                self._next_seal()
            yield from self._found

    def counts(self) -> dict[str, int]:
        """Return how much was looked at."""
        return {
            "events": self._events,
            "events_under_no_seal": self._events - self._sealed,
            "seals_without_a_file": self._references.not_exported,
        }

    def _hold_against_seal(self, row: Row) -> None:
        while self._seal is not None and self._seal.up_to_number < row.number:
            self._next_seal()
        if self._seal is None or row.number <= self._seal.after_number:
            return
        self._sealed += 1
        expected = self._marks.get(row.number)
        if expected is None:
            self._found.append(event("inserted", row, "no event, by the seal", "one", seal=self._seal))
        elif expected != (found := mark(leaf(row))):
            leaf_told = f"a leaf that begins with {expected}"
            self._found.append(event("changed", row, leaf_told, found, seal=self._seal))

    def _next_seal(self) -> None:
        self._seal = next(self._seals, None)
        self._marks = dict(self._seal.marks_by_number()) if self._seal else {}


def _gone(stream: Stream) -> list[Finding]:
    """Tell that nothing of a stream is in the table, though an archive holds some: its newest event always stays."""
    if head(*stream):
        return []
    last = ArchivedStream.objects.filter(**stream._asdict()).aggregate(last=Max("last_version"))["last"]
    if last is None:
        raise NoSuchStream(f"expected a stream with events, found no event of {printable(str(stream))}")
    return [Finding(kind="missing", stream=str(stream), version=last, expected="an event in the table", found="none")]

"""A feed: one kind of record at Quiver, read page by page from the newest back to the first day that is asked for.

The contract says nothing of how rows are ordered, how many a page has at most, or what lies past the last one. So a
page is never taken for the last because it is short: an empty one is, one that is not there, and one that repeats the
page before, where the service does not know pages. Reading ends before that only where all rows came newest first.

Rows that are published while we read push others over to the next page. What a page repeats of the end of the one
before is left out; should it be another lot in all alike, the next run sees it elsewhere in a page.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog

from audit_trail.ingestion.batches import BadRow, Batch, ReadRow, RecordKind, Unreadable
from audit_trail.sources.fields import day_of, fields_of
from audit_trail.sources.outcomes import UnusableAnswer
from audit_trail.sources.quiver.service import QuiverCalls
from audit_trail.sources.window import DAY, Window

log = structlog.get_logger(__name__)

PAGE_SIZE = 1000
MOST_PAGES = 500


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Where a kind of record is asked for, and how a row of it is read."""

    task: str
    """As `ingest` calls it."""

    data_source: str
    kind: RecordKind
    path: str
    read: Callable[[str], ReadRow]
    """Raises Unreadable."""

    disclosed_under: tuple[str, ...]
    """How rows call the day of disclosure."""

    params: Mapping[str, str] = field(default_factory=dict)

    def batch(self, calls: QuiverCalls, window: Window, *, now: datetime) -> Batch:
        """Ask for all that was disclosed in the window. Raises SourceError."""
        latest = now.date() + DAY  # It is already tomorrow somewhere.
        good, bad = [], []
        newest_first, oldest = True, date.max
        for page in self._pages(calls, window):
            for text in page:
                try:
                    row = self._read(text, latest)
                    disclosed_on = row.disclosed_on
                    if window.holds(row):
                        good.append(row)
                except Unreadable as error:
                    told_on = self._disclosed_on(text)
                    if told_on is None or told_on > latest or window.holds_day(told_on):
                        bad.append(BadRow(text, str(error)))
                    if told_on is None:
                        continue
                    disclosed_on = told_on
                newest_first = newest_first and disclosed_on <= oldest
                oldest = disclosed_on
            if newest_first and oldest < window.since:
                break
        return Batch(kind=self.kind, read=good, bad=bad)

    def _read(self, text: str, latest: date) -> ReadRow:
        row = self.read(text)
        if row.disclosed_on > latest:
            raise Unreadable(f"expected a disclosure by {latest}, was one of {row.disclosed_on}")
        return row

    def _disclosed_on(self, text: str) -> date | None:
        """When a row that can't be read was disclosed, if it says so: of another window, it is none of this run's."""
        for name in self.disclosed_under:
            try:
                return day_of(fields_of(text), name)
            except Unreadable:
                continue
        return None

    def _pages(self, calls: QuiverCalls, window: Window) -> Iterator[Sequence[str]]:
        before: list[str] = []
        for number in range(1, MOST_PAGES + 1):
            rows = calls.rows(self.path, self._asked(number, window), purpose=f"{self.task} page {number}")
            if rows is None and number == 1 and window.ticker is None:
                raise UnusableAnswer(f"GET {self.path}: expected rows, was told that there is no such address (404)")
            marks = [self.kind.mark_of(row) for row in rows or ()]
            if not rows or sorted(marks) == sorted(before):
                return
            repeated = _overlap(before, marks)
            if repeated:
                log.info("Rows repeated from the page before", task=self.task, page=number, rows=repeated)
            yield rows[repeated:]
            if len(rows) > PAGE_SIZE:
                return  # It does not know pages, and has told all.
            before = marks
        raise UnusableAnswer(f"GET {self.path}: expected an end within {MOST_PAGES} pages, found none")

    def _asked(self, page: int, window: Window) -> dict[str, str]:
        ticker = {} if window.ticker is None else {"ticker": window.ticker}
        return {**self.params, **ticker, "page": str(page), "page_size": str(PAGE_SIZE)}


def _overlap(before: Sequence[str], after: Sequence[str]) -> int:
    """Tell how many rows at the end of one page stand at the beginning of the next."""
    for count in range(min(len(before), len(after)), 0, -1):
        if before[-count:] == after[:count]:
            return count
    return 0

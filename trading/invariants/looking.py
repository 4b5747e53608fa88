"""Looking: what an invariant may ask, page by page, so that a long table takes no more memory than a short one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from trading.ledger.invariants import LEGACY_BOOKS, VIEWED_BOOKS, Books
from trading.ledger.mode import Mode
from trading.ledger.tables import OnchainTrade

PAGE = 1000

Row = TypeVar("Row", bound=Model)


class Look:
    """One look of one invariant, at the memory that is the truth. It counts what it was shown."""

    def __init__(
        self,
        *,
        mode: Mode,
        now: datetime,
        legacy_projection: bool = True,
        since: datetime | None = None,
        complete_to: int | None = None,
    ) -> None:
        """`since`: only at what began then or later, and what is open.

        `complete_to`: the number up to which the log was complete before this look's snapshot of the database began.
        """
        self.mode, self.now, self.since = mode, now, since
        self.legacy_projection = legacy_projection
        self.books: Books = VIEWED_BOOKS if mode is Mode.EVENTS else LEGACY_BOOKS
        self.complete_to = complete_to
        self.looked_at = 0

    # Rows of the memory that is the truth.

    def trades(self) -> "QuerySet[Any]":
        """The fills on chain, as far as they are looked at."""
        return self.begun(self.all_trades(), self.taken_in)

    def orders(self) -> "QuerySet[Any]":
        """The hedge orders, as far as they are looked at: those of old that are open, or ended lately, are."""
        rows = self.all_orders()
        if self.since is None:
            return rows
        return rows.filter(Q(placed_at__gte=self.since) | Q(ended_at__gte=self.since) | Q(ended_at=None))

    def positions(self) -> "QuerySet[Any]":
        return self.begun(self.books.positions._default_manager.all(), "last_updated")

    def all_trades(self) -> "QuerySet[Any]":
        return self.books.links.trades._default_manager.all()

    def all_orders(self) -> "QuerySet[Any]":
        return self.books.links.orders._default_manager.all()

    @property
    def taken_in(self) -> str:
        """The column that says when a fill came into our books."""
        return "created_at" if self.books.links.trades is OnchainTrade else "recorded_at"

    # Reading.

    def begun(self, rows: "QuerySet[Row]", column: str) -> "QuerySet[Row]":
        """Of these rows those that began since the time that is asked about."""
        return rows if self.since is None else rows.filter(**{f"{column}__gte": self.since})

    def pages(self, rows: "QuerySet[Row]") -> Iterator[list[Row]]:
        """All of these rows, so many at a time, by their keys: nothing is held but one page."""
        last = None
        while page := list((rows if last is None else rows.filter(pk__gt=last)).order_by("pk")[:PAGE]):
            self.looked_at += len(page)
            yield page
            last = page[-1].pk

    def each(self, rows: "QuerySet[Row]") -> Iterator[Row]:
        """The same, one by one."""
        for page in self.pages(rows):
            yield from page

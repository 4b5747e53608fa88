"""Faults: an event store that fails, in whichever way, for a while, and then does not."""

import random

from django.db import connection

from eventstore.store import append
from trading.ledger import backlog, book
from trading.ledger.links import OrderLinkProjector
from trading.offchain_order.view import OffchainOrderProjector
from trading.onchain_trade.view import OnChainTradeProjector
from trading.position.view import PositionProjector


class StoreFailed(Exception):
    """The event store refuses, for the test's own reason."""


class Faults:
    """Stands in the way of `append`, where the ledger and the backlog's drain call it."""

    def __init__(self, monkeypatch, seed=0):
        self.random = random.Random(seed)
        self.failures = 0
        self._kind = None
        self._left = 0
        self._project = {}
        monkeypatch.setattr(book, "append", self._append)
        monkeypatch.setattr(backlog, "append", self._append)
        for projector in (OnChainTradeProjector, PositionProjector, OffchainOrderProjector, OrderLinkProjector):
            self._let_fail(monkeypatch, projector)

    def fail(self, kind, *, times=1_000_000):
        """Fail from now on: before, after, with broken SQL, in a view's projector, or for one symbol only."""
        self._kind, self._left = kind, times

    def stop(self):
        self._kind, self._left = None, 0

    def maybe(self):
        """Begin to fail for a few commits, now and then."""
        if self._kind is None and self.random.random() < 0.3:
            kind = self.random.choice(["before", "after", "sql", "missing table", "view", "AAPL", "TSLA"])
            self.fail(kind, times=self.random.randint(1, 6))

    def _append(self, drafts, *, at):
        if self._kind is None:
            return append(drafts, at=at)
        self._left -= 1
        kind = self._kind
        if self._left <= 0:
            self._kind = None
        match kind:
            case "before":
                self._raise()
            case "after":
                append(drafts, at=at)
                self._raise()
            case "sql":
                self.failures += 1
                append(drafts, at=at)
                self._execute("INSERT INTO events (version) VALUES (1)")
            case "missing table":
                self.failures += 1
                self._execute("SELECT * FROM a_table_that_is_not_there")
            case "view":
                self._project["fails"] = True
                try:
                    return append(drafts, at=at)
                finally:
                    self._project.clear()
            case symbol:
                if any(draft.aggregate_id == symbol for draft in drafts):
                    self._raise()
        return append(drafts, at=at)

    def _raise(self):
        self.failures += 1
        raise StoreFailed("the event store is out of order")

    def _execute(self, sql):
        with connection.cursor() as cursor:
            cursor.execute(sql)

    def _let_fail(self, monkeypatch, projector):
        project = projector.project

        def failing(this, batch):
            project(this, batch)
            if self._project:
                self._raise()

        monkeypatch.setattr(projector, "project", failing)

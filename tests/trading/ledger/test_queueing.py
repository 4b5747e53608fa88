"""Queueing: how often an event store that fails is asked for what a step decided, and what counts while it waits."""

import pytest
from django.db import DataError, OperationalError

from eventstore.store import append
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.steps import Steps
from trading.ledger import book, stream
from trading.ledger.backlog import BackloggedEvent, drain
from trading.ledger.mode import Mode
from trading.ledger.stream import load_with_backlog
from trading.position.aggregate import Position

pytestmark = pytest.mark.django_db

SILENT = OperationalError("canceling statement due to lock timeout")


class Store:
    """An event store that fails with an error each time that it is asked for these symbols together."""

    def __init__(self, monkeypatch, errors):
        self.asked, self._errors = [], errors
        monkeypatch.setattr(book, "append", self._append)

    def _append(self, drafts, *, at):
        symbols = tuple(dict.fromkeys(draft.aggregate_id for draft in drafts if draft.aggregate_type == "Position"))
        self.asked.append(symbols)
        if (error := self._errors.get(symbols)) is not None:
            raise error
        return append(drafts, at=at)


def fills(*tokens):
    steps = Steps()
    with steps.step() as step:
        for token in tokens:
            steps.fill_in(step, "BUY", "1", token)


def waiting():
    rows = BackloggedEvent.objects.filter(aggregate_type="Position", version=2).order_by("id")
    return list(rows.values_list("aggregate_id", "last_error"))


def test_a_group_that_was_refused_alone_is_not_tried_a_second_time(monkeypatch):
    store = Store(monkeypatch, {("AAPL",): DataError("no")})

    fills("tAAPL")

    assert store.asked == [("AAPL",)]
    assert waiting() == [("AAPL", "DataError: no")]


def test_of_two_groups_that_were_refused_together_the_one_that_is_taken_alone_does_not_wait(monkeypatch):
    store = Store(monkeypatch, {("AAPL", "TSLA"): DataError("not both"), ("AAPL",): DataError("no")})

    fills("tAAPL", "tTSLA")

    assert store.asked == [("AAPL", "TSLA"), ("AAPL",), ("TSLA",)]
    assert waiting() == [("AAPL", "DataError: no")]


def test_once_the_event_store_does_not_answer_the_groups_after_are_not_tried(monkeypatch):
    """Each would cost a time-out, while the trade waits."""
    store = Store(monkeypatch, {("AAPL", "TSLA"): DataError("not both"), ("AAPL",): SILENT})

    fills("tAAPL", "tTSLA")

    assert store.asked == [("AAPL", "TSLA"), ("AAPL",)]
    assert waiting() == [(symbol, f"OperationalError: {SILENT}") for symbol in ("AAPL", "TSLA")]


def test_an_event_that_is_drained_between_the_look_at_the_backlog_and_at_the_stream_is_counted_once(monkeypatch):
    steps = Steps(Mode.DUAL)
    steps.fill("BUY", "1")
    Faults(monkeypatch).fail("before", times=1)
    steps.fill("BUY", "2")
    real = stream.waiting_events

    def then_drained(*arguments):
        waiting = real(*arguments)
        assert [draft.version for draft in waiting] == [3]
        drain(now=steps.now, regardless=True)
        return waiting

    monkeypatch.setattr(stream, "waiting_events", then_drained)
    held = load_with_backlog(Position, ["AAPL"])["AAPL"]

    assert (held.state.net, held.version) == (3, 3)
    assert not BackloggedEvent.objects.exists()

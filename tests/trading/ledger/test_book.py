"""Book: what a ledger says of an event store that refuses, and where it must not go on, since the commit is lost."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from django.db import DataError, InterfaceError, OperationalError, transaction
from structlog.testing import capture_logs

from eventstore.store import append
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.steps import Steps
from trading.ledger import book
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.book import Ledger
from trading.ledger.legacy import LegacyMemory
from trading.ledger.mode import Mode
from trading.ledger.stream import StreamMemory
from trading.ledger.tables import OnchainTrade
from trading.values.thresholds import threshold


@pytest.mark.parametrize(
    ("mode", "memory"), [(Mode.LEGACY, LegacyMemory), (Mode.DUAL, LegacyMemory), (Mode.EVENTS, StreamMemory)]
)
def test_a_ledger_is_read_from_the_memory_that_its_mode_trusts(mode, memory):
    assert type(Ledger(mode).memory()) is memory


def test_a_ledger_that_was_told_no_more_hedges_at_one_share_and_keeps_the_legacy_tables():
    ledger = Ledger(Mode.EVENTS)

    assert (ledger.threshold, ledger.legacy_projection) == (threshold("1 share"), True)


@pytest.mark.django_db
def test_a_step_knows_the_threshold_of_its_ledger_its_time_and_whose_it_is():
    steps = Steps(threshold_text="$100")

    with steps.step() as step, step.group("a test"):
        assert (step.default_threshold, step.at) == (threshold("$100"), steps.now)
        assert (step._metadata.actor, step._metadata.correlation) == ("tests", "a test")


@pytest.mark.django_db
def test_a_step_is_a_commit_of_its_own_and_no_part_of_another():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        Steps().fill("BUY", "1")


@pytest.mark.django_db
def test_each_group_that_is_refused_waits_with_its_own_reason_and_what_follows_it_is_not_tried(monkeypatch):
    asked = []

    def picky(drafts, *, at):
        symbols = list(dict.fromkeys(draft.aggregate_id for draft in drafts if draft.aggregate_type == "Position"))
        asked.append(symbols)
        if symbols != ["MSFT"]:
            raise DataError(f"not {symbols[0]}")
        return append(drafts, at=at)

    monkeypatch.setattr(book, "append", picky)
    steps = Steps()
    with steps.step() as step:
        for token in ("tAAPL", "tTSLA", "tAAPL", "tMSFT"):
            steps.fill_in(step, "BUY", "1", token)

    assert asked == [["AAPL", "TSLA", "MSFT"], ["AAPL"], ["TSLA"], ["MSFT"]]
    waiting = BackloggedEvent.objects.filter(aggregate_type="Position").order_by("id")
    assert list(waiting.values_list("aggregate_id", "version", "last_error")) == [
        ("AAPL", 1, "DataError: not AAPL"),
        ("AAPL", 2, "DataError: not AAPL"),
        ("TSLA", 1, "DataError: not TSLA"),
        ("TSLA", 2, "DataError: not TSLA"),
        ("AAPL", 3, "queued behind events of the same stream"),
    ]


@pytest.mark.django_db
def test_what_the_event_store_refuses_is_logged_with_what_it_belongs_to(monkeypatch):
    steps = Steps()
    Faults(monkeypatch).fail("before", times=1)
    with capture_logs() as lines, steps.step() as step:
        trade = steps.fill_in(step, "BUY", "1")

    assert lines == [
        {
            "event": "event store refused events",
            "log_level": "error",
            "exc_info": True,
            "correlations": [str(trade)],
            "events": [f"OnChainTrade-{trade} v1", "Position-AAPL v1", "Position-AAPL v2"],
        }
    ]


@pytest.mark.django_db
def test_what_is_not_tried_since_the_event_store_does_not_answer_waits_with_what_it_failed_with(monkeypatch):
    def silent(drafts, *, at):
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(book, "append", silent)
    steps = Steps()
    with steps.step() as step:
        for token in ("tAAPL", "tTSLA"):
            steps.fill_in(step, "BUY", "1", token)

    errors = BackloggedEvent.objects.values_list("last_error", flat=True)
    assert list(errors) == ["OperationalError: canceling statement due to lock timeout"] * 6


@pytest.mark.django_db
def test_a_step_whose_connection_is_gone_is_repeated_as_a_whole(monkeypatch):
    def gone(drafts, *, at):
        raise InterfaceError("connection already closed")

    with monkeypatch.context() as patched:
        patched.setattr(book, "append", gone)
        with pytest.raises(InterfaceError, match=r"^connection already closed$"):
            Steps().fill("BUY", "1")

    assert not OnchainTrade.objects.exists()
    assert not BackloggedEvent.objects.exists()


@pytest.mark.django_db
def test_what_was_read_elsewhere_is_not_written_to_the_legacy_tables():
    steps = Steps(Mode.DUAL)
    with pytest.raises(TypeError, match=r"^dual is read from the legacy tables$"), steps.step() as step:  # noqa: PT012
        steps.fill_in(step, "BUY", "1")
        steps.ledger._write(step, StreamMemory())

    assert not OnchainTrade.objects.exists()


def sqlite(raw):
    return SimpleNamespace(vendor="sqlite", connection=raw, is_usable=lambda: True)


def postgresql(usable):
    return SimpleNamespace(vendor="postgresql", connection=None, is_usable=lambda: usable)


IN_IT, OUT_OF_IT = SimpleNamespace(in_transaction=True), SimpleNamespace(in_transaction=False)


@pytest.mark.parametrize(
    ("error", "connection", "is_lost"),
    [
        (InterfaceError("connection already closed"), sqlite(IN_IT), True),
        (InterfaceError("connection already closed"), postgresql(usable=True), True),
        # SQLite rolls back by itself where the disk is full, whatever the error then is.
        (DataError("disk full"), sqlite(OUT_OF_IT), True),
        (DataError("disk full"), sqlite(None), True),
        (OperationalError("locked"), sqlite(IN_IT), False),
        # PostgreSQL has lost it with the connection, and with nothing less.
        (OperationalError("terminating connection"), postgresql(usable=False), True),
        (OperationalError("canceling statement due to lock timeout"), postgresql(usable=True), False),
        (DataError("out of range"), postgresql(usable=False), False),
    ],
)
def test_where_the_commit_is_lost_with_the_savepoint_the_error_is_raised(error, connection, is_lost, monkeypatch):
    monkeypatch.setattr(book, "connection", connection)
    with pytest.raises(type(error)) if is_lost else nullcontext():
        book._raise_if_the_commit_is_lost(error)

"""Backlog: what the event store will not take waits in order, and nothing of it is lost or let past."""

import threading
import time
from datetime import timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from eventstore.models import StoredEvent
from tests.trading.ledger import agreement
from tests.trading.ledger.faults import Faults, StoreFailed
from tests.trading.ledger.steps import AT, Steps
from trading.ledger import backlog, book
from trading.ledger.backlog import TRIES_BEFORE_A_NOTICE, BackloggedEvent, Drained, drain
from trading.ledger.book import Ledger
from trading.ledger.tables import OnchainTrade, TradeAccumulator
from trading.notices.models import Notice, open_notices
from trading.offchain_order.aggregate import AlreadyCompleted

pytestmark = pytest.mark.django_db

LATER = AT + timedelta(days=1)


@pytest.fixture
def faults(monkeypatch):
    return Faults(monkeypatch)


@pytest.fixture
def steps():
    return Steps()


@pytest.mark.parametrize("kind", ["before", "after", "sql", "missing table", "view"])
def test_whatever_fails_in_the_event_store_the_trade_is_booked_and_its_events_wait(kind, steps, faults):
    faults.fail(kind)

    trade = steps.fill("BUY", "1.5")

    assert OnchainTrade.objects.get().trade == trade
    assert TradeAccumulator.objects.get().net_position == steps.position().net
    assert not StoredEvent.objects.exists()
    assert not agreement.views_of(agreement.OnChainTrade)
    assert waiting() == [
        (f"OnChainTrade-{trade}", 1, "OnChainTradeEvent::Filled"),
        ("Position-AAPL", 1, "PositionEvent::Initialized"),
        ("Position-AAPL", 2, "PositionEvent::OnChainOrderFilled"),
    ]


def test_a_drain_stores_everything_as_of_when_it_happened(steps, faults):
    faults.fail("before")
    steps.fill("BUY", "1")
    happened = steps.now
    order = steps.hedge()
    faults.stop()

    assert drain(now=LATER) == Drained(groups=2, left=0)

    assert [(e.aggregate_id, e.recorded_at) for e in StoredEvent.objects.filter(version=1).order_by("number")][1:] == [
        ("AAPL", happened),
        (str(order), happened + timedelta(seconds=1)),
    ]
    agreement.hold_states(steps.ledger)
    agreement.hold_links(steps.ledger)


def test_what_comes_next_for_a_stream_queues_behind_and_the_whole_group_with_it(steps, faults):
    faults.fail("AAPL", times=2)  # The fill's group alone, which is tried once as all there is.
    steps.fill("BUY", "2")
    faults.stop()

    steps.fill("BUY", "1", "tTSLA")  # Shares no stream with what waits: stored at once.
    order = steps.hedge()  # Shares Position-AAPL: the order's own stream waits with it.
    steps.submit(order)  # The order's stream alone, which is behind by now.
    steps.hedge("TSLA")

    assert {stream for stream, _, _ in waiting() if "Order-" in stream or "Position" in stream} == {
        "Position-AAPL",
        f"OffchainOrder-{order}",
    }
    assert set(StoredEvent.objects.values_list("aggregate_id", flat=True)) >= {"TSLA", str(order + 1)}
    assert [row.last_error for row in BackloggedEvent.objects.order_by("id")][-1].startswith("queued behind")
    assert drain(now=LATER).left == 0
    agreement.hold_states(steps.ledger)
    agreement.hold_links(steps.ledger)


def test_of_a_step_with_many_groups_only_what_fails_has_to_wait(steps, faults):
    faults.fail("TSLA", times=1_000)

    with steps.step() as step:
        for token in ("tAAPL", "tTSLA", "tMSFT"):
            steps.fill_in(step, "BUY", "1", token)
        steps.fill_in(step, "SELL", "1", "tTSLA")

    assert {stream for stream, _, _ in waiting() if "Position" in stream} == {"Position-TSLA"}
    assert BackloggedEvent.objects.values("group").distinct().count() == 2
    stored = StoredEvent.objects.filter(aggregate_type="Position").values_list("aggregate_id", flat=True)
    assert set(stored) == {"AAPL", "MSFT"}
    faults.stop()
    assert drain(now=LATER) == Drained(groups=2, left=0)
    agreement.hold_states(steps.ledger)


def test_a_store_that_does_not_answer_is_asked_once_a_commit_and_not_once_a_group(steps, faults, monkeypatch):
    from django.db import OperationalError

    asked = []

    def times_out(drafts, *, at):
        asked.append(len(drafts))
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(book, "append", times_out)
    with steps.step() as step:
        for index in range(20):
            steps.fill_in(step, "BUY", "1", f"tSYM{index}")

    assert asked == [60]
    assert BackloggedEvent.objects.count() == 60


def test_the_order_of_events_is_kept_through_failing_drains(steps, faults):
    faults.fail("before")
    steps.fill("BUY", "1")
    order = steps.hedge()
    steps.submit(order)
    steps.fill("SELL", "1", "tTSLA")
    before = waiting()

    assert drain(now=steps.now + timedelta(seconds=5)) == Drained(groups=0, left=len(before))

    assert waiting() == before
    # What stands behind a group that failed was not even tried; TSLA stands behind none.
    tried = BackloggedEvent.objects.order_by("group", "id").values_list("aggregate_id", "version", "tries")
    positions = [one for one in tried if one[0] in ("AAPL", "TSLA")]
    assert positions == [("AAPL", 1, 1), ("AAPL", 2, 1), ("AAPL", 3, 0), ("TSLA", 1, 1), ("TSLA", 2, 1)]
    assert [one for one in tried if one[0] == str(order)] == [(str(order), v, 0) for v in (1, 2, 3)]
    faults.stop()
    assert drain(now=LATER).left == 0
    agreement.hold_states(steps.ledger)
    agreement.hold_links(steps.ledger)


def test_a_group_waits_longer_after_each_failure_unless_told_otherwise(steps, faults):
    faults.fail("before")
    steps.fill("BUY", "1")
    now = steps.now

    waits = []
    for _ in range(12):
        drain(now=now, regardless=True)
        waits.append(BackloggedEvent.objects.values_list("not_before", flat=True)[0] - now)

    assert waits[:4] == [timedelta(seconds=s) for s in (2, 4, 8, 16)]
    assert waits[-1] == timedelta(minutes=5)
    faults.stop()
    assert drain(now=now + timedelta(minutes=4)) == Drained(groups=0, left=3)
    assert drain(now=now + timedelta(minutes=5)) == Drained(groups=1, left=0)


def test_ten_failures_are_one_notice_which_closes_when_the_backlog_is_empty(steps, faults):
    faults.fail("before")
    steps.fill("BUY", "1")
    steps.hedge()  # Queues behind, so it is never tried and tells nobody.

    for turn in range(1, 15):
        drain(now=LATER + timedelta(hours=turn))
        assert len(open_notices()) == (turn >= TRIES_BEFORE_A_NOTICE)

    (notice,) = Notice.objects.all()
    assert (notice.kind, notice.subject, notice.times) == ("event_backlog", "event store", 1)
    assert "refused 10 times: the event store is out of order" in notice.text
    faults.stop()
    assert drain(now=LATER + timedelta(days=1)).left == 0
    assert open_notices() == []


def test_a_refused_command_leaves_nothing_on_the_backlog(steps, faults):
    faults.fail("before")
    steps.fill("BUY", "1")
    order = steps.hedge()
    steps.submit(order)
    steps.complete(order)
    before = waiting()

    with pytest.raises(AlreadyCompleted):
        steps.complete(order)

    assert waiting() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("store", ["sound", "failing"])
def test_what_is_lost_with_the_commit_is_lost_together(store, steps, faults, monkeypatch):
    write = Ledger._write

    def write_and_die(self, step, memory):
        write(self, step, memory)
        raise StoreFailed("the disk is full")

    if store == "failing":
        faults.fail("before")
    monkeypatch.setattr(Ledger, "_write", write_and_die)

    with pytest.raises(StoreFailed):
        steps.fill("BUY", "1")

    assert not any(agreement.dump([*agreement.LEGACY_TABLES, *agreement.VIEW_TABLES, "events"]).values())
    assert not BackloggedEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_station_fails_where_the_whole_transaction_went_with_the_savepoint(steps, monkeypatch):
    def lose_everything(drafts, *, at):
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                # As SQLite does by itself when the disk is full.
                connection.connection.execute("ROLLBACK")
                cursor.execute("SELECT * FROM a_table_that_is_not_there")
            else:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patched:
        patched.setattr(book, "append", lose_everything)
        with pytest.raises(Exception, match=r"not_there|terminat|closed"):
            steps.fill("BUY", "1")
    connection.close()

    assert not any(agreement.dump([*agreement.LEGACY_TABLES, "events"]).values())
    assert not BackloggedEvent.objects.exists()
    steps.fill("BUY", "1")
    agreement.hold_states(steps.ledger)


@pytest.fixture
def locked_events(transactional_db):
    """Another connection holds the table of events, as a careless migration would."""
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a transaction that writes is alone")
    database = settings.DATABASES["default"]
    parts = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {name: database[key] for name, key in parts.items() if database[key]}
    with psycopg.connect(**given) as other:
        other.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        yield other


@pytest.mark.django_db(transaction=True)
def test_a_locked_event_store_holds_no_trade_up(locked_events, steps, monkeypatch):
    monkeypatch.setattr(backlog, "LOCK_TIMEOUT_MS", 300)
    started = time.monotonic()

    with steps.step() as step:
        for index in range(5):
            steps.fill_in(step, "BUY", "1", f"tSYM{index}")
    took = time.monotonic() - started

    assert took < 2
    assert OnchainTrade.objects.count() == 5
    errors = set(BackloggedEvent.objects.values_list("last_error", flat=True))
    assert all(error.startswith("OperationalError: canceling statement due to lock timeout") for error in errors)
    # Whoever drains is not held up either.
    started = time.monotonic()
    assert drain(now=LATER).left == 15
    assert time.monotonic() - started < 5
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0", "0")

    locked_events.rollback()
    assert drain(now=LATER + timedelta(hours=1)) == Drained(groups=5, left=0)
    agreement.hold_states(steps.ledger)


@pytest.mark.django_db(transaction=True)
def test_two_who_drain_at_once_store_everything_once(steps, faults):
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a transaction that writes is alone")
    faults.fail("before")
    for index in range(6):
        steps.fill("BUY", "1", f"tSYM{index}")
    faults.stop()

    def run():
        try:
            drain(now=LATER)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert not BackloggedEvent.objects.exists()
    agreement.hold_states(steps.ledger)


def waiting():
    rows = BackloggedEvent.objects.order_by("group", "id")
    return [(f"{row.aggregate_type}-{row.aggregate_id}", row.version, row.type) for row in rows]

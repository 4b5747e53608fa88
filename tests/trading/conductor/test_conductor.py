"""The conductor: stations in threads, each with its own trouble, and one row that says how each is."""

import threading
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.db import OperationalError, connections

from tests.support.made_chain import MadeChain, clear, know_tokens, log_of, take
from tests.support.near_node import NearNode
from tests.support.stations import Clock, Stations
from trading.chain.node import NodeUnavailable
from trading.conductor.conductor import Conductor
from trading.conductor.heartbeat import BEAT_EVERY, FAILURES_BEFORE_A_NOTICE, Heartbeat
from trading.conductor.inbox import QueuedLog
from trading.conductor.outstanding import Outstanding, outstanding
from trading.conductor.queued import UnreadableRow, event_data
from trading.conductor.queued import log_of as queued_log_of
from trading.conductor.watcher import queue
from trading.conductor.work import StationHeartbeat, backoff, halt, refuse
from trading.ledger.mode import WrongMode
from trading.notices.models import Notice
from trading.values.symbols import Symbol

DEADLINE = 20


class Turns:
    """A station that does at each turn what its test says, and waits for no one."""

    def __init__(self, name, *turns):
        self.name = name
        self.given = 0
        self.turns = list(turns)
        self.done = threading.Event()

    def run_once(self, *, now):
        self.given += 1
        if not self.turns:
            self.done.set()
            return False
        turn = self.turns.pop(0)
        if isinstance(turn, BaseException):
            raise turn
        return turn


def conducting(*stations, clock=None) -> Conductor:
    return Conductor(stations, clock=clock or Clock(), process="test", idle_seconds=0.001)


@pytest.mark.django_db(transaction=True)
def test_a_station_that_fails_is_given_turns_again_and_the_others_go_on():
    ill = Turns("ill", NodeUnavailable("down"), ValueError("odd"), OperationalError("locked"), NodeUnavailable("down"))
    well = Turns("well", True, True)
    conductor = conducting(ill, well)

    conductor.start()
    assert ill.done.wait(DEADLINE)
    assert well.done.wait(DEADLINE)
    conductor.stop()

    assert conductor.fatal is None
    assert {row.station: row.failures for row in StationHeartbeat.objects.all()} == {"ill": 0, "well": 0}


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_that_cannot_be_written_ends_no_station(monkeypatch):
    """The node and the database are out at the same time: the thread must outlive both."""
    write = Heartbeat._write
    refused = []

    def refuse_to_write(self, now):
        if len(refused) < 5:
            refused.append(self._station)
            raise OperationalError("the database is not there")
        write(self, now)

    monkeypatch.setattr(Heartbeat, "_write", refuse_to_write)
    station = Turns("station", NodeUnavailable("down"), NodeUnavailable("down"), ValueError("odd"), True, True)
    conductor = conducting(station)

    conductor.start()
    assert station.done.wait(DEADLINE)
    conductor.stop()

    assert len(refused) == 5


@pytest.mark.django_db(transaction=True)
def test_a_change_of_the_ledgers_mode_stops_all():
    other = Turns("other")
    conductor = conducting(Turns("first", True, WrongMode("the mode in force is events")), other)

    conductor.start()
    assert conductor.stopping.wait(DEADLINE)
    conductor.stop()

    assert str(conductor.fatal) == "the mode in force is events"


@pytest.mark.django_db(transaction=True)
def test_stopping_waits_for_the_turn_under_way():
    entered, leave, ended = threading.Event(), threading.Event(), []

    class Slow:
        name = "slow"

        def run_once(self, *, now):
            entered.set()
            leave.wait(DEADLINE)
            ended.append(now)
            return False

    conductor = conducting(Slow())
    conductor.start()
    assert entered.wait(DEADLINE)
    stopping = threading.Thread(target=conductor.stop)
    stopping.start()
    assert conductor.stopping.wait(DEADLINE)
    assert ended == []
    leave.set()
    stopping.join(DEADLINE)

    assert len(ended) == 1
    assert not stopping.is_alive()
    connections.close_all()


@pytest.mark.django_db
def test_in_turn_each_station_has_one_turn_in_the_order_of_the_flow():
    given = []

    class Noting:
        def __init__(self, name):
            self.name = name

        def run_once(self, *, now):
            given.append(self.name)
            return self.name == "second"

    conductor = conducting(Noting("first"), Noting("second"), Noting("third"))

    assert conductor.run_in_turn(now=Clock()()) is True
    assert given == ["first", "second", "third"]


# Heartbeats.


@pytest.mark.django_db
def test_a_heartbeat_is_written_now_and_then_and_at_once_when_something_changes():
    clock, heartbeat = Clock(), Heartbeat("watcher", "test:1")
    heartbeat.beat(clock(), worked=True)
    first = StationHeartbeat.objects.get()
    assert (first.last_turn_at, first.last_work_at, first.failures) == (clock(), clock(), 0)

    clock.forward(BEAT_EVERY.total_seconds() / 2)
    heartbeat.beat(clock(), worked=False)
    assert StationHeartbeat.objects.get().last_turn_at == first.last_turn_at

    assert heartbeat.failed(clock(), ValueError("odd")) == 1
    assert heartbeat.failed(clock(), ValueError("odd")) == 2
    row = StationHeartbeat.objects.get()
    assert (row.failures, row.last_error) == (2, "ValueError: odd")

    heartbeat.beat(clock(), worked=False)
    row = StationHeartbeat.objects.get()
    assert (row.failures, row.last_error, row.last_turn_at) == (0, None, clock())
    assert row.last_work_at == first.last_work_at


@pytest.mark.django_db
def test_the_heartbeats_of_processes_long_gone_are_forgotten():
    clock = Clock()
    Heartbeat("watcher", "test:1").beat(clock(), worked=False)
    clock.forward(timedelta(days=2).total_seconds())
    Heartbeat("watcher", "test:2").beat(clock(), worked=False)
    assert [row.process for row in StationHeartbeat.objects.all()] == ["test:2"]


# What is left.


@pytest.fixture
def stations():
    chain = MadeChain("tAAPL")
    chain.mine(take("SELL", "1.5", "tAAPL"))
    return Stations(node=NearNode(chain.recording()), fill_seconds="5")


def left(stations: Stations) -> Outstanding:
    return outstanding(
        ledger=stations.ledger,
        hedger=stations.hedger,
        enricher=stations.enricher,
        orderbook=stations.orderbook,
        head=101,
        now=stations.clock(),
    )


@pytest.mark.django_db
def test_what_is_left_is_told_until_nothing_is(stations):
    told = [left(stations).left]
    stations.read()
    told.append(left(stations).left)
    stations.process()
    told.append(left(stations).left)
    stations.run(stations.hedger)
    told.append(left(stations).left)
    stations.hedge()
    told.append(left(stations).left)
    stations.forward(10)
    stations.hedge()
    told.append(left(stations).left)
    stations.run(stations.enricher)

    assert told == [
        ["no block was read, up to 101 there are"],
        ["1 logs are not processed"],
        ["AAPL is past its threshold with a net of -1.5"],
        ["order 1 (BUY 1 AAPL) is placed"],
        ["order 1 (BUY 1 AAPL) is submitted"],
        ["fills whose gas was not asked for yet"],
    ]
    assert left(stations) == Outstanding([], [])


@pytest.mark.django_db
def test_what_waits_is_left_and_what_is_halted_is_stuck(stations):
    stations.read()
    stations.process()
    stations.run(stations.enricher)
    refuse(Symbol("AAPL"), "no", now=stations.clock())
    assert left(stations).left == [
        "AAPL is past its threshold with a net of -1.5, and waits until 16:00:01: no",
    ]

    halt(Symbol("AAPL"), "stop", now=stations.clock())
    assert left(stations) == Outstanding([], ["AAPL is past its threshold with a net of -1.5, and halted: stop"])


# The queued form.


@pytest.mark.django_db
def test_a_log_comes_back_from_the_inbox_as_it_was():
    know_tokens("tAAPL")
    first, after = (log_of(each, block=100, index=i, tx="t") for i, each in enumerate(clear("SELL", "1", "tAAPL")))
    queue([first, after], now=Clock()())

    log, amounts = queued_log_of(QueuedLog.objects.get())

    assert (log.topic0, log.data, log.tx_hash, log.log_index) == (first.topic0, first.data, first.tx_hash, 0)
    assert (log.block_number, log.block_hash, log.block_timestamp) == (100, first.block_hash, first.block_timestamp)
    assert (amounts.topic0, amounts.data, amounts.log_index) == (after.topic0, after.data, 1)


def test_two_events_in_one_row_are_none():
    log = log_of(take("SELL", "1", "tAAPL"), block=100)
    tagged = event_data(log, None)
    row = QueuedLog(event_data=tagged[:-1] + ',"ClearV3":{"address":"0x","topic":"0x","data":"0x"}}')
    with pytest.raises(UnreadableRow, match="expected one event, was 2"):
        queued_log_of(row)


@pytest.mark.parametrize(("times", "seconds"), [(0, 1), (1, 1), (2, 2), (5, 16), (10, 512), (11, 900), (10_000, 900)])
def test_waits_double_up_to_a_quarter_of_an_hour(times, seconds):
    assert backoff(times) == timedelta(seconds=seconds)


@pytest.mark.django_db
def test_a_station_that_keeps_failing_is_told_until_it_gets_on():
    clock, heartbeat = Clock(), Heartbeat("watcher", "test")
    for _ in range(FAILURES_BEFORE_A_NOTICE + 2):
        heartbeat.failed(clock(), NodeUnavailable("down"))

    failing = Notice.objects.get(kind="station_failing", subject="watcher")
    assert (failing.closed_at, failing.times) == (None, 1)

    heartbeat.beat(clock(), worked=True)
    assert Notice.objects.get(kind="station_failing").closed_at is not None


@pytest.mark.django_db(transaction=True)
def test_that_a_station_fails_is_told_though_the_database_was_away_when_it_had_to_be(monkeypatch):
    clock, heartbeat = Clock(), Heartbeat("watcher", "test")
    with monkeypatch.context() as patched:
        patched.setattr(heartbeat, "_write", Mock(side_effect=OperationalError("the disk is full")))
        for _ in range(FAILURES_BEFORE_A_NOTICE):
            heartbeat.failed(clock(), NodeUnavailable("down"))
    assert not Notice.objects.exists()

    heartbeat.failed(clock(), NodeUnavailable("down"))

    assert Notice.objects.get().kind == "station_failing"


@pytest.mark.django_db
def test_that_a_station_gets_on_ends_its_notice_though_the_database_was_away_or_another_process_told(monkeypatch):
    clock, heartbeat, another = Clock(), Heartbeat("watcher", "test"), Heartbeat("watcher", "another")
    for _ in range(FAILURES_BEFORE_A_NOTICE):
        heartbeat.failed(clock(), NodeUnavailable("down"))
    with monkeypatch.context() as patched:
        patched.setattr(
            "trading.conductor.heartbeat.close_notice", Mock(side_effect=OperationalError("the disk is full"))
        )
        with pytest.raises(OperationalError):
            heartbeat.beat(clock(), worked=False)
    assert Notice.objects.get().closed_at is None

    heartbeat.beat(clock(), worked=False)
    assert Notice.objects.get().closed_at is not None

    for _ in range(FAILURES_BEFORE_A_NOTICE):
        another.failed(clock(), NodeUnavailable("down"))
    clock.forward(2)
    heartbeat.beat(clock(), worked=False)
    assert {notice.closed_at is not None for notice in Notice.objects.all()} == {True}

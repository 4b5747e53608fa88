"""Notices and a database that fails: what is to be told is told, and what is over is told no more.

A notice is closed in the commit of what it tells of, where nobody would look at it again.
"""

import contextlib
import threading
import time
from datetime import date, timedelta

import msgspec
import pytest
from django.db import OperationalError, transaction

from audit_trail.alerts import outbox
from audit_trail.alerts.models import AlertChannel
from audit_trail.alerts.outbox import FAILING_AFTER, known_channel, mark_failed
from audit_trail.decisions.cancelling import cancel_outdated, cancel_pending
from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.wanted import wanted_by
from tests.audit_trail.decisions.drafts import AT, decided
from tests.flows.test_concurrency import JOIN_SECONDS, at_once
from tests.support.stations import Clock, notices, with_a_placed_order
from tests.support.venue import Venue
from tests.trading.risk.asking import order
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, OrderRejected, UnusableReport
from trading.conductor import dispatcher, poller, postponing
from trading.conductor.heartbeat import FAILURES_BEFORE_A_NOTICE, Heartbeat
from trading.conductor.poller import LATE_FOR
from trading.conductor.work import TRIES_BEFORE_A_NOTICE, OrderWork
from trading.risk import records
from trading.risk.controls import lock_controls
from trading.risk.gate import Denied
from trading.risk.records import Denial, end_denials, keep_denial
from trading.risk.rules import Rule
from trading.submission import pauses
from trading.submission.pauses import BrokerPause, pause, resume_calls

pytestmark = pytest.mark.django_db

REFUSED = NotAuthorised("403")
TOO_MUCH = Denied(rule=Rule.BUYING_POWER, text="too much", figures={})
STRATEGY, BROKER = "congressional", "dry_run"


@pytest.fixture
def failing(monkeypatch):
    """Let a module's notices fail, as where the database is lost before the commit."""

    def fail(module, name):
        def lost(*arguments, **named):
            raise OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(module, name, lost)

    return fail


@pytest.fixture
def venue():
    return Venue(Clock())


@pytest.fixture
def stations(venue):
    return with_a_placed_order(venue, venue.now)


def denied(*, at=AT):
    return keep_denial(order(broker=BROKER, strategy=STRATEGY), TOO_MUCH, now=at)


def test_a_pause_that_is_not_told_of_is_none(failing):
    failing(pauses, "open_notice")

    with pytest.raises(OperationalError):
        pause(BROKER, REFUSED, now=AT)

    assert not BrokerPause.objects.exists()


def test_a_pause_is_over_with_its_notice(failing, monkeypatch):
    over = pause(BROKER, REFUSED, now=AT)
    failing(pauses, "close_notice")
    with pytest.raises(OperationalError):
        resume_calls(BROKER, now=over)
    assert BrokerPause.objects.exists()

    monkeypatch.undo()
    resume_calls(BROKER, now=over)

    assert (notices(), BrokerPause.objects.count()) == ([], 0)


def test_a_denial_that_is_not_told_of_is_not_kept(failing):
    failing(records, "open_notice")

    with pytest.raises(OperationalError):
        denied()

    assert not Denial.objects.exists()


def test_a_denial_ends_with_its_notice(failing):
    standing = denied()
    failing(records, "close_notice")

    with pytest.raises(OperationalError):
        end_denials([standing], now=AT)

    assert Denial.objects.filter(ended_at=None).exists()


LATER = AT + timedelta(days=1)
CANCELS = {
    "by its day": lambda decision: cancel_outdated(today=date(2026, 3, 3), now=LATER),
    "by hand": lambda decision: cancel_pending(decision.decision_id, actor="ada", reason="a split", now=LATER),
}


@pytest.mark.parametrize("cancel", CANCELS)
def test_what_the_gate_has_against_a_decision_ends_with_it(cancel):
    decision = decided()
    denied()
    assert len(notices()) == 1

    CANCELS[cancel](decision)

    assert notices() == []
    assert Denial.objects.get().ended_at == LATER


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cancel", CANCELS)
def test_who_cancels_and_who_executes_lock_the_same_first_so_that_neither_waits_for_ever(cancel):
    decision, locked = decided(), threading.Event()
    denied()

    def place():
        with transaction.atomic():
            lock_controls()
            locked.set()
            time.sleep(0.3)  # The other comes as far as it may.
            AuditBook().claim(wanted_by(decision), now=AT)

    def take_back():
        assert locked.wait(JOIN_SECONDS)
        CANCELS[cancel](decision)

    at_once(place, take_back)

    decision.refresh_from_db()
    assert decision.status == "cancelled"
    assert notices() == []


def test_a_decision_is_not_cancelled_without_what_the_gate_has_against_it(failing):
    decision = decided()
    denied()
    failing(records, "close_notice")

    with pytest.raises(OperationalError):
        cancel_outdated(today=date(2026, 3, 3), now=AT + timedelta(days=1))

    decision.refresh_from_db()
    assert decision.status == "pending"


def test_a_failure_of_a_channel_that_is_not_told_of_is_not_counted(failing):
    channel = known_channel("pager", at=AT)
    AlertChannel.objects.filter(pk=channel.pk).update(failures=FAILING_AFTER - 1)
    failing(outbox, "open_notice")

    with pytest.raises(OperationalError):
        mark_failed(channel, [], "nobody there", at=AT)

    assert AlertChannel.objects.get().failures == FAILING_AFTER - 1


def test_a_station_fails_no_more_with_the_beat_that_says_so(failing, monkeypatch):
    heart, later = Heartbeat("poller", "one:1:a"), AT + timedelta(minutes=1)
    for _ in range(FAILURES_BEFORE_A_NOTICE):
        heart.failed(AT, ValueError("what nobody expected"))
    failing(Heartbeat, "_write")
    with pytest.raises(OperationalError):
        heart.beat(later, worked=True)
    assert notices() == [("station_failing", "poller")]

    monkeypatch.undo()
    heart.failed(later, OperationalError("the database was away"))
    heart.beat(later, worked=True)

    assert notices() == []


# An order that is stuck is told of as long as nobody has told.


@pytest.mark.parametrize("when", ["sending", "polling", "looking for the last time"])
def test_a_stuck_order_is_told_though_the_database_failed_at_the_first_telling(stations, venue, monkeypatch, when):
    station, module = stations.poller, postponing
    if when == "sending":
        station = stations.dispatcher
        venue.fail("find", BrokerUnavailable("not there"), times=100)
    else:
        stations.run(stations.dispatcher)
    if when == "polling":
        venue.fail("report", BrokerUnavailable("not there"), times=100)
    if when == "looking for the last time":
        module = poller
        venue.tell(OrderStatus.CANCELLED, "1")
        stations.forward(1)
        stations.run(stations.poller)
        stations.forward(2 * LATE_FOR.total_seconds())
        venue.fail("report", UnusableReport("a status that nobody knows"), times=100)
    told, failed = module.open_notice, []

    def lost_at_first(*arguments, **named):
        if not failed:
            failed.append(OrderWork.objects.get().tries)
            raise OperationalError("server closed the connection unexpectedly")
        told(*arguments, **named)

    monkeypatch.setattr(module, "open_notice", lost_at_first)

    for _ in range(TRIES_BEFORE_A_NOTICE + 2):
        stations.forward(301)
        with contextlib.suppress(OperationalError):
            station.run_once(now=stations.clock())

    assert failed == [TRIES_BEFORE_A_NOTICE]
    assert notices() == [("order_stuck", "order 1")]


@pytest.mark.parametrize("ends", ["refused", "filled"])
def test_of_an_order_that_ended_with_a_commit_said_to_have_failed_nobody_is_told(stations, venue, monkeypatch, ends):
    station, module, books = stations.dispatcher, dispatcher, "record_rejection"
    # Where it knew our ids, a refusal after the first turn would not be the last word.
    venue.capabilities = msgspec.structs.replace(venue.capabilities, client_order_id=False)
    if ends == "filled":
        stations.run(stations.dispatcher)
        station, module, books = stations.poller, poller, "record"
    venue.fail(
        "holdings" if ends == "refused" else "report", BrokerUnavailable("not there"), times=TRIES_BEFORE_A_NOTICE - 1
    )
    for _ in range(TRIES_BEFORE_A_NOTICE - 1):
        stations.forward(61)
        stations.run(station)
    booked = getattr(module, books)

    def lost_after_it_took_effect(*arguments, **named):
        booked(*arguments, **named)
        raise OperationalError("could not serialize access")

    if ends == "refused":
        venue.fail("submit", OrderRejected("buying power"))
    else:
        venue.tell(OrderStatus.FILLED, "2")
    monkeypatch.setattr(module, books, lost_after_it_took_effect)
    stations.forward(61)
    with pytest.raises(OperationalError):
        station.run_once(now=stations.clock())

    assert stations.only_order().has_ended
    assert notices() == []

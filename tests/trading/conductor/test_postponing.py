"""Postponing: an order is told of once, while it stands as it did, and by who looks in the commit that tells."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections, transaction

from tests.support.stations import MODES, Clock, Stations, notices, with_a_placed_order
from tests.support.venue import Venue
from trading.brokers.outcomes import BrokerUnavailable
from trading.conductor import reports
from trading.conductor.postponing import postpone
from trading.conductor.reports import record_rejection
from trading.conductor.work import TRIES_BEFORE_A_NOTICE, OrderWork
from trading.notices.models import Notice

JOIN_SECONDS = 60


@pytest.fixture
def stations():
    clock = Clock()
    return with_a_placed_order(Venue(clock), clock)


def put_off(stations: Stations, times: int) -> None:
    for _ in range(times):
        now = stations.forward(61)
        postpone(stations.ledger, stations.only_order(), "nobody there", now=now)


@pytest.mark.django_db
def test_it_is_told_at_the_fifth_time_and_not_again(stations):
    put_off(stations, TRIES_BEFORE_A_NOTICE - 1)
    assert notices() == []

    put_off(stations, 1)
    assert notices() == [("order_stuck", "order 1")]

    put_off(stations, 2)
    notice = Notice.objects.get()
    assert notice.times == 1
    assert notice.text == (
        "order 1 (BUY AAPL) could not be submitted 5 times: nobody there. It is tried again under the same id; look "
        "whether the broker can be reached"
    )


@pytest.mark.django_db
def test_what_is_to_be_told_at_once_is(stations):
    postpone(stations.ledger, stations.only_order(), "two orders of one id", now=stations.clock(), tell=True)

    assert notices() == [("order_stuck", "order 1")]


@pytest.mark.django_db
def test_the_waits_double_up_to_a_minute(stations):
    waits = []
    for _ in range(8):
        now = stations.forward(61)
        postpone(stations.ledger, stations.only_order(), "nobody there", now=now)
        waits.append(OrderWork.objects.get().not_before - now)

    assert [wait / timedelta(seconds=1) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.django_db
def test_of_one_that_the_broker_has_by_now_nobody_hears_that_it_could_not_be_submitted(stations):
    order = stations.only_order()
    stations.run(stations.dispatcher)

    postpone(stations.ledger, order, "the commit was lost", now=stations.clock(), tell=True)

    assert notices() == []


@pytest.mark.django_db
def test_of_one_that_the_broker_has_it_is_told_that_it_could_not_be_asked_about(stations):
    stations.run(stations.dispatcher)

    postpone(stations.ledger, stations.only_order(), str(BrokerUnavailable("closed")), now=stations.clock(), tell=True)

    assert Notice.objects.get().text == (
        "the broker could not be asked about order 1 (BUY AAPL) 1 times: closed. It is asked again; no second order of "
        "AAPL is placed meanwhile"
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", MODES)
def test_who_tells_waits_for_who_is_ending_the_order(monkeypatch, mode):
    clock = Clock()
    stations = with_a_placed_order(Venue(clock), clock, mode=mode)
    order, settled, ending = stations.only_order(), reports.settled, threading.Event()

    def and_the_commit_takes_a_while(*arguments, **named):
        settled(*arguments, **named)
        ending.set()
        time.sleep(0.3)

    def end():
        try:
            record_rejection(stations.ledger, order, "buying power", now=clock())
        finally:
            connections.close_all()

    monkeypatch.setattr(reports, "settled", and_the_commit_takes_a_while)
    other = threading.Thread(target=end, daemon=True)
    other.start()
    assert ending.wait(JOIN_SECONDS)

    postpone(stations.ledger, order, "nobody there", now=clock(), tell=True)

    other.join(JOIN_SECONDS)
    assert stations.only_order().has_ended
    assert notices() == []


@pytest.mark.django_db
def test_it_is_no_part_of_a_transaction_which_may_come_to_nothing(stations):
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        postpone(stations.ledger, stations.only_order(), "nobody there", now=stations.clock(), tell=True)

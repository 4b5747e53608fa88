"""Statements: what each station asks of the database on the way from a fill to its hedge, so that none creeps in."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.conductor.watcher import queue

pytestmark = pytest.mark.django_db(transaction=True)

# With both memories, of one fill of a symbol that was hedged before. A statement takes about half a millisecond.
MOST = {"processor": 20, "hedger": 46, "dispatcher": 48}


def test_a_fill_becomes_an_order_at_the_broker_with_so_many_statements():
    clock = Clock()
    venue = Venue(clock)
    stations = Stations(clock=clock, broker=venue)
    know_tokens("tAAPL")
    stations.fill(log_of(take("BUY", "3", "tAAPL"), block=100))
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "3")
    clock.forward(2)
    stations.run(stations.poller)
    queue([log_of(take("SELL", "3", "tAAPL"), block=101)], now=clock())

    asked = {}
    for name in MOST:
        with CaptureQueriesContext(connection) as statements:
            assert getattr(stations, name).run_once(now=clock())
        asked[name] = len(statements)

    assert len(venue.submitted) == 2
    assert {name: (count, MOST[name]) for name, count in asked.items() if count > MOST[name]} == {}

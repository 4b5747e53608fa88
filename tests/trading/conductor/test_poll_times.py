"""When an order is asked about: often while it is young, then seldom, and not all at one time."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations
from tests.support.venue import Venue
from trading.brokers.outcomes import BrokerUnavailable
from trading.conductor.poller import Poller
from trading.conductor.work import OrderWork

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tokens():
    know_tokens("tAAPL", "tMSFT", "tTSLA")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def venue(clock):
    return Venue(clock)


def test_an_order_is_asked_about_often_while_it_is_young_and_then_seldom(venue, clock):
    stations = Stations(clock=clock, broker=venue, poll_seconds=15)
    stations.fill(log_of(take("SELL", "4.5", "tAAPL", usdc="900"), block=100))
    asked = []
    for _ in range(70):
        before = len(venue.questions("report"))
        stations.hedge()
        asked += [clock()] * (len(venue.questions("report")) - before)
        stations.forward(1)

    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(asked)]
    assert gaps == [1] * 14 + [15] * len(gaps[14:])
    assert len(gaps[14:]) == 3


def test_many_orders_are_not_all_asked_about_at_one_time(venue, clock):
    stations = Stations(clock=clock, broker=venue, poll_seconds=15)
    stations.fill(log_of(take("SELL", "4.5", "tAAPL", usdc="900"), block=100))
    stations.hedge()
    stations.forward(20)
    for chance, seconds in ((0, 15), (Decimal("0.5"), 18), (1, 21)):
        poller = Poller(
            broker=venue,
            ledger=stations.ledger,
            poll_every=timedelta(seconds=15),
            jitter=timedelta(seconds=6),
            chance=lambda chance=chance: float(chance),
        )
        assert poller.run_once(now=clock()) is True
        assert OrderWork.objects.get().not_before - clock() == timedelta(seconds=seconds)
        stations.forward(seconds)


def test_an_outage_while_the_list_is_asked_for_postpones_every_order(venue, clock):
    stations = Stations(clock=clock, broker=venue)
    stations.fill(
        *(log_of(take("BUY", "3", token), block=100 + n) for n, token in enumerate(("tAAPL", "tMSFT", "tTSLA")))
    )
    stations.hedge()
    venue.fail("open_orders", BrokerUnavailable("down"))
    stations.forward(1)

    assert stations.poller.run_once(now=clock()) is True

    waiting = OrderWork.objects.values_list("order_id", "tries", "last_error", "not_before")
    assert sorted(waiting) == [
        (order, 1, "BrokerUnavailable: down", clock() + timedelta(seconds=1)) for order in (1, 2, 3)
    ]

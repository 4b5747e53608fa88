"""Beside decisions: at a broker that knows no ids of ours, a decision's order is not taken for a hedge's."""

import msgspec
import pytest

from tests.support.stations import Clock, with_a_placed_order
from tests.support.venue import Venue
from trading.brokers.outcomes import OutcomeUnknown
from trading.conductor.dispatcher import Dispatcher
from trading.conductor.reports import request_of
from trading.offchain_order.aggregate import OrderState
from trading.submission.sendings import begin
from trading.values.quantities import shares

pytestmark = pytest.mark.django_db

NAME = "ht-test-decision-1"


class Decisions:
    """The book of the decisions' orders, with those that are at the venue under these ids, or known by these names."""

    def __init__(self, *, ids=(), names=()):
        self.ids, self.names = set(ids), set(names)

    def linked(self, ids):
        return self.ids & set(ids)

    def is_resolved(self, client_order_id):
        return client_order_id in self.names


@pytest.fixture
def venue():
    return Venue(Clock(), our_ids=False)


@pytest.fixture
def stations(venue):
    return with_a_placed_order(venue, venue.now)


def dispatcher_beside(stations, decisions):
    return Dispatcher(
        broker=stations.broker,
        ledger=stations.ledger,
        clock=stations.clock,
        poll_after=stations.poll_every,
        others=[decisions],
    )


def test_an_order_that_is_known_to_be_a_decisions_is_not_taken_for_the_hedges_own(stations, venue):
    alike = venue.taken(request_of(stations.only_order()))
    venue.orders_taken["a decision's"] = alike
    venue.fail("submit", OutcomeUnknown("no answer"))
    dispatcher = dispatcher_beside(stations, Decisions(ids=[alike.broker_order_id]))
    for _ in range(2):
        stations.run(dispatcher)
        stations.forward(10)

    hedge = stations.only_order()
    assert (hedge.state, hedge.broker_order_id) == (OrderState.UNKNOWN, None)


def test_what_a_dead_process_left_of_a_decisions_order_gives_way_once_that_is_known(stations, venue):
    alike = msgspec.structs.replace(request_of(stations.only_order()), client_order_id=NAME)
    begin(venue.name, alike, held_before=shares(0), resolved=lambda name: False, now=stations.clock())

    stations.run(dispatcher_beside(stations, Decisions(names=[NAME])))

    assert stations.only_order().state is OrderState.SUBMITTED

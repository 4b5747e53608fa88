"""Sweeps: two hundred orders are followed with the calls that Alpaca takes in a minute, and each is booked exactly."""

from decimal import Decimal

import pytest

from config.venues.faults import rate_limited
from tests.support.books import books
from tests.support.stations import notices
from tests.support.sweeping import SHARES, sweeping
from trading.conductor.work import OrderWork
from trading.offchain_order.aggregate import OrderState
from trading.submission.pauses import BrokerPause

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ORDERS = 200


@pytest.fixture
def orders():
    with sweeping(ORDERS) as orders:
        yield orders


def test_two_hundred_open_orders_cost_one_call_and_two_when_all_end_at_once(orders):
    assert orders.sweep() == {"list": 1}
    orders.fill(half=True)
    assert orders.sweep() == {"list": 1}
    assert {order.filled_shares for order in orders.stations.orders()} == {Decimal(SHARES) / 2}

    orders.fill()

    assert orders.sweep() == {"list": 2}
    assert {(order.state, order.filled_shares) for order in orders.stations.orders()} == {
        (OrderState.FILLED, Decimal(SHARES))
    }
    assert len(orders.stations.orders()) == ORDERS
    books(orders.stations.ledger)


def test_a_limit_that_is_reached_pauses_all_and_spends_no_try_of_any_order(orders):
    orders.venue.faults.add(rate_limited("20"))

    assert orders.sweep() == {"list": 1}

    assert BrokerPause.objects.count() == 1
    assert set(OrderWork.objects.values_list("tries", flat=True)) == {0}
    assert notices() == []
    orders.fill()
    assert orders.sweep() == {"list": 2}
    assert {order.state for order in orders.stations.orders()} == {OrderState.FILLED}

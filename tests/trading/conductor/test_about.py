"""What is logged of an order leads to its events and to its calls."""

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from eventstore.models import StoredEvent
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations
from tests.support.venue import Venue
from trading.brokers.outcomes import OutcomeUnknown

pytestmark = pytest.mark.django_db


@pytest.fixture
def stations():
    know_tokens("tAAPL", "tMSFT")
    clock = Clock()
    return Stations(clock=clock, broker=Venue(clock))


def logged(stations, *turns):
    with capture_logs(processors=[merge_contextvars]) as lines:
        for station in turns:
            stations.run(station)
    return lines


def test_lines_from_hedge_to_end_carry_the_orders_correlation_and_our_id_of_it(stations):
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    placed = logged(stations, stations.hedger)
    sent = logged(stations, stations.dispatcher)
    order = stations.only_order()

    (hedge,) = [line for line in placed if line["event"] == "Hedge placed"]
    (submitted,) = [line for line in sent if line["event"] == "Order submitted"]
    assert hedge["correlation"] == submitted["correlation"] == f"order:{order.order_id}"
    # Under which its calls are on record.
    assert submitted["client_order_id"] == order.client_order_id
    events = StoredEvent.objects.filter(aggregate_type="OffchainOrder")
    assert all(f'"correlation":"order:{order.order_id}"' in event.metadata for event in events)
    assert events


def test_trouble_with_one_order_is_told_under_that_order_and_nothing_sticks_to_the_next(stations):
    for token, block in (("tAAPL", 100), ("tMSFT", 101)):
        stations.fill(log_of(take("SELL", "2.5", token, usdc="500"), block=block))
    stations.run(stations.hedger)
    stations.broker.fail("submit", OutcomeUnknown("timed out"), times=2)

    lines = logged(stations, stations.dispatcher)

    told = {line["order"]: line.get("correlation") for line in lines if "order" in line}
    assert len(told) == 2
    assert all(correlation == f"order:{order}" for order, correlation in told.items())
    with capture_logs(processors=[merge_contextvars]) as after:
        import structlog

        structlog.get_logger().info("later")
    assert "correlation" not in after[0]

"""Telling: what a dispatcher and a poller say of an order, in the log and to the operator, with all that it names."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from eventstore.models import StoredEvent
from tests.support.stations import Clock, notices, with_a_placed_order
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown, RateLimited
from trading.conductor.poller import LATE_FOR
from trading.conductor.work import OrderWork
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OffchainOrder
from trading.submission.sendings import KnownByNow
from trading.values.quantities import Shares

pytestmark = pytest.mark.django_db


@pytest.fixture
def venue():
    return Venue(Clock())


@pytest.fixture
def stations(venue):
    return with_a_placed_order(venue, venue.now)


def told(stations, station):
    """What a station logs in the one turn in which there is something to do."""
    with capture_logs() as lines:
        assert stations.run(station) == 1
    return lines


def line(event, level="info", **fields):
    return {"event": event, "log_level": level, "order": 1} | fields


def test_an_order_that_is_submitted_and_ends(stations, venue):
    assert told(stations, stations.dispatcher) == [line("Order submitted", symbol="AAPL", broker_order="V-1")]
    venue.tell(OrderStatus.FILLED, "2")
    stations.forward(1)
    assert told(stations, stations.poller) == [
        line("Order ended", symbol="AAPL", state="filled", filled_shares="2"),
    ]
    stations.forward(400)
    assert told(stations, stations.poller) == []


def test_an_order_that_left_into_silence_and_was_found_is_the_dispatchers_doing(stations, venue):
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    reason = "OutcomeUnknown: no answer"
    assert told(stations, stations.dispatcher) == [
        line("Order not dispatched yet", "warning", symbol="AAPL", tries=1, reason=reason)
    ]
    assert OrderWork.objects.get().last_error == reason
    stations.forward(1)
    stations.run(stations.dispatcher)

    events = StoredEvent.objects.filter(aggregate_type=OffchainOrder.aggregate_type).order_by("version")
    assert [json.loads(event.metadata)["actor"] for event in events] == ["hedger", *["dispatcher"] * 3]


def test_an_order_that_can_not_be_dispatched_or_polled_yet(stations, venue):
    venue.fail("submit", BrokerUnavailable("down"))
    reason = "BrokerUnavailable: down"
    assert told(stations, stations.dispatcher) == [
        line("Order not dispatched yet", "warning", symbol="AAPL", tries=1, reason=reason)
    ]
    assert (OrderWork.objects.get().last_error, notices()) == (reason, [])
    stations.forward(1)
    stations.run(stations.dispatcher)
    venue.fail("report", BrokerUnavailable("down"))
    stations.forward(1)
    assert told(stations, stations.poller) == [
        line("Order not polled", "warning", symbol="AAPL", tries=1, reason=reason)
    ]
    assert (OrderWork.objects.get().last_error, notices()) == (reason, [])


def test_a_report_that_is_of_another_order(stations, venue):
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    stations.run(stations.dispatcher)
    venue.tell(OrderStatus.ACCEPTED, requested_shares=Shares(Decimal(3)))
    stations.forward(1)
    reason = "expected an order for 2 shares, was 3"
    assert told(stations, stations.dispatcher) == [
        line("Order not dispatched yet", "warning", symbol="AAPL", tries=2, reason=reason)
    ]

    venue.tell(OrderStatus.ACCEPTED, requested_shares=Shares(Decimal(2)))
    stations.forward(60)
    stations.run(stations.dispatcher)
    venue.tell(OrderStatus.FILLED, "3", requested_shares=Shares(Decimal(3)))
    stations.forward(1)
    assert told(stations, stations.poller) == [
        line("Order not polled", "warning", symbol="AAPL", tries=1, reason=reason)
    ]


def test_an_error_of_ours_is_told_with_its_traceback_and_with_the_order(stations, venue):
    def never(about):
        raise ValueError("never")

    venue.submit = never
    assert failed(stations, stations.dispatcher) == told_of("Order can't be dispatched", "Order not dispatched yet")

    del venue.submit
    stations.forward(1)
    stations.run(stations.dispatcher)
    stations.forward(1)
    venue.report = never
    assert failed(stations, stations.poller) == told_of("Order can't be polled", "Order not polled")


def failed(stations, station):
    with capture_logs(processors=[merge_contextvars]) as lines, pytest.raises(ValueError, match="never"):
        station.run_once(now=stations.clock())
    # The error is of the order, whose calls are found by it.
    assert lines[0].pop("correlation") == "order:1"
    assert lines[0].pop("client_order_id") == stations.only_order().client_order_id
    return lines


def told_of(error, warning):
    return [
        line(error, "error", symbol="AAPL", exc_info=True),
        line(warning, "warning", symbol="AAPL", tries=1, reason="ValueError: never"),
    ]


def test_a_broker_that_takes_no_calls_is_told_with_the_time_until_when(stations, venue):
    for question, station in (("submit", stations.dispatcher), ("report", stations.poller)):
        venue.fail(question, RateLimited("429", retry_after=timedelta(seconds=30)))
        until = stations.forward(1) + timedelta(seconds=30)
        with capture_logs() as lines:
            assert station.run_once(now=stations.clock()) is True
        assert lines == [
            {
                "event": "Broker takes no calls for now",
                "log_level": "warning",
                "broker": "dry_run",
                "until": until.isoformat(),
            }
        ]
        stations.forward(30)
        stations.run(stations.dispatcher)


def test_an_order_that_another_process_has_booked_meanwhile(stations):
    def known_by_now(request, *, sent_before, now):
        raise KnownByNow("booked")

    stations.dispatcher._submitter.submit = known_by_now
    with capture_logs() as lines:
        stations.dispatcher.run_once(now=stations.clock())
    assert lines == [line("Order known by now", symbol="AAPL", reason="booked")]


def test_a_last_look_that_told_nothing(stations, venue):
    stations.run(stations.dispatcher)
    venue.tell(OrderStatus.CANCELLED, "1")
    stations.forward(1)
    stations.run(stations.poller)
    stations.forward(2 * LATE_FOR.total_seconds())
    venue.orders_taken.clear()
    assert told(stations, stations.poller) == [
        line("Last look at an order told nothing", "warning", reason="NoSuchOrder: the venue has no order V-1")
    ]


def test_what_the_operator_reads_of_an_order_that_is_stuck(stations, venue):
    venue.fail("find", BrokerUnavailable("down"), times=5)
    for _ in range(5):
        stations.run(stations.dispatcher)
        stations.forward(60)
    notice = Notice.objects.get()
    assert notice.subject == "order 1"
    assert notice.text == (
        "order 1 (BUY AAPL) could not be submitted 5 times: BrokerUnavailable: down. It is tried again under the same "
        "id; look whether the broker can be reached"
    )
    stations.run(stations.dispatcher)
    assert Notice.objects.get().closed_at is not None

    venue.fail("report", BrokerUnavailable("down"), times=5)
    for _ in range(5):
        stations.forward(60)
        stations.run(stations.poller)
    notice = Notice.objects.get(closed_at=None)
    assert (notice.subject, notice.opened_at) == ("order 1", stations.clock())
    assert notice.text == (
        "the broker could not be asked about order 1 (BUY AAPL) 5 times: BrokerUnavailable: down. It is asked again; "
        "no second order of AAPL is placed meanwhile"
    )

"""Dispatching: what a turn leaves on record of an order, and which orders it leaves alone."""

import json
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from eventstore.models import StoredEvent
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations, notices, with_a_placed_order
from tests.support.venue import Venue
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown
from trading.conductor import dispatcher
from trading.conductor.dispatcher import Dispatcher
from trading.conductor.reports import record_failed_by_hand, request_of
from trading.conductor.work import TRIES_BEFORE_A_NOTICE, OrderWork
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.submission.sendings import Sending, begin
from trading.values.quantities import Shares, shares

pytestmark = pytest.mark.django_db

LOST = OutcomeUnknown("no answer")


@pytest.fixture
def venue():
    return Venue(Clock())


@pytest.fixture
def stations(venue):
    return with_a_placed_order(venue, venue.now)


@pytest.fixture
def nameless():
    """A broker that knows no ids of ours, as Schwab is one."""
    return Venue(Clock(), our_ids=False)


def looked_for(stations: Stations, seconds: int) -> None:
    for _ in range(seconds // 20):
        stations.forward(20)
        stations.run(stations.dispatcher)


def test_who_must_look_reads_why_beside_the_order(nameless):
    stations = with_a_placed_order(nameless, nameless.now)
    nameless.fail("submit", LOST, taken=True)
    stations.run(stations.dispatcher)
    nameless.orders_taken["twin"] = nameless.taken(nameless.submitted[0])

    looked_for(stations, 60)

    assert "has 2 orders that may be" in OrderWork.objects.get().last_error


def test_an_order_that_waits_for_one_alike_says_for_which(nameless):
    stations = with_a_placed_order(nameless, nameless.now)
    other = msgspec.structs.replace(request_of(stations.only_order()), client_order_id="ht-test-decision-1")
    begin(nameless.name, other, held_before=shares(0), resolved=lambda name: False, now=stations.clock())

    stations.run(stations.dispatcher)

    assert OrderWork.objects.get().last_error.startswith("order ht-test-decision-1 to BUY 2 AAPL is on its way to ")


def test_that_an_order_was_never_there_is_the_dispatchers_word(nameless):
    stations = with_a_placed_order(nameless, nameless.now)
    nameless.fail("submit", LOST)
    stations.run(stations.dispatcher)

    looked_for(stations, 200)

    assert stations.only_order().state is OrderState.FAILED
    last = StoredEvent.objects.filter(aggregate_type=OffchainOrder.aggregate_type).latest("version")
    assert (last.type, json.loads(last.metadata)["actor"]) == ("OffchainOrderEvent::Failed", "dispatcher")


def test_an_order_whose_answer_was_of_another_one_is_looked_for_and_not_sent_again(nameless):
    stations = with_a_placed_order(nameless, nameless.now)
    submit = nameless.submit
    nameless.submit = lambda request: msgspec.structs.replace(submit(request), requested_shares=Shares(Decimal(3)))

    stations.run(stations.dispatcher)
    assert stations.only_order().state is OrderState.UNKNOWN
    assert Sending.objects.get().in_doubt_at is not None

    looked_for(stations, 60)
    assert len(nameless.submitted) == 1


@pytest.mark.parametrize("meanwhile", ["ended", "submitted"])
def test_an_order_that_another_process_has_dealt_with_since_the_turn_began_is_left_alone(
    stations, venue, monkeypatch, meanwhile
):
    other = Stations(clock=stations.clock, broker=venue, holder="test:1")
    order = stations.only_order()
    real = dispatcher.is_paused

    def not_paused(broker, *, now):
        monkeypatch.setattr(dispatcher, "is_paused", real)
        if meanwhile == "ended":
            record_failed_by_hand(other.ledger, order, "it is not there", before=None, now=now, actor="anna")
        else:
            other.run(other.dispatcher)
        venue.asked.clear()
        return False

    monkeypatch.setattr(dispatcher, "is_paused", not_paused)
    stations.dispatcher.run_once(now=stations.clock())

    assert venue.asked == []
    assert stations.only_order().state is (OrderState.FAILED if meanwhile == "ended" else OrderState.SUBMITTED)
    assert OrderWork.objects.filter(tries__gt=0).count() == 0


def test_an_order_that_is_not_due_holds_up_none_that_is(venue):
    know_tokens("tMSFT")
    stations = with_a_placed_order(venue, venue.now)
    venue.fail("find", BrokerUnavailable("down"), times=4)
    for _ in range(4):
        stations.forward(8)
        stations.run(stations.dispatcher)
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=200))
    stations.run(stations.hedger)

    stations.run(stations.dispatcher)

    assert {order.symbol: order.state for order in stations.orders()} == {
        "AAPL": OrderState.SENDING,
        "MSFT": OrderState.SUBMITTED,
    }


def test_whether_this_installation_may_trade_is_asked_as_of_the_turn(stations, venue):
    asked = []

    def may_trade(now):
        asked.append(now)
        return False

    waiting = Dispatcher(
        broker=venue,
        ledger=stations.ledger,
        clock=stations.clock,
        poll_after=timedelta(seconds=1),
        may_trade=may_trade,
    )

    assert waiting.run_once(now=stations.clock()) is False
    assert (asked, venue.asked) == ([stations.clock()], [])


def test_an_error_of_ours_that_lasts_is_told_to_the_operator(stations, venue):
    venue.submit = lambda request: int("never")
    for _ in range(TRIES_BEFORE_A_NOTICE):
        stations.forward(61)
        with pytest.raises(ValueError, match="never"):
            stations.dispatcher.run_once(now=stations.clock())

    assert notices() == [("order_stuck", "order 1")]

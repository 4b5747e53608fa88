"""Polling: what a turn leaves on record of an order, which orders it leaves alone, and what a last look comes to."""

from decimal import Decimal

import pytest

from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations, notices, with_a_placed_order
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, OutcomeUnknown, UnusableReport
from trading.conductor.poller import ASK_LATE_EVERY, LATE_FOR, MOST_LATE_TRIES
from trading.conductor.reports import record, record_failed_by_hand
from trading.conductor.work import TRIES_BEFORE_A_NOTICE, OrderWork, taken_on
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OrderState
from trading.values.quantities import Shares

pytestmark = pytest.mark.django_db

UNREADABLE = UnusableReport("a status that nobody knows")


@pytest.fixture
def venue():
    return Venue(Clock())


@pytest.fixture
def stations(venue):
    """Stations with an order of 2 AAPL at the venue."""
    know_tokens("tMSFT")
    stations = with_a_placed_order(venue, venue.now)
    stations.run(stations.dispatcher)
    return stations


def poll(stations: Stations, times: int = 1) -> None:
    for _ in range(times):
        stations.forward(61)
        stations.run(stations.poller)


def end(stations: Stations, venue: Venue) -> None:
    """Let the order end, with one share filled, and its last look be due."""
    venue.tell(OrderStatus.CANCELLED, "1")
    poll(stations)
    stations.forward(2 * LATE_FOR.total_seconds())


def look(stations: Stations, times: int) -> None:
    for _ in range(times):
        stations.run(stations.poller)
        stations.forward(ASK_LATE_EVERY.total_seconds() + 1)


# Which orders it asks about, and whom


def test_a_broker_that_knows_no_ids_of_ours_is_not_asked_for_one_and_why_is_read_beside_the_order():
    nameless = Venue(Clock(), our_ids=False)
    stations = with_a_placed_order(nameless, nameless.now)
    stations.run(stations.dispatcher)
    nameless.fail("report", NoSuchOrder("gone"))

    poll(stations)

    order = stations.only_order()
    assert (order.state, order.reason) == (OrderState.UNKNOWN, "NoSuchOrder: gone")
    assert nameless.questions("find") == []
    assert OrderWork.objects.get().last_error == "NoSuchOrder: gone"


def test_an_order_without_an_id_of_the_brokers_is_the_dispatchers(venue):
    stations = with_a_placed_order(venue, venue.now)
    venue.fail("submit", OutcomeUnknown("no answer"))
    stations.run(stations.dispatcher)
    assert stations.only_order().state is OrderState.UNKNOWN
    venue.asked.clear()

    assert stations.poller.run_once(now=stations.forward(61)) is False
    assert venue.asked == []


def test_work_of_an_order_that_is_not_on_record_yet_hides_no_last_look(stations, venue):
    end(stations, venue)
    OrderWork.objects.create(order_id=0, not_before=stations.clock())
    venue.tell(OrderStatus.CANCELLED, "2")

    stations.run(stations.poller)

    assert stations.only_order().filled_shares == 2


def test_the_work_of_an_order_that_never_was_at_the_broker_is_forgotten_once_nothing_is_heard_of_it_any_more(venue):
    stations = with_a_placed_order(venue, venue.now)
    venue.fail("submit", OutcomeUnknown("no answer"))
    stations.run(stations.dispatcher)
    order = stations.only_order()
    before = taken_on(order.order_id)
    record_failed_by_hand(stations.ledger, order, "not there", before=before, now=stations.clock(), actor="anna")
    assert OrderWork.objects.exists()

    stations.forward(LATE_FOR.total_seconds() + 1)
    assert stations.poller.run_once(now=stations.clock()) is False

    assert not OrderWork.objects.exists()


def test_one_that_ended_lately_is_asked_about_also_where_no_time_for_it_was_noted(stations, venue):
    venue.tell(OrderStatus.CANCELLED, "1")
    poll(stations)
    OrderWork.objects.all().delete()
    venue.tell(OrderStatus.CANCELLED, "2")

    poll(stations)

    assert stations.only_order().filled_shares == 2
    assert notices() == [("late_fill", "order 1")]


def test_half_an_hour_after_its_end_an_order_is_looked_at_for_the_last_time(stations, venue):
    venue.tell(OrderStatus.FILLED, "2")
    poll(stations)
    ended_at = stations.only_order().ended_at

    assert stations.poller.run_once(now=ended_at + LATE_FOR) is True

    assert not OrderWork.objects.exists()


# What the operator hears of one that can't be polled


def test_a_report_that_is_of_another_order_time_and_again_is_told(stations, venue):
    venue.tell(OrderStatus.FILLED, "3", requested_shares=Shares(Decimal(3)))
    poll(stations, TRIES_BEFORE_A_NOTICE - 1)
    assert notices() == [("symbol_halted", "AAPL")]

    poll(stations)

    assert notices() == [("symbol_halted", "AAPL"), ("order_stuck", "order 1")]


def test_a_list_that_is_not_to_be_had_time_and_again_is_told_of_every_order(stations, venue):
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=200))
    stations.run(stations.hedger)
    stations.run(stations.dispatcher)
    venue.fail("open_orders", BrokerUnavailable("down"), times=TRIES_BEFORE_A_NOTICE)

    poll(stations, TRIES_BEFORE_A_NOTICE)

    assert venue.questions("report") == []
    assert notices() == [("order_stuck", "order 1"), ("order_stuck", "order 2")]


def test_an_error_of_ours_that_lasts_is_told_to_the_operator(stations, venue):
    venue.report = lambda order: int("never")
    for _ in range(TRIES_BEFORE_A_NOTICE):
        with pytest.raises(ValueError, match="never"):
            stations.poller.run_once(now=stations.forward(61))

    assert notices() == [("order_stuck", "order 1")]


# The last look


def test_a_last_look_that_nobody_can_read_is_told_once_with_why_and_that_it_goes_on(stations, venue):
    end(stations, venue)
    venue.fail("report", UNREADABLE, times=1000)
    look(stations, TRIES_BEFORE_A_NOTICE + 2)

    notice = Notice.objects.get()
    assert notice.times == 1
    assert notice.text == (
        "order 1 (BUY AAPL) has ended as cancelled, and whether anything was filled after that is not known after 5 "
        "tries: UnusableReport: a status that nobody knows. It is asked for again, for a day. Look at it at the "
        "broker; `manage.py recheck_order 1 --reason …` asks at once"
    )
    assert OrderWork.objects.get().last_error == "UnusableReport: a status that nobody knows"


def test_who_hears_of_it_with_the_last_try_reads_that_it_is_not_asked_for_again(stations, venue):
    """Who should have told of it before may have died."""
    end(stations, venue)
    OrderWork.objects.update(tries=MOST_LATE_TRIES - 1)
    venue.fail("report", UNREADABLE)

    stations.run(stations.poller)

    assert (
        f"after {MOST_LATE_TRIES} tries: UnusableReport: a status that nobody knows. It is not asked for again. "
        in (Notice.objects.get().text)
    )
    assert not OrderWork.objects.exists()


def test_of_one_that_the_broker_has_let_go_there_is_nothing_to_be_told(stations, venue):
    end(stations, venue)
    venue.fail("report", UNREADABLE, times=TRIES_BEFORE_A_NOTICE - 1)
    look(stations, TRIES_BEFORE_A_NOTICE - 1)
    venue.orders_taken.clear()

    look(stations, 1)

    assert notices() == []
    assert not OrderWork.objects.exists()


def test_an_order_that_is_open_there_after_its_end_is_asked_about_until_it_ends_there(venue):
    """It was failed by hand while no list showed it, and found later: it may fill at any time."""
    stations = with_a_placed_order(venue, venue.now)
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    stations.run(stations.dispatcher)
    order, now = stations.only_order(), stations.clock()
    record_failed_by_hand(stations.ledger, order, "none is it", before=taken_on(order.order_id), now=now, actor="ada")
    record(stations.ledger, stations.only_order(), venue.tell(OrderStatus.ACCEPTED), now=now, actor="ada")
    stations.forward(10 * LATE_FOR.total_seconds())
    poll(stations, times=2)

    venue.tell(OrderStatus.FILLED, "2")
    stations.forward(ASK_LATE_EVERY.total_seconds())
    poll(stations)

    assert stations.only_order().filled_shares == 2
    assert not OrderWork.objects.exists()

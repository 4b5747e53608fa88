"""The poller: what the broker filled is booked, as much as it says, once, and whenever it says so."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.support.books import books
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NoSuchOrder,
    NotAuthorised,
    NotOffered,
    RateLimited,
    UnknownStatus,
    UnusableAnswer,
    UnusableReport,
)
from trading.conductor.poller import ASK_LATE_EVERY, LATE_FOR, MOST_LATE_TRIES, Poller
from trading.conductor.work import OrderWork, SymbolWait
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OrderState
from trading.submission.pauses import BrokerPause
from trading.values.identifiers import BrokerOrderId

pytestmark = pytest.mark.django_db

MORE = [f"tX{chr(65 + number)}" for number in range(20)]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def venue(clock):
    return Venue(clock)


@pytest.fixture(params=MODES)
def stations(request, clock, venue):
    """Stations with an order of 4 AAPL at the venue, of a net of 4.5."""
    know_tokens("tAAPL", "tMSFT", *MORE)
    stations = Stations(mode=request.param, clock=clock, broker=venue)
    stations.fill(log_of(take("SELL", "4.5", "tAAPL", usdc="900"), block=100))
    stations.hedge()
    return stations


def poll(stations: Stations) -> None:
    """Poll, when it is time to."""
    stations.forward(1)
    stations.run(stations.poller)


def more_orders(stations: Stations, *, count: int) -> None:
    """Let orders in other symbols be at the venue too."""
    for number, token in enumerate(MORE[:count]):
        stations.fill(log_of(take("BUY", "3", token), block=300 + number))
    stations.hedge()


def stands(stations: Stations) -> tuple[OrderState, Decimal, Decimal]:
    """The state of the only order, what it filled, and the net."""
    books(stations.ledger)
    order = stations.only_order()
    return order.state, order.filled_shares, stations.net("AAPL")


def test_an_open_order_changes_nothing(stations):
    poll(stations)
    assert stands(stations) == (OrderState.SUBMITTED, 0, Decimal("-4.5"))


def test_partial_fills_are_cumulative_and_booked_as_differences(stations, venue):
    booked = []
    for filled in ("1", "1", "2.5", "3"):
        venue.tell(OrderStatus.PARTIALLY_FILLED, filled)
        poll(stations)
        booked.append(stands(stations))
    venue.tell(OrderStatus.FILLED, "4", price="201.5")
    poll(stations)

    assert booked == [
        (OrderState.PARTIALLY_FILLED, 1, Decimal("-3.5")),
        (OrderState.PARTIALLY_FILLED, 1, Decimal("-3.5")),
        (OrderState.PARTIALLY_FILLED, Decimal("2.5"), Decimal("-2")),
        (OrderState.PARTIALLY_FILLED, 3, Decimal("-1.5")),
    ]
    assert stands(stations) == (OrderState.FILLED, 4, Decimal("-0.5"))
    assert stations.only_order().average_price_usd == Decimal("201.5")
    assert stations.position("AAPL").broker_bought == 4
    assert stations.position("AAPL").pending is None
    assert notices() == []


@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED])
@pytest.mark.parametrize("filled", ["0", "1.5"])
def test_what_was_filled_before_an_end_is_kept_and_the_rest_is_hedged_anew(stations, venue, status, filled):
    venue.tell(status, filled, reason="end of the day")
    poll(stations)

    order = stations.only_order()
    assert (order.state.upper(), order.reason) == (status, "end of the day")
    assert stands(stations)[1:] == (Decimal(filled), Decimal(filled) - Decimal("4.5"))
    assert sum(books(stations.ledger).contributions(1).values()) == Decimal(filled)
    assert SymbolWait.objects.get().reason == "end of the day"

    stations.forward(1)
    stations.run(stations.hedger)
    assert stations.hedges() == ["BUY 4 AAPL", "BUY 4 AAPL" if filled == "0" else "BUY 3 AAPL"]


def test_more_than_was_asked_for_is_booked_and_told(stations, venue):
    venue.tell(OrderStatus.FILLED, "6")
    poll(stations)

    assert stands(stations) == (OrderState.FILLED, 6, Decimal("1.5"))
    assert notices() == [("overfill", "order 1")]
    assert "filled 6 shares of AAPL, 4 were asked for" in Notice.objects.get().text
    assert books(stations.ledger).unallocated[1] == (Decimal("1.5"), "overfill")
    stations.hedge()
    assert stations.hedges() == ["BUY 4 AAPL", "SELL 1 AAPL"]


def test_a_fill_without_a_price_is_a_fill(stations, venue):
    venue.tell(OrderStatus.FILLED, "4", price=None)
    poll(stations)
    assert stands(stations) == (OrderState.FILLED, 4, Decimal("-0.5"))
    assert stations.only_order().average_price_usd is None


# After the end.


@pytest.mark.parametrize("end", [OrderStatus.CANCELLED, OrderStatus.EXPIRED])
def test_a_late_fill_is_booked_and_told(stations, venue, clock, end):
    venue.tell(end, "1")
    poll(stations)
    venue.tell(end, "3")
    stations.forward(ASK_LATE_EVERY.total_seconds())
    stations.run(stations.poller)
    stations.forward(ASK_LATE_EVERY.total_seconds())
    stations.run(stations.poller)

    assert stands(stations) == (OrderState(end.lower()), 3, Decimal("-1.5"))
    assert notices() == [("late_fill", "order 1")]
    assert "The 2 more are booked" in Notice.objects.get().text
    assert Notice.objects.get().times == 1


def test_a_late_fill_while_the_next_order_is_open_is_of_the_old_order(stations, venue):
    venue.tell(OrderStatus.CANCELLED, "0")
    poll(stations)
    stations.forward(1)
    stations.hedge()
    assert stations.hedges() == ["BUY 4 AAPL", "BUY 4 AAPL"]

    venue.tell(OrderStatus.CANCELLED, "4", order=0)
    venue.tell(OrderStatus.FILLED, "4", order=1)
    stations.forward(ASK_LATE_EVERY.total_seconds())
    stations.run(stations.poller)

    assert [(order.filled_shares, order.state) for order in stations.orders()] == [
        (4, OrderState.CANCELLED),
        (4, OrderState.FILLED),
    ]
    assert stations.net("AAPL") == Decimal("3.5")
    stations.hedge()
    assert stations.hedges()[-1] == "SELL 3 AAPL"
    books(stations.ledger)


def test_an_ended_order_is_asked_about_for_a_while_and_then_no_more(stations, venue, clock):
    venue.tell(OrderStatus.FILLED, "4")
    poll(stations)
    ended, asked = clock(), len(venue.questions("report"))

    while clock() < ended + LATE_FOR + timedelta(hours=1):
        stations.forward(30)
        stations.run(stations.poller)

    # It ended a second before we heard of it.
    assert len(venue.questions("report")) - asked == LATE_FOR // ASK_LATE_EVERY
    assert not OrderWork.objects.exists()
    assert stands(stations) == (OrderState.FILLED, 4, Decimal("-0.5"))


def test_a_fill_that_came_late_while_we_were_down_is_booked_when_we_are_back(stations, venue):
    venue.tell(OrderStatus.CANCELLED, "1")
    poll(stations)
    venue.tell(OrderStatus.CANCELLED, "3")

    stations.forward(2 * LATE_FOR.total_seconds())
    stations.run(stations.poller)

    assert stands(stations) == (OrderState.CANCELLED, 3, Decimal("-1.5"))
    assert notices() == [("late_fill", "order 1")]
    asked = len(venue.questions("report"))
    stations.forward(2 * LATE_FOR.total_seconds())
    stations.run(stations.poller)
    assert len(venue.questions("report")) == asked


def test_last_looks_of_another_brokers_orders_are_left_for_when_that_one_is_back(stations, venue):
    venue.tell(OrderStatus.CANCELLED, "1")
    poll(stations)
    venue.tell(OrderStatus.CANCELLED, "3")
    stations.forward(2 * LATE_FOR.total_seconds())
    other = Venue(stations.clock)
    other.name = "alpaca"

    poller = Poller(broker=other, ledger=stations.ledger, poll_every=timedelta(seconds=15))

    assert poller.run_once(now=stations.clock()) is False
    stations.run(stations.poller)

    assert stands(stations) == (OrderState.CANCELLED, 3, Decimal("-1.5"))


def test_the_last_look_at_an_order_waits_for_the_end_of_an_outage(stations, venue):
    venue.tell(OrderStatus.CANCELLED, "1")
    poll(stations)
    stations.forward(2 * LATE_FOR.total_seconds())
    venue.fail("report", BrokerUnavailable("down"))
    stations.run(stations.poller)
    assert OrderWork.objects.exists()

    venue.tell(OrderStatus.CANCELLED, "3")
    stations.forward(60)
    stations.run(stations.poller)

    assert stands(stations) == (OrderState.CANCELLED, 3, Decimal("-1.5"))
    assert not OrderWork.objects.exists()


def test_an_order_that_the_broker_forgot_by_its_last_look_is_asked_about_no_more(stations, venue):
    venue.tell(OrderStatus.CANCELLED, "1")
    poll(stations)
    stations.forward(2 * LATE_FOR.total_seconds())
    venue.fail("report", NoSuchOrder("gone"))
    stations.run(stations.poller)

    assert stands(stations) == (OrderState.CANCELLED, 1, Decimal("-3.5"))
    assert not OrderWork.objects.exists()


def test_a_last_look_that_nobody_could_read_was_none(stations, venue):
    venue.tell(OrderStatus.CANCELLED, "1")
    poll(stations)
    stations.forward(2 * LATE_FOR.total_seconds())
    venue.fail("report", UnusableReport("a status that nobody knows"), times=5)
    for _ in range(5):
        stations.run(stations.poller)
        stations.forward(301)
    assert notices() == [("order_stuck", "order 1")]

    venue.tell(OrderStatus.CANCELLED, "3")
    stations.run(stations.poller)

    assert stands(stations) == (OrderState.CANCELLED, 3, Decimal("-1.5"))
    assert not OrderWork.objects.exists()
    assert notices() == [("late_fill", "order 1")]


def test_a_last_look_is_tried_for_a_day(stations, venue):
    venue.tell(OrderStatus.CANCELLED, "1")
    poll(stations)
    stations.forward(2 * LATE_FOR.total_seconds())
    venue.fail("report", UnusableReport("a status that nobody knows"), times=1000)
    asked = len(venue.questions("report"))
    while OrderWork.objects.exists():
        stations.run(stations.poller)
        stations.forward(301)

    assert len(venue.questions("report")) - asked == MOST_LATE_TRIES
    assert notices() == [("order_stuck", "order 1")]


def test_the_work_of_another_brokers_orders_is_left_alone(stations, venue):
    """An open one may be on its way to it."""
    OrderWork.objects.create(order_id=77, not_before=stations.clock())

    poll(stations)

    assert OrderWork.objects.filter(order_id=77).exists()


# What can't be.


def test_a_word_we_do_not_know_stops_the_order_and_nothing_is_booked(stations, venue, clock):
    venue.fail("report", UnknownStatus("Alpaca reports order 1 as 'on_ice'"), times=5)
    poll(stations)
    assert notices() == [("order_stuck", "order 1")]

    for _ in range(4):
        stations.forward(60)
        stations.hedge()

    assert stands(stations) == (OrderState.UNKNOWN, 0, Decimal("-4.5"))
    assert "'on_ice'" in stations.only_order().reason
    assert notices() == [("order_stuck", "order 1")]
    assert stations.hedges() == ["BUY 4 AAPL"]

    # A word that we do know takes it on.
    venue.tell(OrderStatus.FILLED, "4")
    stations.forward(120)
    stations.run(stations.poller)
    assert stands(stations) == (OrderState.FILLED, 4, Decimal("-0.5"))
    assert notices() == []


def test_fewer_filled_than_before_halts_the_symbol_and_nothing_is_booked(stations, venue):
    venue.tell(OrderStatus.PARTIALLY_FILLED, "3")
    poll(stations)
    venue.tell(OrderStatus.PARTIALLY_FILLED, "2")
    poll(stations)

    order = stations.only_order()
    assert (order.state, order.filled_shares) == (OrderState.UNKNOWN, 3)
    assert order.reason == "expected at least 3 shares filled, was 2"
    assert stations.net("AAPL") == Decimal("-1.5")
    assert notices() == [("symbol_halted", "AAPL")]
    assert SymbolWait.objects.get().halted_at is not None
    books(stations.ledger)


def test_another_order_under_the_brokers_id_halts_the_symbol(stations, venue):
    venue.tell(OrderStatus.FILLED, "4", broker_order_id=BrokerOrderId("V-1"), client_order_id=None)
    name = next(iter(venue.orders_taken))
    venue.tell(OrderStatus.FILLED, "4", client_order_id="somebody-elses")
    poll(stations)

    assert stands(stations) == (OrderState.UNKNOWN, 0, Decimal("-4.5"))
    assert f"expected an order of ours named {name}, was somebody-elses" in stations.only_order().reason
    assert notices() == [("symbol_halted", "AAPL")]


def test_an_order_that_the_broker_no_longer_knows_is_unknown_and_not_failed(stations, venue, clock):
    venue.fail("report", NoSuchOrder("no such order"), times=100)
    venue.orders_taken.clear()
    for _ in range(60):
        stations.forward(120)
        stations.hedge()

    assert stands(stations) == (OrderState.UNKNOWN, 0, Decimal("-4.5"))
    assert stations.hedges() == ["BUY 4 AAPL"]
    assert notices() == [("order_stuck", "order 1")]


def test_an_order_that_the_broker_knows_by_our_id_only_is_followed_by_it(stations, venue):
    venue.fail("report", NoSuchOrder("no such order"))
    venue.tell(OrderStatus.FILLED, "4")
    poll(stations)

    assert stands(stations) == (OrderState.FILLED, 4, Decimal("-0.5"))
    assert venue.questions("find")[-1] == stations.only_order().client_order_id


def test_an_outage_waits_longer_each_time_and_is_told(stations, venue, clock):
    venue.fail("report", BrokerUnavailable("down"), times=7)
    asked = []
    for _ in range(200):
        stations.forward(1)
        before = len(venue.questions("report"))
        stations.run(stations.poller)
        asked += [clock()] * (len(venue.questions("report")) - before)

    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(asked)]
    assert gaps[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert gaps[7:] == [1] * len(gaps[7:])
    assert stands(stations) == (OrderState.SUBMITTED, 0, Decimal("-4.5"))
    assert Notice.objects.get().kind == "order_stuck"
    assert notices() == []


def test_one_order_that_fails_leaves_the_others_their_turn(stations, venue):
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=200))
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "3")
    report = venue.report
    venue.report = lambda order: report(order) if order == "V-2" else int("never")
    venue.open_orders = list

    stations.forward(1)
    with pytest.raises(ValueError, match="never"):
        stations.poller.run_once(now=stations.clock())

    assert {order.symbol: order.state for order in stations.orders()} == {
        "AAPL": OrderState.SUBMITTED,
        "MSFT": OrderState.FILLED,
    }


# One sweep for many.


def test_many_open_orders_are_asked_about_in_one_call(stations, venue):
    """G3-31: once each order had a chain of calls of its own."""
    more_orders(stations, count=20)
    before = len(venue.asked)

    poll(stations)

    assert [question for question, _ in venue.asked[before:]] == ["open_orders"]


def test_those_that_the_list_does_not_name_are_asked_about_one_by_one(stations, venue):
    more_orders(stations, count=5)
    venue.tell(OrderStatus.FILLED, "3", order=2)
    venue.tell(OrderStatus.PARTIALLY_FILLED, "1", order=3)
    before = len(venue.asked)

    poll(stations)

    assert venue.asked[before:] == [("open_orders", ""), ("report", "V-3")]
    assert [order.filled_shares for order in stations.orders()] == [0, 0, 3, 1, 0, 0]


def test_many_that_ended_at_once_are_told_by_one_more_list(stations, venue):
    more_orders(stations, count=20)
    for order in range(3, 21):
        venue.tell(OrderStatus.FILLED, "3", order=order)
    before = len(venue.asked)

    poll(stations)

    assert venue.asked[before:] == [("open_orders", ""), ("orders", "")]
    assert [order.filled_shares for order in stations.orders()] == [0] * 3 + [3] * 18
    books(stations.ledger)


def test_cancelled_ones_are_asked_about_by_their_ids_since_another_may_have_replaced_them(stations, venue):
    more_orders(stations, count=6)
    for order, end in enumerate([OrderStatus.EXPIRED, OrderStatus.REJECTED, *[OrderStatus.CANCELLED] * 5]):
        venue.tell(end, order=order)
    before = len(venue.asked)

    poll(stations)

    assert venue.asked[before:] == [
        ("open_orders", ""),
        ("orders", ""),
        *(("report", f"V-{number}") for number in range(3, 8)),
    ]
    assert all(order.has_ended for order in stations.orders())


@pytest.mark.parametrize("error", [NotOffered("older than 60 days"), UnusableAnswer("no list")])
def test_orders_that_no_list_goes_back_to_hide_no_other(stations, venue, error):
    """Schwab lists 60 days: one older order that is asked about must not keep all the others from it."""
    more_orders(stations, count=20)
    for order in range(3, 21):
        venue.tell(OrderStatus.FILLED, "3", order=order)
    venue.fail("orders", error)

    poll(stations)

    assert [order.filled_shares for order in stations.orders()] == [0] * 3 + [3] * 18


def test_a_list_that_can_not_be_used_hides_no_order(stations, venue):
    """The account may hold a kind of order that we have no words for."""
    more_orders(stations, count=2)
    venue.tell(OrderStatus.FILLED, "3", order=1)
    venue.fail("open_orders", UnknownStatus("'on ice'"))

    poll(stations)

    assert [order.filled_shares for order in stations.orders()] == [0, 3, 0]


# A broker that takes no calls.


def test_a_rate_limit_pauses_the_account_and_spends_no_try(stations, venue, clock):
    """G3-32: once it burned the budget of retries."""
    venue.fail("report", RateLimited("429", retry_after=timedelta(seconds=40)))
    poll(stations)
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=200))
    before = len(venue.asked)

    for _ in range(39):
        stations.hedge()
        stations.forward(1)
    assert venue.asked[before:] == []
    stations.forward(1)
    stations.hedge()

    assert [order.state for order in stations.orders()] == [OrderState.SUBMITTED] * 2
    assert set(OrderWork.objects.values_list("tries", flat=True)) == {0}
    assert not BrokerPause.objects.exists()
    assert notices() == []


def test_rate_limits_in_a_row_pause_longer_each_time(stations, venue, clock):
    venue.fail("report", RateLimited("429"), times=4)
    pauses = []
    for _ in range(4):
        poll(stations)
        row = BrokerPause.objects.get()
        pauses.append((row.not_before - clock()).total_seconds())
        clock.at = row.not_before

    assert pauses == [1, 2, 4, 8]


def test_a_broker_that_refuses_us_is_told_and_the_notice_goes_when_it_answers(stations, venue, clock):
    venue.fail("report", NotAuthorised("401"), times=2)

    poll(stations)
    assert notices() == [("broker_refuses_us", "dry_run")]
    stations.forward(1)
    poll(stations)
    stations.forward(60)
    poll(stations)

    assert notices() == []
    assert stands(stations) == (OrderState.SUBMITTED, 0, Decimal("-4.5"))


# Two pollers.


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((OrderStatus.ACCEPTED, "0"), (OrderStatus.PARTIALLY_FILLED, "3")),
        ((OrderStatus.PARTIALLY_FILLED, "1"), (OrderStatus.PARTIALLY_FILLED, "3")),
        ((OrderStatus.PARTIALLY_FILLED, "1"), (OrderStatus.FILLED, "4")),
        ((OrderStatus.PARTIALLY_FILLED, "1"), (OrderStatus.CANCELLED, "1")),
        ((OrderStatus.FILLED, "4"), (OrderStatus.FILLED, "4")),
        ((OrderStatus.CANCELLED, "1"), (OrderStatus.CANCELLED, "2")),
    ],
)
def test_an_answer_that_another_poller_has_overtaken_is_no_step_back(stations, venue, clock, old, new):
    """Its answer was under way while the other one asked later, and booked sooner."""
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)
    venue.tell(*old)

    def overtake(question, about):
        venue.tell(*new)
        other.run(other.poller)

    venue.meanwhile = overtake
    poll(stations)

    assert stands(stations) == (OrderState(new[0].lower()), Decimal(new[1]), Decimal(new[1]) - Decimal("4.5"))
    assert [kind for kind, _ in notices() if kind != "late_fill"] == []
    for _ in range(3):
        stations.forward(400)
        stations.run(stations.poller)
    assert stands(stations)[1] == Decimal(new[1])

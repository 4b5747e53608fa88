"""C9: at a broker that knows no ids of ours an order is sent once, then looked for, and never doubled by a guess."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.books import books
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import (
    BrokerUnavailable,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    UnusableAnswer,
    UnusableReport,
)
from trading.conductor.reports import request_of
from trading.conductor.work import SymbolWait
from trading.offchain_order.aggregate import OrderState
from trading.submission.absence import Absence
from trading.submission.pauses import BrokerPause
from trading.submission.sendings import AlreadyOnTheWay, Sending, begin
from trading.submission.submitter import NEVER_HAD
from trading.values.identifiers import BrokerOrderId
from trading.values.quantities import shares
from trading.values.symbols import symbol

pytestmark = pytest.mark.django_db

AAPL = symbol("AAPL")
LOST = OutcomeUnknown("no answer")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def venue(clock):
    return Venue(clock, our_ids=False)


@pytest.fixture(params=MODES)
def stations(request, clock, venue):
    """Stations whose position wants an order to buy 2 AAPL."""
    know_tokens("tAAPL", "tMSFT")
    stations = Stations(mode=request.param, clock=clock, broker=venue)
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    return stations


def on(stations: Stations, seconds: float) -> None:
    """Let time pass, and the stations have their turns about each ten seconds of it."""
    while seconds > 0:
        stations.forward(min(seconds, 10))
        stations.hedge()
        seconds -= 10


def state(stations: Stations) -> OrderState:
    books(stations.ledger)
    return stations.only_order().state


# Sent once.


def test_an_order_is_sent_without_being_looked_for_and_nothing_is_left_of_its_way(stations, venue):
    stations.hedge()

    assert state(stations) is OrderState.SUBMITTED
    assert [question for question, _ in venue.asked[:2]] == ["holdings", "submit"]
    assert not Sending.objects.exists()


def test_an_order_that_was_taken_without_an_answer_is_found_and_adopted(stations, venue):
    venue.fail("submit", LOST, taken=True)
    stations.hedge()
    assert state(stations) is OrderState.UNKNOWN

    on(stations, 10)

    assert state(stations) is OrderState.SUBMITTED
    assert len(venue.submitted) == 1
    assert not Sending.objects.exists()
    assert notices() == []


def test_one_that_was_rejected_there_meanwhile_is_found_as_rejected(stations, venue):
    """It was sent, and this is what became of it: a match like any other."""
    venue.fail("submit", LOST, taken=True)
    stations.hedge()
    venue.tell(OrderStatus.REJECTED, reason="no buying power")
    stations.forward(1)
    stations.run(stations.dispatcher)

    assert state(stations) is OrderState.REJECTED
    assert stations.position("AAPL").pending is None
    assert len(venue.submitted) == 1


def test_an_order_that_the_list_shows_late_is_found_all_the_same(stations, venue):
    venue.fail("submit", LOST, taken=True)
    hidden = venue.orders
    venue.orders = lambda **span: []
    stations.hedge()
    on(stations, 60)
    assert state(stations) is OrderState.UNKNOWN

    venue.orders = hidden
    on(stations, 60)

    assert state(stations) is OrderState.SUBMITTED
    assert len(venue.submitted) == 1
    assert not Absence.objects.exists()


@pytest.mark.parametrize("error", [BrokerUnavailable("refused"), RateLimited("429", retry_after=timedelta(seconds=5))])
def test_where_nothing_was_sent_the_order_is_sent_again(stations, venue, error):
    venue.fail("submit", error)
    stations.hedge()
    assert state(stations) is OrderState.SENDING
    assert Sending.objects.get().in_doubt_at is None

    on(stations, 10)

    assert state(stations) is OrderState.SUBMITTED
    assert len(venue.submitted) == 1
    assert venue.questions("orders") == []
    assert not BrokerPause.objects.exists()


@pytest.mark.parametrize("error", [BrokerUnavailable("down"), UnusableAnswer("no list of positions")])
def test_where_the_holdings_can_not_be_asked_for_nothing_is_sent(stations, venue, error):
    venue.fail("holdings", error)
    stations.hedge()
    assert (venue.submitted, list(Sending.objects.all())) == ([], [])

    on(stations, 10)

    assert state(stations) is OrderState.SUBMITTED


def test_a_rejection_leaves_nothing_on_its_way(stations, venue):
    venue.fail("submit", OrderRejected("no short sales"))
    stations.hedge()

    assert state(stations) is OrderState.REJECTED
    assert not Sending.objects.exists()


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("taken", [False, True])
def test_a_process_that_dies_around_the_call_leaves_an_order_that_is_looked_for_first(stations, venue, clock, taken):
    submit = venue.submit

    def die(request):
        if taken:
            submit(request)
        raise Killed

    venue.submit = die
    with pytest.raises(Killed):
        stations.hedge()
    del venue.submit

    restarted = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)
    on(restarted, 400)

    assert len(venue.submitted) == 1
    assert len(venue.orders_taken) == 1
    assert [order.state for order in restarted.orders()] == (
        [OrderState.SUBMITTED] if taken else [OrderState.FAILED, OrderState.SUBMITTED]
    )


# Never there.


def test_an_order_that_five_looks_over_two_minutes_do_not_find_was_never_there(stations, venue, clock):
    venue.fail("submit", LOST)
    stations.hedge()
    began = clock()
    while stations.only_order().state is OrderState.UNKNOWN:
        stations.forward(5)
        stations.run(stations.dispatcher)

    order = stations.only_order()
    assert (order.state, order.filled_shares) == (OrderState.FAILED, 0)
    assert order.reason.startswith(NEVER_HAD)
    assert clock() - began >= timedelta(seconds=120)
    assert len(venue.questions("orders")) >= 5
    assert stations.position("AAPL").pending is None
    assert not Sending.objects.exists()

    on(stations, 10)
    assert [each.state for each in stations.orders()] == [OrderState.FAILED, OrderState.SUBMITTED]
    first, second = (each.client_order_id for each in stations.orders())
    assert first != second


def test_what_was_told_of_an_order_is_closed_when_it_is_known_that_it_was_never_there(stations, venue):
    venue.fail("submit", LOST)
    stations.hedge()
    stations.forward(1)
    stations.run(stations.dispatcher)
    for _ in range(4):
        stations.forward(15)
        stations.run(stations.dispatcher)
    assert notices() == [("order_stuck", "order 1")]

    on(stations, 300)

    assert [order.state for order in stations.orders()] == [OrderState.FAILED, OrderState.SUBMITTED]
    assert notices() == []


def test_no_second_order_of_the_symbol_is_placed_while_the_first_is_looked_for(stations, venue):
    venue.fail("submit", LOST)
    stations.hedge()

    for _ in range(11):
        stations.forward(10)
        stations.fill(log_of(take("SELL", "0.5", "tAAPL"), block=300, tx=stations.clock()))
        stations.hedge()

    assert len(stations.orders()) == 1
    assert state(stations) is OrderState.UNKNOWN


def test_looks_close_together_prove_nothing(stations, venue):
    venue.fail("submit", LOST)
    stations.hedge()
    for _ in range(20):
        stations.forward(1)
        stations.run(stations.dispatcher)

    assert Absence.objects.get().looks <= 2


def test_a_list_that_can_not_be_had_is_no_look(stations, venue):
    venue.fail("submit", LOST)
    venue.fail("orders", BrokerUnavailable("down"), times=500)
    stations.hedge()
    on(stations, 600)

    assert state(stations) is OrderState.UNKNOWN
    assert not Absence.objects.exists()


@pytest.mark.parametrize("moved", ["2", "1"])
def test_where_holdings_moved_its_way_the_order_is_not_given_up(stations, venue, moved):
    """The list says no, the holdings say yes: nobody sends a second one on that."""
    venue.held[AAPL] = Decimal(10)
    venue.fail("submit", LOST)
    stations.hedge()
    venue.held[AAPL] += Decimal(moved)
    on(stations, 400)

    assert state(stations) is OrderState.UNKNOWN
    assert ("symbol_halted", "AAPL") in notices()
    assert SymbolWait.objects.get().halted_at is not None
    assert len(stations.orders()) == 1


def test_where_holdings_moved_the_other_way_that_was_somebody_elses(stations, venue):
    venue.held[AAPL] = Decimal(10)
    venue.fail("submit", LOST)
    stations.hedge()
    venue.held[AAPL] -= Decimal(3)
    on(stations, 400)

    assert [order.state for order in stations.orders()] == [OrderState.FAILED, OrderState.SUBMITTED]


# Named by the broker, and not seen to be it.


def named(number: int) -> OutcomeUnknown:
    return OutcomeUnknown("taken, and not read back", named=BrokerOrderId(f"V-{number}"))


def test_an_order_that_the_broker_named_is_looked_at_under_that_name_though_no_list_shows_it(stations, venue):
    venue.orders = lambda **span: []
    venue.fail("submit", named(1), taken=True)
    stations.hedge()
    assert state(stations) is OrderState.UNKNOWN
    assert stations.only_order().broker_order_id is None

    on(stations, 10)

    assert (state(stations), stations.only_order().broker_order_id) == (OrderState.SUBMITTED, "V-1")
    assert not Sending.objects.exists()


def test_a_name_that_is_of_another_symbols_order_is_nobodys(stations, venue, clock):
    """C9, I4: that order is in doubt itself. Had this one its name, that one would be sought in vain and sent again."""
    venue.fail("submit", LOST, taken=True)
    stations.hedge()
    venue.fail("orders", BrokerUnavailable("down"), times=3)
    venue.fail("submit", named(1), taken=True)
    stations.fill(log_of(take("SELL", "3", "tMSFT", usdc="500"), block=300))
    on(stations, 60)

    assert [(order.symbol, order.state, order.broker_order_id) for order in stations.orders()] == [
        ("AAPL", OrderState.SUBMITTED, "V-1"),
        ("MSFT", OrderState.SUBMITTED, "V-2"),
    ]
    assert len(venue.submitted) == 2


def test_what_was_taken_under_a_name_and_is_nowhere_is_for_the_operator(stations, venue):
    """The broker said that it took an order: that none is listed is no proof against it."""
    venue.orders = lambda **span: []
    venue.fail("submit", named(99), taken=True)
    stations.hedge()
    on(stations, 400)

    assert state(stations) is OrderState.UNKNOWN
    assert ("symbol_halted", "AAPL") in notices()
    assert len(venue.submitted) == 1


def test_what_was_taken_under_no_name_and_is_nowhere_is_for_the_operator(stations, venue):
    """Schwab answered 201 and a Location that leads nowhere: an order there is, and another one would be a second."""
    venue.orders = lambda **span: []
    venue.fail("submit", OutcomeUnknown("taken, and not said which", taken=True), taken=True)
    stations.hedge()
    on(stations, 400)

    assert state(stations) is OrderState.UNKNOWN
    assert ("symbol_halted", "AAPL") in notices()
    assert len(venue.submitted) == 1


def test_an_answer_that_names_a_known_order_says_that_one_was_taken(stations, venue):
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")
    first = venue.orders_taken[next(iter(venue.orders_taken))]
    on(stations, 10)
    venue.submit, venue.orders = lambda request: first, lambda **span: []
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=300))
    on(stations, 400)

    assert [order.state for order in stations.orders()] == [OrderState.FILLED, OrderState.UNKNOWN]
    assert ("symbol_halted", "AAPL") in notices()


def test_an_answer_that_names_the_order_before_this_one_is_not_taken_for_this_one(stations, venue):
    """C9, I4: two hedges alike within a minute, so that the first looks like the second in everything."""
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")
    first = venue.orders_taken[next(iter(venue.orders_taken))]
    on(stations, 10)
    submit = venue.submit

    def answer_with_the_first(request):
        submit(request)
        return first

    venue.submit = answer_with_the_first
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=300))
    on(stations, 20)

    assert [(order.state, order.broker_order_id) for order in stations.orders()] == [
        (OrderState.FILLED, "V-1"),
        (OrderState.SUBMITTED, "V-2"),
    ]
    assert len(venue.submitted) == 2


# More than one that may be it.


def test_two_orders_that_may_be_ours_are_for_the_operator(stations, venue):
    venue.fail("submit", LOST, taken=True)
    stations.hedge()
    twin = next(iter(venue.orders_taken.values()))
    venue.orders_taken["twin"] = venue.taken(venue.submitted[0])
    on(stations, 200)

    assert state(stations) is OrderState.UNKNOWN
    assert ("symbol_halted", "AAPL") in notices()
    assert twin.broker_order_id in stations.only_order().reason
    assert len(venue.submitted) == 1


def test_an_order_of_which_the_broker_leaves_a_doubt_is_for_the_operator(stations, venue):
    """C9: it may be ours, or what somebody put in the place of another; nobody guesses, and nothing is sent."""
    venue.fail("submit", LOST, taken=True)
    stations.hedge()
    venue.tell(OrderStatus.ACCEPTED, doubt="it may have taken the place of order V-0")
    on(stations, 400)

    assert state(stations) is OrderState.UNKNOWN
    assert ("symbol_halted", "AAPL") in notices()
    assert "V-1, which may be" in stations.only_order().reason
    assert "the place of order V-0" in stations.only_order().reason
    assert len(venue.submitted) == 1


def test_an_order_that_is_linked_to_another_of_ours_is_not_taken_for_this_one(stations, venue):
    """Two hedges alike, one after the other: the first one's order is no match for the second."""
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")
    on(stations, 20)
    venue.fail("submit", LOST, taken=True)
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=300))
    stations.hedge()
    on(stations, 10)

    first, second = stations.orders()
    assert (first.state, second.state) == (OrderState.FILLED, OrderState.SUBMITTED)
    assert first.broker_order_id != second.broker_order_id


def test_an_order_that_was_entered_before_our_intent_is_not_ours(stations, venue, clock):
    stations.run(stations.hedger)
    request = venue.taken
    venue.fail("submit", LOST)
    stations.run(stations.dispatcher)
    old = request(venue_request(stations), submitted_at=clock() - timedelta(minutes=5))
    venue.orders_taken["old"] = old
    on(stations, 60)

    assert state(stations) is OrderState.UNKNOWN


# One of a kind at a time.


def test_an_order_alike_waits_until_the_other_one_is_known(stations, venue, clock):
    """A decision's order looks like a hedge's: the broker could not tell which of the two it has."""
    stations.run(stations.hedger)
    request = venue_request(stations)
    other = type(request)(
        client_order_id="ht-test-decision-1",
        symbol=request.symbol,
        side=request.side,
        shares=request.shares,
        created_at=request.created_at,
    )
    begin(venue.name, other, held_before=shares(0), resolved=lambda name: False, now=clock())

    on(stations, 300)
    assert venue.submitted == []
    assert state(stations) is OrderState.SENDING

    Sending.objects.filter(client_order_id="ht-test-decision-1").delete()
    on(stations, 70)
    assert state(stations) is OrderState.SUBMITTED


def test_what_a_dead_process_left_of_a_known_order_blocks_nothing(stations, venue, clock):
    stations.hedge()
    request = venue_request(stations)
    begin(venue.name, request, held_before=shares(0), resolved=lambda name: False, now=clock())
    venue.tell(OrderStatus.FILLED, "2")
    on(stations, 10)

    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=300))
    on(stations, 10)

    assert [order.state for order in stations.orders()] == [OrderState.FILLED, OrderState.SUBMITTED]


def test_two_that_begin_one_order_send_it_once(venue, clock, stations):
    stations.run(stations.hedger)
    request = venue_request(stations)
    begin(venue.name, request, held_before=shares(0), resolved=lambda name: False, now=clock())

    with pytest.raises(AlreadyOnTheWay, match=request.client_order_id):
        begin(venue.name, request, held_before=shares(0), resolved=lambda name: False, now=clock())


@pytest.mark.parametrize("status", [OrderStatus.ACCEPTED, OrderStatus.REJECTED])
def test_a_process_that_was_held_up_before_it_sent_does_not_send_what_another_has_sent(stations, venue, clock, status):
    """C9, I4: the other has left the way again, so that what it booked must be looked at, not the way alone."""
    faster = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)
    stations.run(stations.hedger)

    def meanwhile(question: str, about: str) -> None:
        assert question == "holdings"
        faster.run(faster.dispatcher)
        venue.tell(status)
        faster.forward(10)
        faster.run(faster.poller)

    venue.meanwhile = meanwhile
    holdings = venue.holdings
    venue.holdings = lambda: venue._answered("holdings", "", holdings())
    stations.run(stations.dispatcher)

    assert len(venue.submitted) == 1
    assert state(stations) is (OrderState.SUBMITTED if status is OrderStatus.ACCEPTED else OrderState.REJECTED)
    assert not Sending.objects.exists()


def test_a_report_that_can_not_be_is_told_and_the_order_looked_for(stations, venue):
    venue.fail("submit", UnusableReport("nonsense"), taken=True)
    stations.hedge()
    assert notices() == [("order_stuck", "order 1")]

    on(stations, 10)

    assert state(stations) is OrderState.SUBMITTED
    assert notices() == []


def venue_request(stations: Stations):
    return request_of(stations.only_order())

"""The dispatcher: one order at the broker for one of ours, wherever we die and whatever it answers."""

import socket
import subprocess
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from django.db import OperationalError

from tests.support.books import books
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices, with_a_placed_order
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import (
    BrokerUnavailable,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    UnknownStatus,
    UnusableReport,
)
from trading.conductor import dispatcher
from trading.conductor.reports import record_failed_by_hand
from trading.conductor.work import OrderWork, SymbolWait, alike, resume, taken_on
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OrderState
from trading.submission.absence import LOOKS, Absence
from trading.submission.sendings import SENDING_TAKES, Sending
from trading.values.quantities import Shares
from trading.values.sides import Side
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL = Symbol("AAPL")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def venue(clock):
    return Venue(clock)


@pytest.fixture(params=MODES)
def stations(request, clock, venue):
    """Stations with a hedge of 2 AAPL placed and not dispatched yet."""
    know_tokens("tAAPL", "tMSFT")
    stations = Stations(mode=request.param, clock=clock, broker=venue)
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    stations.run(stations.hedger)
    return stations


def dispatch(stations: Stations) -> None:
    stations.run(stations.dispatcher)


class Killed(BaseException):
    """The process ended here."""


def killed(*args: object) -> None:
    raise Killed


def test_an_order_is_asked_for_then_sent_once_under_our_id(stations, venue):
    dispatch(stations)
    dispatch(stations)

    order = stations.only_order()
    assert venue.asked == [("find", order.client_order_id), ("submit", order.client_order_id)]
    (request,) = venue.submitted
    assert (request.symbol, request.side, request.shares) == ("AAPL", Side.BUY, 2)
    assert request.created_at == order.placed_at
    assert (order.state, order.broker_order_id, order.accepted_shares) == (OrderState.SUBMITTED, "V-1", 2)


def test_that_we_are_about_to_send_is_committed_before_the_broker_is_asked(stations, venue):
    seen = []
    venue.meanwhile = lambda question, about: seen.append(stations.only_order().state)
    dispatch(stations)
    assert seen == [OrderState.SENDING]


def test_an_order_placed_after_the_turn_began_is_not_sent_before_it_was_placed(stations, venue):
    placed_at = stations.only_order().placed_at
    stations.dispatcher.run_once(now=placed_at - timedelta(milliseconds=500))
    assert stations.only_order().sending_at == placed_at


def test_an_order_that_fills_at_once_is_booked_at_once(stations, venue):
    venue.meanwhile = lambda *_: None
    venue.taken = lambda request: msgspec.structs.replace(
        Venue.taken(venue, request),
        status=OrderStatus.FILLED,
        filled_shares=Shares(Decimal(2)),
        average_price_usd=Decimal(201),
    )
    dispatch(stations)

    order = stations.only_order()
    assert (order.state, order.filled_shares, order.average_price_usd) == (OrderState.FILLED, 2, 201)
    assert stations.net("AAPL") == Decimal("-0.5")
    assert stations.position("AAPL").pending is None
    books(stations.ledger)


# Where we die.


@pytest.mark.parametrize("sent", [False, True], ids=["before it was sent", "after it was sent"])
def test_a_crash_around_the_call_is_mended_by_asking_first(stations, venue, clock, sent):
    """G3-28: once it healed at a restart only; the sweep of every turn asks by our id."""

    def die(question, about):
        raise Killed

    if sent:
        submit = venue.submit
        venue.submit = lambda request: (submit(request), die("", ""))
    else:
        venue.submit = lambda request: die("", "")
    with pytest.raises(Killed):
        dispatch(stations)
    assert stations.only_order().state is OrderState.SENDING
    del venue.submit

    restarted = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)
    restarted.hedge()

    assert len(venue.submitted) == 1
    assert restarted.hedges() == ["BUY 2 AAPL"]
    assert restarted.only_order().state is OrderState.SUBMITTED


@pytest.mark.parametrize("taken", [False, True], ids=["refused by the database", "lost with its commit"])
def test_an_error_of_ours_after_the_call_fails_no_order(stations, venue, clock, monkeypatch, taken):
    """L22: once a write that failed after the order was sent made it a failed one, while it lived at the broker."""
    book = dispatcher.record

    def fail(*arguments, **named):
        if taken:
            book(*arguments, **named)
        raise OperationalError("disk full")

    monkeypatch.setattr(dispatcher, "record", fail)
    with pytest.raises(OperationalError):
        dispatch(stations)
    assert stations.only_order().state is (OrderState.SUBMITTED if taken else OrderState.SENDING)
    monkeypatch.undo()

    clock.forward(2)
    stations.hedge()

    assert stations.only_order().state is OrderState.SUBMITTED
    assert len(venue.submitted) == 1


# What the broker may say.


def test_where_nothing_was_sent_the_same_is_sent_again(stations, venue, clock):
    venue.fail("submit", BrokerUnavailable("not there"), times=3)

    waits = []
    for _ in range(4):
        dispatch(stations)
        row = OrderWork.objects.get()
        waits.append((row.not_before - clock()).total_seconds())
        clock.at = row.not_before

    assert waits == [1, 2, 4, 0.5]  # The last one is when it is polled.
    assert len(venue.submitted) == 1
    assert stations.only_order().state is OrderState.SUBMITTED
    assert stations.hedges() == ["BUY 2 AAPL"]
    assert notices() == []


def test_an_outage_that_lasts_is_told_and_the_notice_goes_with_it(stations, venue, clock):
    venue.fail("find", BrokerUnavailable("not there"), times=5)
    for _ in range(5):
        dispatch(stations)
        clock.forward(60)
    assert notices() == [("order_stuck", "order 1")]

    dispatch(stations)
    assert notices() == []
    assert stations.only_order().state is OrderState.SUBMITTED


def test_what_was_told_of_an_order_is_closed_by_its_end_even_if_the_process_dies_then(stations, venue, clock):
    """The dispatcher has nothing more to do with an order that has ended, so no later turn would close it."""
    venue.fail("find", BrokerUnavailable("not there"), times=5)
    for _ in range(5):
        dispatch(stations)
        clock.forward(60)
    venue.fail("submit", OrderRejected("no short sales"), times=LOOKS)
    for _ in range(LOOKS - 1):
        dispatch(stations)
        clock.forward(60)
    stations.dispatcher._submitter.settle = killed

    with pytest.raises(Killed):
        dispatch(stations)

    assert stations.only_order().state is OrderState.REJECTED
    assert notices() == []


@pytest.mark.parametrize("error", [OutcomeUnknown("no answer"), UnusableReport("nonsense"), UnknownStatus("'on ice'")])
def test_no_answer_after_it_was_taken_is_unknown_and_the_order_is_found(stations, venue, clock, error):
    venue.fail("submit", error, taken=True)

    dispatch(stations)
    order = stations.only_order()
    assert order.state is OrderState.UNKNOWN
    assert str(error) in order.reason
    # What can't be is told at once; no answer may only be late.
    assert notices() == ([("order_stuck", "order 1")] if isinstance(error, UnusableReport) else [])
    assert stations.position("AAPL").pending is not None
    stations.run(stations.hedger)
    assert stations.hedges() == ["BUY 2 AAPL"]

    clock.forward(1)
    dispatch(stations)
    assert len(venue.submitted) == 1
    assert (stations.only_order().state, stations.only_order().broker_order_id) == (OrderState.SUBMITTED, "V-1")


def test_one_that_leaves_into_silence_after_it_was_held_to_be_never_there_is_told_of(stations, venue, clock):
    submit = venue.submit

    def held_up(request):
        record_failed_by_hand(
            stations.ledger,
            stations.only_order(),
            "not at the broker",
            before=taken_on(stations.only_order().order_id),
            now=clock.forward(700),
            actor="anna",
        )
        return submit(request)

    venue.submit = held_up
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    dispatch(stations)

    assert (stations.only_order().state, stations.only_order().broker_order_id) == (OrderState.FAILED, None)
    notice = Notice.objects.get(closed_at=None)
    assert (notice.kind, notice.subject) == ("symbol_halted", "AAPL")
    assert "had ended as failed when it left for the broker, which may have it" in notice.text
    assert SymbolWait.objects.get().halted_at is not None


def test_no_answer_and_nothing_taken_is_sent_again_under_the_same_id(stations, venue, clock):
    venue.fail("submit", OutcomeUnknown("no answer"))

    dispatch(stations)
    clock.forward(1)
    dispatch(stations)

    assert stations.only_order().state is OrderState.SUBMITTED
    assert [request.client_order_id for request in venue.submitted] == [stations.only_order().client_order_id]


def test_an_unknown_order_is_asked_for_and_never_failed_by_its_age(stations, venue, clock):
    """G3-26: in the older engine it was failed after ten minutes, and hedged a second time. The broker is asked."""
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    dispatch(stations)
    venue.fail("find", BrokerUnavailable("down"), times=40)

    for _ in range(40):
        clock.forward(120)
        stations.hedge()
        stations.fill(log_of(take("SELL", "0.1", "tAAPL"), block=300, tx=clock()))

    order = stations.only_order()
    assert order.is_open
    assert stations.hedges() == ["BUY 2 AAPL"]
    assert stations.position("AAPL").pending.order_id == order.order_id
    clock.forward(120)
    stations.hedge()
    assert stations.only_order().state is OrderState.SUBMITTED
    assert len(venue.submitted) == 1


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"requested_shares": Shares(Decimal(3))}, "expected an order for 2 shares, was 3"),
        ({"symbol": Symbol("TSLA")}, "expected an order in AAPL, was TSLA"),
        ({"side": Side.SELL}, "expected an order to BUY, was SELL"),
    ],
)
@pytest.mark.parametrize("status", [OrderStatus.ACCEPTED, OrderStatus.FILLED])
def test_another_order_under_our_id_halts_the_symbol_and_nothing_of_it_is_booked(
    stations, venue, clock, changes, difference, status
):
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    dispatch(stations)
    venue.tell(status, "2" if status is OrderStatus.FILLED else "0", **changes)
    before = stations.net("AAPL")

    clock.forward(1)
    stations.hedge()

    order = stations.only_order()
    assert (order.state, order.reason, order.filled_shares) == (OrderState.UNKNOWN, difference, 0)
    assert order.broker_order_id is None
    assert stations.net("AAPL") == before
    assert ("symbol_halted", "AAPL") in notices()
    assert difference in Notice.objects.get(kind="symbol_halted").text
    assert SymbolWait.objects.get().halted_at is not None
    books(stations.ledger)

    # It stays so, whatever comes.
    stations.fill(log_of(take("SELL", "7", "tAAPL"), block=200))
    for _ in range(3):
        clock.forward(120)
        stations.hedge()
    assert stations.hedges() == ["BUY 2 AAPL"]
    assert len(venue.submitted) == 1


# Refusals.


def test_a_rejected_order_never_was_and_the_next_one_waits(stations, venue, clock):
    venue.fail("submit", OrderRejected("buying power"))
    dispatch(stations)

    order = stations.only_order()
    assert (order.state, order.reason, order.filled_shares) == (OrderState.REJECTED, "buying power", 0)
    assert stations.net("AAPL") == Decimal("-2.5")
    assert stations.position("AAPL").pending is None
    stations.run(stations.hedger)
    assert len(stations.orders()) == 1

    clock.forward(1)
    stations.hedge()
    assert [each.state for each in stations.orders()] == [OrderState.REJECTED, OrderState.SUBMITTED]
    first, second = (each.client_order_id for each in stations.orders())
    assert first != second
    kept = books(stations.ledger)
    assert kept.contributions(1) == dict.fromkeys(kept.contributions(1), 0)
    assert list(kept.contributions(2).values()) == [2]


REASONS = [
    "insufficient buying power: have 12.5, need {number}00.25",
    "the venue rejects every order, so also {client_order_id}",
    "rejected at 2026-03-02T16:00:0{number}Z (request 7f3a{number}c)",
]


@pytest.mark.parametrize("reason", REASONS)
def test_refusals_alike_wait_longer_each_time_and_five_halt_the_symbol(stations, venue, clock, reason):
    """What differs in them is a number, a time or an id."""
    waits = []
    for number in range(1, 6):
        said = reason.format(number=number, client_order_id=stations.orders()[-1].client_order_id)
        venue.fail("submit", OrderRejected(said))
        dispatch(stations)
        wait = SymbolWait.objects.get()
        waits.append(((wait.not_before - clock()).total_seconds(), wait.halted_at is not None))
        clock.at = wait.not_before
        stations.run(stations.hedger)

    assert waits == [(1, False), (2, False), (4, False), (8, False), (16, True)]
    assert len(stations.orders()) == 5
    assert notices() == [("symbol_halted", "AAPL")]
    clock.forward(100_000)
    stations.hedge()
    assert len(stations.orders()) == 5

    resume(AAPL, now=stations.clock())
    stations.hedge()
    assert stations.orders()[-1].state is OrderState.SUBMITTED


def test_fills_on_chain_let_it_be_asked_again_at_once_and_halt_it_all_the_same(stations, venue, clock):
    """A busy symbol would else be refused with every fill, and never halt."""
    for number in range(12):
        venue.fail("submit", OrderRejected("not tradable"))
        stations.hedge()
        stations.fill(log_of(take("SELL", "0.1", "tAAPL"), block=300 + number))

    assert len(stations.orders()) == 5
    assert SymbolWait.objects.get().halted_at is not None
    assert notices() == [("symbol_halted", "AAPL")]


def test_a_fill_of_the_brokers_ends_a_row_of_refusals(stations, venue, clock):
    for lap in range(3):
        for _ in range(3):
            venue.fail("submit", OrderRejected("not tradable"))
            stations.hedge()
            clock.forward(60)
        stations.hedge()
        venue.tell(OrderStatus.FILLED, str(stations.orders()[-1].requested_shares))
        clock.forward(60)
        stations.hedge()
        assert not SymbolWait.objects.exists()
        stations.fill(log_of(take("SELL", "2", "tAAPL"), block=300 + lap))

    assert len(stations.orders()) == 12
    assert notices() == []


def test_another_refusal_begins_anew(stations, venue, clock):
    for reason in ("buying power", "not fractionable", "buying power", "not fractionable", "buying power"):
        venue.fail("submit", OrderRejected(reason))
        dispatch(stations)
        clock.forward(1)
        stations.run(stations.hedger)

    assert SymbolWait.objects.get().times == 1
    assert notices() == []


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("no", "no", True),
        ("no", "yes", False),
        ("order ht-abc-1-1 refused", "order ht-abc-2-1 refused", True),
        ("have 1.5, need 2", "have 1.25, need 300", True),
        ("price 5 too low", "price 5 too high", False),
        ("", "", True),
    ],
)
def test_alike_is_what_differs_in_words_with_digits_only(first, second, same):
    assert alike(first, second) is same


def test_a_refusal_of_one_symbol_stops_no_other(stations, venue, clock):
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=200))
    stations.run(stations.hedger)
    venue.fail("submit", OrderRejected("not this one"))

    dispatch(stations)

    assert {order.symbol: order.state for order in stations.orders()} == {
        "AAPL": OrderState.REJECTED,
        "MSFT": OrderState.SUBMITTED,
    }


def test_one_order_that_fails_leaves_the_others_their_turn(stations, venue, clock, monkeypatch):
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=200))
    stations.run(stations.hedger)
    submit = venue.submit
    venue.submit = lambda request: submit(request) if request.symbol == "MSFT" else int("never")

    with pytest.raises(ValueError, match="never"):
        stations.dispatcher.run_once(now=clock())

    assert {order.symbol: order.state for order in stations.orders()} == {
        "AAPL": OrderState.SENDING,
        "MSFT": OrderState.SUBMITTED,
    }
    del venue.submit
    clock.forward(1)
    dispatch(stations)
    assert {order.state for order in stations.orders()} == {OrderState.SUBMITTED}


def test_orders_of_another_broker_are_left_to_it(stations, venue):
    venue.name = "alpaca"
    dispatch(stations)
    assert venue.asked == []
    assert stations.only_order().state is OrderState.PLACED


# Two dispatchers.


def test_two_dispatchers_make_one_order(stations, venue, clock):
    """L21: two processes once could execute one intent."""
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)
    venue.meanwhile = lambda question, about: dispatch(other)

    dispatch(stations)

    assert len({request.client_order_id for request in venue.submitted}) == 1
    assert len(venue.orders_taken) == 1
    order = stations.only_order()
    assert (order.state, order.broker_order_id) == (OrderState.SUBMITTED, "V-1")
    assert notices() == []
    books(stations.ledger)


def test_no_answer_to_one_is_no_news_where_another_has_found_the_order(stations, venue, clock):
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)
    submit = venue.submit

    def no_answer(request):
        venue.submit = submit
        submit(request)
        other.run(other.dispatcher)
        raise OutcomeUnknown("no answer")

    venue.submit = no_answer
    dispatch(stations)

    assert (stations.only_order().state, stations.only_order().broker_order_id) == (OrderState.SUBMITTED, "V-1")
    assert len(venue.orders_taken) == 1


def test_a_rejection_of_what_another_process_has_submitted_fails_nothing(stations, venue, clock):
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)
    submit = venue.submit

    def taken_there(request):
        venue.submit = submit
        other.run(other.dispatcher)
        raise OrderRejected("client order id is taken")

    venue.submit = taken_there
    dispatch(stations)

    assert stations.only_order().state is OrderState.SUBMITTED
    assert stations.position("AAPL").pending is not None
    assert not SymbolWait.objects.exists()


def test_a_rejection_that_another_process_heard_first_is_booked_once(stations, venue, clock):
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)

    def rejected_there(question, about):
        venue.fail("submit", OrderRejected("no"), times=20)
        dispatch(other)

    venue.meanwhile = rejected_there
    dispatch(stations)
    # Either may have been taken, by what the other knows.
    assert stations.only_order().state is OrderState.UNKNOWN
    for _ in range(LOOKS):
        clock.forward(60)
        dispatch(stations)

    assert stations.only_order().state is OrderState.REJECTED
    assert SymbolWait.objects.get().times == 1


def test_a_refusal_of_a_second_try_is_none_while_the_first_may_be_there_and_not_be_shown_yet(stations, venue, clock):
    """The second lacks what the first holds. Its shares were hedged anew beside it."""
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    dispatch(stations)
    find, venue.find = venue.find, lambda ours: None
    venue.fail("submit", OrderRejected("insufficient qty available"), times=2)
    for _ in range(2):
        clock.forward(60)
        dispatch(stations)
    assert stations.only_order().state is OrderState.UNKNOWN
    assert "insufficient qty available" in stations.only_order().reason

    venue.find = find
    clock.forward(60)
    dispatch(stations)

    assert (stations.only_order().state, stations.only_order().broker_order_id) == (OrderState.SUBMITTED, "V-1")
    assert not Absence.objects.exists()


def test_a_refusal_of_a_second_try_is_booked_once_the_first_is_proven_to_be_absent(stations, venue, clock):
    venue.fail("submit", OutcomeUnknown("no answer"))
    dispatch(stations)
    venue.fail("submit", OrderRejected("no short sales"), times=20)
    for _ in range(LOOKS):
        clock.forward(60)
        dispatch(stations)

    assert (stations.only_order().state, stations.only_order().reason) == (OrderState.REJECTED, "no short sales")
    assert stations.position("AAPL").pending is None


@pytest.mark.parametrize(("status", "filled"), [(OrderStatus.ACCEPTED, "0"), (OrderStatus.FILLED, "2")])
def test_an_order_that_was_refused_to_one_and_taken_from_another_is_booked_as_it_is(
    stations, venue, clock, status, filled
):
    """I6: once the report was thrown away as overtaken, and what was filled of the order was never booked."""
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue)
    submit = venue.submit

    def refused_there(request):
        venue.submit = submit
        venue.fail("submit", OrderRejected("what the first try would sell is held for nothing else"))
        other.run(other.dispatcher)
        submit(request)
        return venue.tell(status, filled)

    venue.submit = refused_there
    dispatch(stations)

    order = stations.only_order()
    assert (order.broker_order_id, str(order.filled_shares)) == ("V-1", filled)
    assert order.is_open is (status is OrderStatus.ACCEPTED)
    assert notices() == []
    books(stations.ledger)


def test_an_order_is_left_to_the_process_that_sends_it(stations, venue, clock):
    """Else one books a refusal while the other's order is on its way."""
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue, holder="test:2")
    submit, seen = venue.submit, []

    def looked_at_by_another(request):
        seen.append(other.run(other.dispatcher))
        clock.forward(SENDING_TAKES.total_seconds() - 1)
        seen.append(other.run(other.dispatcher))
        return submit(request)

    venue.submit = looked_at_by_another
    dispatch(stations)

    assert seen == [0, 0]
    assert stations.only_order().broker_order_id == "V-1"
    assert len(venue.submitted) == 1


def test_two_that_begin_at_once_do_not_both_send(stations, venue, clock, monkeypatch):
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue, holder="test:2")
    submit = venue.submit

    def another_has_looked_before(request):
        venue.submit = submit
        monkeypatch.setattr(dispatcher, "left_to_others", lambda sender, *, now: set())
        other.dispatcher.run_once(now=clock())
        assert venue.submitted == []
        return submit(request)

    venue.submit = another_has_looked_before
    dispatch(stations)

    assert len(venue.submitted) == 1
    assert stations.only_order().broker_order_id == "V-1"


def refused_after(venue, meanwhile):
    """Say no to the next order, once something has happened in between."""
    submit = venue.submit

    def say_no(request):
        venue.submit = submit
        meanwhile()
        raise OrderRejected("no")

    venue.submit = say_no


def test_a_no_is_not_the_last_word_where_another_process_sent_the_order_into_silence_meanwhile(stations, venue, clock):
    """Else its shares would be hedged by a second order, while the first may fill."""
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue, holder="test:2")
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)

    def sent_by_another():
        clock.forward(SENDING_TAKES.total_seconds())
        other.run(other.dispatcher)

    refused_after(venue, sent_by_another)
    dispatch(stations)

    assert (stations.only_order().state, len(venue.submitted)) == (OrderState.UNKNOWN, 1)
    clock.forward(60)
    stations.run(stations.hedger)
    dispatch(stations)
    assert stations.only_order().broker_order_id == "V-1"


@pytest.mark.parametrize("mode", MODES)
def test_a_no_is_booked_where_another_process_could_only_look_for_the_order(mode, clock):
    venue = Venue(clock, our_ids=False)
    stations = with_a_placed_order(venue, clock, mode=mode)
    other = Stations(mode=mode, clock=clock, broker=venue, holder="test:2")

    def looked_for_by_another():
        clock.forward(SENDING_TAKES.total_seconds())
        other.run(other.dispatcher)
        assert stations.only_order().state is OrderState.UNKNOWN

    refused_after(venue, looked_for_by_another)
    dispatch(stations)

    assert (stations.only_order().state, Sending.objects.count()) == (OrderState.REJECTED, 0)


def test_an_order_whose_sender_is_gone_is_sent_by_another(stations, venue, clock):
    gone = subprocess.Popen(["true"])
    gone.wait()
    first = Stations(
        mode=stations.ledger.mode, clock=clock, broker=venue, holder=f"{socket.gethostname()[:40]}:{gone.pid}:0"
    )
    dies_sending(first, venue)

    stations.run(stations.dispatcher)
    assert stations.only_order().broker_order_id == "V-1"


def test_an_order_whose_sender_may_live_elsewhere_waits_for_it(stations, venue, clock):
    first = Stations(mode=stations.ledger.mode, clock=clock, broker=venue, holder="another-host:1:0")
    dies_sending(first, venue)

    clock.forward(SENDING_TAKES.total_seconds() - 1)
    stations.run(stations.dispatcher)
    assert stations.only_order().broker_order_id is None
    clock.forward(1)
    stations.run(stations.dispatcher)
    assert stations.only_order().broker_order_id == "V-1"


def test_what_was_not_sent_for_a_pause_of_the_broker_is_given_back(stations, venue, clock):
    other = Stations(mode=stations.ledger.mode, clock=clock, broker=venue, holder="test:2")
    venue.fail("submit", RateLimited("429", retry_after=timedelta(seconds=30)))
    dispatch(stations)

    clock.forward(31)
    other.run(other.dispatcher)
    assert stations.only_order().broker_order_id == "V-1"


def dies_sending(stations: Stations, venue: Venue) -> None:
    submit, venue.submit = venue.submit, killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        dispatch(stations)
    venue.submit = submit  # type: ignore[method-assign]

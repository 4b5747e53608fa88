"""What an operator can do with one order: it is asked about first, and what the broker has is never failed."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from tests.support.books import books
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, OutcomeUnknown, UnusableReport
from trading.brokers.port import Broker
from trading.conductor.reports import request_of
from trading.conductor.verbs.requests import GIVEN_UP_AFTER, OperatorRequest, RequestState, Verb, ask
from trading.conductor.verbs.requests import take as claim
from trading.conductor.work import SymbolWait, halt
from trading.offchain_order.aggregate import OrderState
from trading.risk.controls import throw
from trading.risk.records import Denial
from trading.risk.scopes import Scope
from trading.submission.absence import LONGEST_LAG
from trading.submission.sendings import SENDING_TAKES, Sending
from trading.values.identifiers import OrderId
from trading.values.quantities import shares
from trading.values.symbols import symbol

pytestmark = pytest.mark.django_db

AAPL = symbol("AAPL")
FIRST = OrderId(1)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=[True, False], ids=["knows our ids", "does not"])
def venue(request, clock):
    return Venue(clock, our_ids=request.param)


@pytest.fixture(params=MODES)
def stations(request, clock, venue):
    """Stations that wait with an order to buy 2 AAPL."""
    know_tokens("tAAPL")
    stations = Stations(mode=request.param, clock=clock, broker=venue)
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    return stations


def asked(stations: Stations, verb: Verb, subject=FIRST, **details: str) -> OperatorRequest:
    """Let an operator ask for something, and the clerk do it."""
    clerk = stations.clerk
    row = ask(verb, subject, actor="ada", reason="to see", now=stations.clock(), **details)
    clerk.run_once(now=stations.clock())
    row.refresh_from_db()
    books(stations.ledger)
    return row


def lost(stations: Stations, venue: Venue, *, taken: bool) -> None:
    """Let the order be sent, and no answer come."""
    venue.fail("submit", OutcomeUnknown("no answer"), taken=taken)
    stations.hedge()
    assert stations.only_order().state is OrderState.UNKNOWN


# Recheck.


def test_a_recheck_books_what_the_broker_says_now(stations, venue):
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")

    row = asked(stations, Verb.RECHECK_ORDER)

    assert row.state == RequestState.DONE
    assert "order 1 is filled at dry_run as V-1, 2 of 2 shares filled" in row.outcome
    assert stations.only_order().state is OrderState.FILLED
    assert (row.actor, row.reason) == ("ada", "to see")


def test_a_recheck_long_after_the_end_books_a_late_fill(stations, venue):
    stations.hedge()
    venue.tell(OrderStatus.CANCELLED, "1")
    stations.forward(1)
    stations.hedge()
    venue.tell(OrderStatus.CANCELLED, "2", order=0)
    stations.forward(timedelta(days=2).total_seconds())

    row = asked(stations, Verb.RECHECK_ORDER)

    assert row.state == RequestState.DONE
    assert stations.orders()[0].filled_shares == 2
    assert ("late_fill", "order 1") in notices()


def test_a_recheck_finds_an_order_whose_outcome_was_unknown(stations, venue):
    lost(stations, venue, taken=True)

    row = asked(stations, Verb.RECHECK_ORDER)

    assert row.state == RequestState.DONE
    assert stations.only_order().state is OrderState.SUBMITTED
    assert not Sending.objects.exists()


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (Verb.RECHECK_ORDER, {}),
        (Verb.FAIL_ORDER, {}),
        (Verb.RECONCILE_ORDER, {"broker_order_id": "V-1"}),
    ],
)
def test_an_order_is_not_asked_for_in_another_account_which_would_say_that_it_has_none(stations, venue, verb, said):
    lost(stations, venue, taken=True)
    stations.account.is_ours = False
    before = len(venue.asked)

    row = asked(stations, verb, **said)

    assert row.state == RequestState.REFUSED
    assert "its account is not the one that was confirmed" in row.outcome
    assert len(venue.asked) == before
    assert stations.only_order().state is OrderState.UNKNOWN


def test_an_order_of_an_account_that_is_closed_for_good_is_failed_by_an_operators_word_alone(stations, venue):
    """Else nobody could end it, and no other account be confirmed."""
    lost(stations, venue, taken=True)
    stations.account.is_ours = False
    before = len(venue.asked)

    assert asked(stations, Verb.FAIL_ORDER, none_of_them="yes").state == RequestState.DONE

    assert stations.only_order().state is OrderState.FAILED
    assert len(venue.asked) == before


def test_a_word_alone_ends_no_order_while_the_broker_does_not_answer(stations, venue):
    """It may be there, and its shares would be hedged a second time."""
    lost(stations, venue, taken=True)
    stations.account.is_told = False

    assert asked(stations, Verb.FAIL_ORDER, none_of_them="yes").state == RequestState.REFUSED
    assert stations.only_order().state is OrderState.UNKNOWN


def test_an_order_of_which_the_broker_says_what_can_not_be_is_failed_by_an_operators_word(stations, venue):
    """It was replaced there, and nobody but a person can tell by what: else the symbol would wait for ever."""
    stations.hedge()
    venue.fail("report", UnusableReport("it was replaced by one of two"), times=100)
    stations.forward(LONGEST_LAG.total_seconds())

    refused = asked(stations, Verb.FAIL_ORDER)
    assert (refused.state, "--none-of-them" in refused.outcome) == (RequestState.REFUSED, True)
    assert asked(stations, Verb.FAIL_ORDER, none_of_them="yes").state == RequestState.DONE
    assert stations.position("AAPL").pending is None


def test_what_is_not_this_order_is_not_said_to_be_booked(stations, venue):
    if not venue.capabilities.client_order_id:
        pytest.skip("it can't be asked for by our id")
    lost(stations, venue, taken=False)
    asked(stations, Verb.FAIL_ORDER)
    other = venue.taken(request_of(stations.only_order()))
    venue.find = lambda ours: msgspec.structs.replace(other, requested_shares=shares(9))

    row = asked(stations, Verb.RECHECK_ORDER)

    assert (row.state, "nothing was booked" in row.outcome) == (RequestState.REFUSED, True)


def test_an_order_is_not_cancelled_in_another_account(stations, venue):
    stations.hedge()
    stations.account.is_ours = False
    before = len(venue.asked)

    assert asked(stations, Verb.CANCEL_ORDER).state == RequestState.REFUSED
    assert len(venue.asked) == before


def test_a_recheck_sends_nothing(stations, venue):
    lost(stations, venue, taken=False)
    sent = len(venue.submitted)

    row = asked(stations, Verb.RECHECK_ORDER)

    assert "does not have order 1" in row.outcome
    assert len(venue.submitted) == sent
    assert stations.only_order().state is OrderState.UNKNOWN


def test_an_order_that_was_not_sent_yet_is_said_to_be_so(stations, venue):
    stations.run(stations.hedger)

    assert "not sent yet" in asked(stations, Verb.RECHECK_ORDER).outcome
    assert venue.submitted == []


def test_where_the_broker_can_not_be_asked_the_request_is_refused(stations, venue):
    stations.hedge()
    venue.fail("report", BrokerUnavailable("down"))

    row = asked(stations, Verb.RECHECK_ORDER)

    assert row.state == RequestState.REFUSED
    assert "could not be asked about order 1: down" in row.outcome


def test_an_order_that_is_not_there_is_refused(stations):
    assert asked(stations, Verb.RECHECK_ORDER, OrderId(99)).outcome == "there is no order 99"


def test_an_order_of_another_broker_is_refused(stations, venue):
    stations.hedge()
    venue.name = "alpaca"

    assert "BROKER is alpaca" in asked(stations, Verb.RECHECK_ORDER).outcome


# Fail.


def test_an_order_that_the_broker_does_not_have_is_failed_and_its_shares_are_hedged_anew(stations, venue):
    lost(stations, venue, taken=False)

    row = asked(stations, Verb.FAIL_ORDER, none_of_them="no" if venue.capabilities.client_order_id else "yes")

    assert row.state == RequestState.DONE
    order = stations.only_order()
    assert (order.state, order.reason) == (OrderState.FAILED, "failed by ada: to see")
    assert stations.position("AAPL").pending is None
    stations.forward(2)
    stations.hedge()
    assert stations.orders()[-1].state is OrderState.SUBMITTED


@pytest.mark.parametrize("status", [OrderStatus.ACCEPTED, OrderStatus.FILLED])
def test_an_order_that_the_broker_has_is_not_failed(stations, venue, status):
    lost(stations, venue, taken=True)
    venue.tell(status, "2" if status is OrderStatus.FILLED else "0")

    row = asked(stations, Verb.FAIL_ORDER)

    assert row.state == RequestState.REFUSED
    assert f"has order 1 as V-1, {status}" in row.outcome
    assert stations.only_order().state is OrderState.UNKNOWN


def test_an_order_is_not_failed_while_the_broker_can_not_be_asked(stations, venue):
    """I7: an unknown outcome never becomes failed without the broker's word."""
    lost(stations, venue, taken=False)
    venue.fail("find" if venue.capabilities.client_order_id else "orders", BrokerUnavailable("down"))

    assert asked(stations, Verb.FAIL_ORDER).state == RequestState.REFUSED
    assert stations.only_order().state is OrderState.UNKNOWN


def test_an_order_is_not_failed_while_it_is_being_sent(stations, venue, clock):
    """Whoever looks at the broker then can't see it yet, and it is there a moment later."""
    submit, told = venue.submit, []

    def failed_meanwhile(request):
        told.append(asked(stations, Verb.FAIL_ORDER, none_of_them="yes"))
        return submit(request)

    venue.submit = failed_meanwhile
    stations.hedge()

    (row,) = told
    assert row.state == RequestState.REFUSED
    over = clock() + SENDING_TAKES
    assert f"order 1 is being sent by test:1, which is over by {over:%H:%M:%S} UTC: look again then" in row.outcome
    assert stations.only_order().state is OrderState.SUBMITTED


def test_an_order_that_was_never_sent_is_failed_without_asking(stations, venue):
    stations.run(stations.hedger)

    assert asked(stations, Verb.FAIL_ORDER).state == RequestState.DONE
    assert venue.asked == []


def test_an_order_that_the_broker_once_took_and_does_not_know_any_more_is_failed_by_an_operator_alone(stations, venue):
    stations.hedge()
    venue.fail("report", NoSuchOrder("no such order"), times=100)
    venue.orders_taken.clear()
    stations.forward(LONGEST_LAG.total_seconds())
    stations.hedge()
    assert stations.only_order().state is OrderState.UNKNOWN

    assert asked(stations, Verb.FAIL_ORDER).state == RequestState.DONE
    assert stations.only_order().state is OrderState.FAILED


def test_an_order_that_the_broker_took_just_now_and_does_not_show_yet_is_not_failed(stations, venue):
    stations.hedge()
    venue.fail("report", NoSuchOrder("no such order"), times=100)
    venue.orders_taken.clear()
    stations.forward(60)

    row = asked(stations, Verb.FAIL_ORDER, none_of_them="yes")

    assert (row.state, "may not show it yet" in row.outcome) == (RequestState.REFUSED, True)
    assert stations.position("AAPL").pending is not None


@pytest.mark.parametrize("was_there", [True, False])
def test_a_word_of_before_an_order_was_sent_says_nothing_of_it(stations, venue, was_there):
    """It was asked for in the admin, and done by a clerk only after the order had left, and is not listed yet."""
    if was_there:
        lost(stations, venue, taken=False)
    else:
        stations.run(stations.hedger)
    row = ask(Verb.FAIL_ORDER, FIRST, actor="ada", reason="none is it", now=stations.clock(), none_of_them="yes")
    stations.forward(60)
    lost(stations, venue, taken=True)
    venue.find, venue.orders = lambda ours: None, lambda **span: []

    stations.run(stations.clerk)

    row.refresh_from_db()
    assert (row.state, "after it was asked to be failed" in row.outcome) == (RequestState.REFUSED, True)
    assert stations.only_order().state is OrderState.UNKNOWN


def test_an_order_that_has_ended_stays_as_it_ended(stations, venue):
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")
    stations.forward(1)
    stations.hedge()

    assert "only an open order can be failed" in asked(stations, Verb.FAIL_ORDER).outcome


# Orders that look alike, at a broker that does not know our ids.


@pytest.fixture
def doubtful(clock):
    """An order of unknown outcome, and two at the broker that may be it."""
    know_tokens("tAAPL")
    venue = Venue(clock, our_ids=False)
    stations = Stations(clock=clock, broker=venue)
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    lost(stations, venue, taken=True)
    venue.orders_taken["twin"] = venue.taken(venue.submitted[0])
    stations.forward(30)
    stations.hedge()
    assert ("symbol_halted", "AAPL") in notices()
    return stations


def test_an_operator_says_which_one_it_is(doubtful):
    row = asked(doubtful, Verb.RECONCILE_ORDER, broker_order_id="V-2")

    assert row.state == RequestState.DONE
    order = doubtful.only_order()
    assert (order.state, order.broker_order_id) == (OrderState.SUBMITTED, "V-2")
    assert not Sending.objects.exists()


def test_an_operator_says_which_one_it_is_though_it_was_failed(doubtful):
    """It was held to be none of them, and is one: its fill is this order's, and no other verb could book it."""
    asked(doubtful, Verb.FAIL_ORDER, none_of_them="yes")
    doubtful.broker.tell(OrderStatus.FILLED, "2")

    row = asked(doubtful, Verb.RECONCILE_ORDER, broker_order_id="V-2")

    assert row.state == RequestState.DONE, row.outcome
    assert (doubtful.only_order().broker_order_id, doubtful.only_order().filled_shares) == ("V-2", 2)


def test_an_order_that_has_ended_unknown_to_a_broker_without_our_ids_is_not_said_to_be_absent(doubtful):
    asked(doubtful, Verb.FAIL_ORDER, none_of_them="yes")
    before = len(doubtful.broker.asked)

    row = asked(doubtful, Verb.RECHECK_ORDER)

    assert row.state == RequestState.REFUSED
    assert "manage.py reconcile_order 1 --broker-order ID" in row.outcome
    assert len(doubtful.broker.asked) == before


def test_an_ended_order_that_the_broker_does_not_have_is_not_tried_again(stations, venue):
    if not venue.capabilities.client_order_id:
        pytest.skip("it can't be asked for by our id")
    lost(stations, venue, taken=False)
    asked(stations, Verb.FAIL_ORDER)

    row = asked(stations, Verb.RECHECK_ORDER)

    assert (row.state, "tried again" in row.outcome) == (RequestState.DONE, False)
    assert "does not have order 1, which has ended as failed" in row.outcome


def test_an_operator_says_that_it_is_none_of_them(doubtful):
    assert "say --none-of-them" in asked(doubtful, Verb.FAIL_ORDER).outcome
    assert doubtful.only_order().state is OrderState.UNKNOWN

    assert asked(doubtful, Verb.FAIL_ORDER, none_of_them="yes").state == RequestState.DONE
    assert doubtful.only_order().state is OrderState.FAILED


def test_an_order_that_can_not_be_it_is_not_taken_for_it(doubtful):
    doubtful.broker.tell(OrderStatus.ACCEPTED, order=1, requested_shares=Decimal(7))

    row = asked(doubtful, Verb.RECONCILE_ORDER, broker_order_id="V-2")

    assert "expected an order for 2 shares, was 7" in row.outcome
    assert doubtful.only_order().state is OrderState.UNKNOWN


def test_an_order_that_is_another_one_of_ours_is_not_taken_for_it(stations, venue):
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")
    stations.forward(1)
    stations.hedge()
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=300))
    stations.run(stations.hedger)

    row = asked(stations, Verb.RECONCILE_ORDER, OrderId(2), broker_order_id="V-1")

    assert "is another order of ours" in row.outcome


# Resume, cancel, and the symbol.


def test_an_order_is_taken_up_again_at_once(stations, venue, clock):
    venue.fail("holdings", BrokerUnavailable("down"), times=9)
    venue.fail("find", BrokerUnavailable("down"), times=9)
    for _ in range(8):
        stations.forward(60)
        stations.hedge()
    assert notices() == [("order_stuck", "order 1")]
    halt(AAPL, "looked at", now=clock())
    venue.__init__(clock, our_ids=venue.capabilities.client_order_id)

    row = asked(stations, Verb.RESUME_ORDER)
    stations.hedge()

    assert row.state == RequestState.DONE
    assert stations.only_order().state is OrderState.SUBMITTED
    assert notices() == []
    assert not SymbolWait.objects.exists()


def test_an_order_is_cancelled_at_the_broker_and_no_other_one(stations, venue):
    """L9: once every open order of the account was cancelled, whoever had placed it."""
    stations.hedge()
    mine, theirs = venue.orders_taken, venue.submitted[0]
    venue.orders_taken["somebody-elses"] = venue.taken(theirs, client_order_id="somebody-elses")

    asked(stations, Verb.CANCEL_ORDER)

    assert [report.status for report in mine.values()] == [OrderStatus.CANCELLED, OrderStatus.ACCEPTED]
    assert not any(hasattr(Broker, name) for name in ("cancel_all", "cancel_orders", "close_position"))


def test_an_order_is_cancelled_at_the_broker_and_its_fills_are_kept(stations, venue):
    stations.hedge()
    venue.tell(OrderStatus.PARTIALLY_FILLED, "1")

    row = asked(stations, Verb.CANCEL_ORDER)

    assert row.state == RequestState.DONE
    order = stations.only_order()
    assert (order.state, order.filled_shares) == (OrderState.CANCELLED, 1)


def test_an_order_that_fills_before_it_is_cancelled_is_booked_as_filled(stations, venue):
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")

    assert asked(stations, Verb.CANCEL_ORDER).state == RequestState.DONE
    assert stations.only_order().state is OrderState.FILLED


def test_a_symbol_is_resumed(stations, clock):
    halt(AAPL, "looked at", now=clock())

    assert asked(stations, Verb.RESUME_SYMBOL, AAPL).outcome == "AAPL is hedged again"
    assert asked(stations, Verb.RESUME_SYMBOL, AAPL).outcome == "AAPL was neither halted nor waiting"


# Orders by hand.


def test_an_order_by_hand_is_placed_sent_and_counted(stations, venue, clock):
    row = asked(stations, Verb.BUY, AAPL, shares="1")
    assert row.state == RequestState.DONE, row.outcome
    stations.run(stations.dispatcher)
    venue.tell(OrderStatus.FILLED, "1")
    clock.forward(1)
    stations.run(stations.poller)

    assert stations.hedges() == ["BUY 1 AAPL"]
    assert stations.net("AAPL") == Decimal("-1.5")
    books(stations.ledger)


def test_an_order_by_hand_that_would_raise_what_is_open_must_be_meant_so(stations):
    row = asked(stations, Verb.SELL, AAPL, shares="1")

    assert row.state == RequestState.REFUSED
    assert "say --may-raise" in row.outcome.lower()
    assert stations.orders() == []
    assert asked(stations, Verb.SELL, AAPL, shares="1", may_raise="yes").state == RequestState.DONE


def test_an_order_by_hand_waits_for_the_one_under_way(stations):
    stations.hedge()

    assert "is under way" in asked(stations, Verb.BUY, AAPL, shares="1").outcome


def test_an_order_by_hand_passes_the_gate_and_its_denial_is_kept(stations, clock):
    throw(Scope.GLOBAL, "", on=True, actor="ada", reason="stop", at=clock())

    row = asked(stations, Verb.BUY, AAPL, shares="1")

    assert row.state == RequestState.REFUSED
    assert "denied by kill_switch" in row.outcome
    assert Denial.objects.get().rule == "kill_switch"
    assert stations.orders() == []


# Requests.


def test_a_request_without_a_reason_is_none(clock):
    with pytest.raises(ValueError, match="expected a reason"):
        ask(Verb.FAIL_ORDER, OrderId(1), actor="ada", reason=" ", now=clock())
    assert not OperatorRequest.objects.exists()


def test_a_request_is_done_once(stations, clock):
    row = ask(Verb.RESUME_SYMBOL, AAPL, actor="ada", reason="to see", now=clock())

    assert claim(row, now=clock())
    assert not claim(row, now=clock())
    asked_later = stations.clerk
    assert asked_later.run_once(now=clock()) is False


def test_requests_are_begun_one_in_a_turn_by_the_turns_own_clock(stations, clock):
    """Each may call the broker for minutes: the last of many would seem to have begun long before it was."""
    rows = [ask(Verb.RESUME_SYMBOL, AAPL, actor="ada", reason="to see", now=clock()) for _ in range(2)]
    clerk = stations.clerk

    clerk.run_once(now=clock())
    clock.forward(400)
    clerk.run_once(now=clock())

    begun = [OperatorRequest.objects.get(pk=row.pk).begun_at for row in rows]
    assert (begun[1] - begun[0]).total_seconds() == 400
    assert clerk.run_once(now=clock()) is False


def test_a_request_that_a_process_died_over_is_told_and_not_done_again(stations, clock):
    row = ask(Verb.RESUME_SYMBOL, AAPL, actor="ada", reason="to see", now=clock())
    claim(row, now=clock())
    clock.forward(GIVEN_UP_AFTER.total_seconds() + 1)

    stations.clerk.run_once(now=clock())

    row.refresh_from_db()
    assert row.state == RequestState.REFUSED
    assert "ask again" in row.outcome

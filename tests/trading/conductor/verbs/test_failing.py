"""Failing an order by hand: an answer of the broker counts for as long as nobody has taken the order on since."""

from datetime import timedelta

import pytest

from tests.support.stations import Clock, Stations, notices, with_a_placed_order
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import OutcomeUnknown
from trading.conductor import work
from trading.conductor.verbs.requests import OperatorRequest, RequestState, Verb, ask
from trading.offchain_order.aggregate import OrderState
from trading.submission.absence import LOOKS
from trading.submission.sendings import SENDING_TAKES
from trading.values.identifiers import OrderId

pytestmark = pytest.mark.django_db

NO_ANSWER = OutcomeUnknown("no answer")


@pytest.fixture
def venue():
    return Venue(Clock())


@pytest.fixture
def nameless():
    """A broker that knows no ids of ours, as Schwab is one."""
    return Venue(Clock(), our_ids=False)


def in_doubt(venue: Venue, *, taken: bool = False) -> Stations:
    """An order that left, and of which no answer came, is due again."""
    stations = with_a_placed_order(venue, venue.now)
    venue.fail("submit", NO_ANSWER, taken=taken)
    stations.run(stations.dispatcher)
    stations.forward(2)
    assert stations.only_order().state is OrderState.UNKNOWN
    return stations


def another(stations: Stations) -> Stations:
    """Another process at the same books."""
    return Stations(mode=stations.ledger.mode, clock=stations.clock, broker=stations.broker, holder="elsewhere:2:0")


def failed(stations: Stations, **details: str) -> OperatorRequest:
    """What becomes of an operator's word that the broker does not have the order."""
    row = ask(Verb.FAIL_ORDER, OrderId(1), actor="ada", reason="not there", now=stations.clock(), **details)
    stations.clerk.run_once(now=stations.clock())
    row.refresh_from_db()
    return row


class Died(BaseException):
    """A process ended between what it sent and the answer."""


def test_an_order_that_is_sent_while_the_broker_is_asked_is_not_failed(venue):
    stations = in_doubt(venue)
    other = another(stations)
    venue.meanwhile = lambda question, about: other.run(other.dispatcher)

    row = failed(stations)

    assert row.state == RequestState.REFUSED
    assert "order 1 has changed since dry_run was asked about it, and is submitted now" in row.outcome
    assert "`manage.py recheck_order 1` tells how it stands" in row.outcome
    order = stations.only_order()
    assert (order.state, order.broker_order_id) == (OrderState.SUBMITTED, "V-1")


def test_an_order_that_is_found_while_an_operator_says_that_it_is_none_of_them_is_not_failed(nameless):
    stations = in_doubt(nameless, taken=True)
    other = another(stations)
    listed = nameless.orders

    def lagging(**span):
        nameless.orders = listed
        other.run(other.dispatcher)
        return []

    nameless.orders = lagging

    assert failed(stations, none_of_them="yes").state == RequestState.REFUSED
    assert stations.only_order().broker_order_id == "V-1"


def test_an_order_that_leaves_into_silence_again_while_the_broker_is_asked_is_not_failed(venue):
    stations = in_doubt(venue)
    other = another(stations)

    def sent_into_silence(question, about):
        venue.fail("submit", NO_ANSWER, taken=True)
        other.run(other.dispatcher)

    venue.meanwhile = sent_into_silence

    row = failed(stations)

    assert row.state == RequestState.REFUSED
    assert "order 1 was sent, or looked for, while the broker was asked" in row.outcome
    assert stations.only_order().state is OrderState.UNKNOWN
    stations.forward(60)
    stations.run(stations.dispatcher)
    assert stations.only_order().broker_order_id == "V-1"


def test_an_order_whose_sender_dies_while_the_broker_is_asked_is_not_failed(venue, monkeypatch):
    stations = in_doubt(venue)
    other = another(stations)
    submit = venue.submit

    def dies(request):
        venue.submit = submit
        submit(request)
        raise Died

    def sent(question, about):
        venue.submit = dies
        with pytest.raises(Died):
            other.run(other.dispatcher)
        monkeypatch.setattr(work, "is_gone", lambda name: name == "elsewhere:2:0")

    venue.meanwhile = sent

    assert failed(stations).state == RequestState.REFUSED
    stations.forward(60)
    stations.run(stations.dispatcher)
    assert stations.only_order().broker_order_id == "V-1"


def test_an_order_that_ends_while_the_broker_is_asked_is_told_as_it_ended(venue):
    stations = in_doubt(venue)
    other = another(stations)

    def sent_and_filled(question, about):
        other.run(other.dispatcher)
        venue.tell(OrderStatus.FILLED, "2")
        stations.forward(2)
        other.run(other.poller)

    venue.meanwhile = sent_and_filled

    row = failed(stations)

    assert (row.state, "is filled now" in row.outcome) == (RequestState.REFUSED, True)
    assert stations.only_order().filled_shares == 2


def test_one_look_at_a_list_is_no_answer_until_it_is_certain_or_a_person_has_looked(nameless):
    stations = in_doubt(nameless, taken=True)
    orders, nameless.orders = nameless.orders, lambda **span: []

    row = failed(stations)
    assert row.state == RequestState.REFUSED
    assert "lists no order like it yet" in row.outcome
    assert "say --none-of-them if none is order 1" in row.outcome

    nameless.orders = orders
    stations.forward(60)
    stations.run(stations.dispatcher)
    assert stations.only_order().broker_order_id == "V-1"


def test_what_was_looked_for_in_vain_often_enough_is_failed_without_a_persons_look(nameless):
    """The conductor itself would fail it then; it may be stopped, or halted by what else it found."""
    stations = in_doubt(nameless)
    for _ in range(LOOKS - 1):
        assert failed(stations).state == RequestState.REFUSED
        stations.forward(40)

    assert failed(stations).state == RequestState.DONE
    assert stations.only_order().state is OrderState.FAILED


def test_each_order_of_a_turn_is_left_to_its_sender_for_as_long_from_when_it_is_sent(venue):
    stations = with_a_placed_order(venue, venue.now)
    submit, told = venue.submit, []

    def slow(request):
        told.append(work.OrderWork.objects.get(sender_until__gt=stations.clock()).sender_until - stations.clock())
        stations.forward(130)
        return submit(request)

    venue.submit = slow
    stations.run(stations.dispatcher)

    assert told == [SENDING_TAKES]


def test_who_could_not_take_an_order_on_does_not_end_that_another_one_is_sending_it(venue):
    stations = with_a_placed_order(venue, venue.now)
    submit, told = venue.submit, []

    def meanwhile(request):
        work.try_again(OrderId(1), "lost", now=stations.clock(), longest=timedelta(minutes=1), sender="elsewhere:2:0")
        work.give_back(OrderId(1), "elsewhere:2:0")
        told.append(failed(stations, none_of_them="yes"))
        return submit(request)

    venue.submit = meanwhile
    stations.run(stations.dispatcher)

    assert "order 1 is being sent by test:1" in told[0].outcome
    assert stations.only_order().state is OrderState.SUBMITTED
    assert notices() == []

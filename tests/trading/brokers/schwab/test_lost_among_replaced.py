"""C9: an order of ours that left into silence, among orders that somebody replaced at Schwab, is never hedged twice."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Response

from tests.trading.brokers.schwab.schwab_json import AT, HASH, ORDERS, executions, filled, leg, order
from tests.trading.brokers.schwab.schwab_json import request as asked_for
from tests.trading.brokers.schwab.test_replacements import CLOSED, answers, replaced
from trading.submission.absence import Absence
from trading.submission.sendings import begin, was_taken
from trading.submission.submitter import AtTheBroker, ForTheOperator, InDoubt, NeverThere, Submitter
from trading.values.identifiers import BrokerOrderId
from trading.values.quantities import shares

pytestmark = pytest.mark.django_db

SENT = datetime(2025, 11, 20, 16, 10, 4, tzinfo=UTC)
ARRIVED = "2025-11-20T16:10:05+0000"
BEFORE = "2025-11-20T15:00:00+0000"
OURS = asked_for(created_at=SENT)

LIMIT = {"orderType": "LIMIT", "price": 200.0, "quantity": 9.0}
STRANGERS = replaced(10, enteredTime=BEFORE, **LIMIT)
STOP = order(11, enteredTime=CLOSED, orderType="STOP", quantity=9.0)
LOST = order(12, enteredTime=ARRIVED, status="QUEUED")


def listed(rows, asked):
    """Those that were entered in the span that is asked for."""
    first, last = (datetime.fromisoformat(asked.args[f"{edge}EnteredTime"]) for edge in ("from", "to"))
    found = [row for row in rows if first <= datetime.fromisoformat(row["enteredTime"]) <= last]
    return Response(json.dumps(found), content_type="application/json")


@pytest.fixture
def answer_seconds():
    return 10


@pytest.fixture
def outcome(broker, httpserver):
    """What comes of looking for an order of ours long enough, where Schwab has these orders."""
    httpserver.expect_request(f"/trader/v1/accounts/{HASH}").respond_with_json(
        {"securitiesAccount": {"accountNumber": "12345678", "type": "MARGIN", "positions": []}}
    )

    def outcome(*rows, linked=(), named=None):
        httpserver.expect_request(ORDERS, method="GET").respond_with_handler(lambda asked: listed(rows, asked))
        answers(httpserver, *rows)
        begin("schwab", OURS, held_before=shares(0), resolved=lambda name: False, now=SENT)
        if named is not None:
            was_taken(OURS.client_order_id, BrokerOrderId(named))
        submitter = Submitter(broker, linked=set(linked).intersection, resolved=lambda name: False)
        for look in range(6):
            found = submitter.submit(OURS, sent_before=True, now=SENT + timedelta(seconds=30 * look))
            if not isinstance(found, InDoubt):
                return found
        return found

    return outcome


# Where Schwab does not say what took the other's place.


def test_an_order_of_ours_that_may_have_taken_a_strangers_place_is_for_the_operator(outcome):
    """The stranger's became a stop. That is no candidate, so ours was taken for its successor, and seen no more."""
    found = outcome(STRANGERS, STOP, LOST)

    assert isinstance(found, ForTheOperator)
    assert "has order 12, which may be ht-test-1-1: it may have taken the place of order 10" in found.reason


def test_an_order_that_may_have_taken_the_place_of_another_of_ours_is_for_the_operator(outcome):
    found = outcome(replaced(10, enteredTime=BEFORE), LOST, linked=["10"])

    assert isinstance(found, ForTheOperator)
    assert "has order 12" in found.reason


def test_an_order_that_may_have_taken_the_place_of_a_strangers_stop_is_for_the_operator(outcome):
    found = outcome(replaced(10, enteredTime=BEFORE, orderType="STOP", quantity=9.0), LOST)

    assert isinstance(found, ForTheOperator)
    assert "has order 12" in found.reason


def test_where_two_may_have_taken_a_place_neither_is_taken_for_ours(outcome):
    found = outcome(replaced(10, enteredTime=BEFORE), LOST, order(13, enteredTime=ARRIVED, quantity=9.0))

    assert isinstance(found, ForTheOperator)
    assert "has order 12" in found.reason


def test_an_order_that_is_unlike_ours_is_no_match_however_doubtful(outcome):
    found = outcome(replaced(10, enteredTime=BEFORE), order(12, enteredTime=ARRIVED, quantity=9.0))

    assert isinstance(found, NeverThere)


def test_an_order_that_was_replaced_by_nothing_like_it_stands_in_nobodys_way(outcome):
    assert isinstance(outcome(STRANGERS, STOP), NeverThere)


def test_an_order_that_was_entered_when_no_other_closed_is_ours(outcome):
    found = outcome(replaced(10, enteredTime=BEFORE, closeTime="2025-11-20T15:30:00+0000"), LOST)

    assert isinstance(found, AtTheBroker)
    assert found.report.broker_order_id == "12"


def test_an_order_of_ours_that_was_replaced_by_a_guess_is_for_the_operator(outcome):
    replaced_at = "2025-11-20T16:11:00+0000"
    found = outcome(
        replaced(12, enteredTime=ARRIVED, closeTime=replaced_at), order(13, enteredTime=replaced_at, quantity=9.0)
    )

    assert isinstance(found, ForTheOperator)
    assert "it seems that order 12 was replaced at Schwab by 13" in found.reason


def test_a_name_from_the_answer_is_not_followed_by_a_guess(outcome):
    """The address was that of a stranger's order, and ours was taken for its successor."""
    found = outcome(STRANGERS, STOP, LOST, named="10")

    assert isinstance(found, ForTheOperator)
    assert "has order 12" in found.reason


# Where it does.


def test_what_is_named_as_another_orders_replacement_is_not_taken_for_ours(outcome):
    named = replaced(10, enteredTime=BEFORE, replacingOrderCollection=[{"orderId": 12}])

    assert isinstance(outcome(named, LOST, linked=["10"]), NeverThere)


def test_what_names_the_order_that_it_replaced_is_not_taken_for_ours(outcome):
    naming = {**LOST, "replacingOrderCollection": [{"orderId": 10}]}

    assert isinstance(outcome(replaced(10, enteredTime=BEFORE), naming), NeverThere)


def test_an_order_of_ours_that_was_replaced_by_one_alike_is_found_under_its_first_name(outcome):
    newest = filled(13, enteredTime="2025-11-20T16:11:00+0000")
    found = outcome(replaced(12, enteredTime=ARRIVED, replacingOrderCollection=[{"orderId": 13}]), newest)

    assert isinstance(found, AtTheBroker)
    assert (found.report.broker_order_id, found.report.filled_shares) == ("12", 4)


def test_an_order_of_ours_that_was_made_another_one_is_for_the_operator(outcome):
    """By its newest terms it was like no order of ours, and it was held to be never there while it was open."""
    newest = order(13, enteredTime="2025-11-20T16:11:00+0000", quantity=6.0)
    found = outcome(replaced(12, enteredTime=ARRIVED, replacingOrderCollection=[{"orderId": 13}]), newest)

    assert isinstance(found, ForTheOperator)
    assert "order 12" in found.reason
    assert "asks for something else" in found.reason


def test_an_order_of_ours_that_was_replaced_after_a_fill_is_for_the_operator(outcome):
    found = outcome(
        replaced(
            12,
            enteredTime=ARRIVED,
            filledQuantity=1.0,
            orderActivityCollection=executions((1.0, 187.0)),
            replacingOrderCollection=[{"orderId": 13}],
        ),
        order(13, enteredTime="2025-11-20T16:11:00+0000", quantity=3.0),
    )

    assert isinstance(found, ForTheOperator)
    assert "replaced at Schwab after 1 shares of it were filled" in found.reason


def test_orders_that_replace_each_other_in_a_ring_are_for_the_operator(outcome):
    found = outcome(
        replaced(12, enteredTime=ARRIVED, replacingOrderCollection=[{"orderId": 13}]),
        replaced(13, enteredTime=ARRIVED, replacingOrderCollection=[{"orderId": 12}]),
    )

    assert isinstance(found, ForTheOperator)


def test_an_option_that_was_replaced_stands_in_nobodys_way(outcome):
    option = replaced(10, enteredTime=BEFORE, closeTime=None, orderLegCollection=[leg(orderLegType="OPTION"), leg()])

    found = outcome(option, LOST)

    assert isinstance(found, AtTheBroker)
    assert found.report.broker_order_id == "12"


# Orders of other symbols, and many.

OTHER = {"orderLegCollection": [leg(instrument={"symbol": "MSFT"})]}


@pytest.mark.parametrize(
    "odd",
    [
        replaced(10, enteredTime=BEFORE, filledQuantity=1.0, **OTHER),
        replaced(10, enteredTime=BEFORE, closeTime=None, **OTHER),
        order(10, enteredTime=BEFORE, status="UNKNOWN", **OTHER),
        order(10, enteredTime=BEFORE, filledQuantity=None, **OTHER),
    ],
)
def test_what_can_not_be_told_of_another_symbols_order_stands_in_nobodys_way(outcome, odd):
    found = outcome(odd, LOST)

    assert isinstance(found, AtTheBroker)
    assert found.report.broker_order_id == "12"


@pytest.mark.parametrize(
    "legs",
    [None, [], [None], [leg(instrument={"symbol": None})], [leg(instrument={"symbol": "?"})]],
)
def test_an_order_whose_symbol_can_not_be_read_may_be_ours(outcome, legs):
    """C9: an order that is passed over would be sent again."""
    found = outcome(order(10, enteredTime=ARRIVED, orderLegCollection=legs))

    assert isinstance(found, InDoubt)
    assert found.tell


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("times", [5, 21])
def test_a_look_at_orders_that_were_replaced_often_is_two_calls(outcome, httpserver, times, names):
    """Schwab takes 120 calls a minute of the whole account; a look took 57 where one was replaced ten times."""
    chain = [
        replaced(
            100 + place,
            enteredTime=f"2025-11-20T15:{2 * place:02}:00+0000",
            closeTime=f"2025-11-20T15:{2 * place + 2:02}:00+0000",
            replacingOrderCollection=[{"orderId": 101 + place}] if names else [],
            **LIMIT,
        )
        for place in range(times)
    ]
    found = outcome(*chain, order(100 + times, enteredTime=chain[-1]["closeTime"], **LIMIT), LOST)

    assert isinstance(found, AtTheBroker)
    assert [asked.path for asked, _ in httpserver.log] == ["/trader/v1/accounts/accountNumbers", ORDERS]


def test_an_order_of_which_the_list_shows_no_successor_is_followed_by_its_number(outcome, httpserver):
    named = replaced(10, enteredTime=ARRIVED, replacingOrderCollection=[{"orderId": 13}])
    newest = filled(13, enteredTime="2025-11-20T16:20:00+0000")
    httpserver.expect_request(f"{ORDERS}/13").respond_with_json(newest)

    found = outcome(named)

    assert isinstance(found, AtTheBroker)
    assert (found.report.broker_order_id, found.report.filled_shares) == ("10", 4)


def test_an_order_of_which_schwab_has_forgotten_the_day_is_for_the_operator(broker, httpserver):
    """That Schwab lists it no more proves nothing; and who looks must not fail at every turn, or refuse operators."""
    request = asked_for(created_at=AT - timedelta(days=59, minutes=1))
    begin("schwab", request, held_before=shares(0), resolved=lambda name: False, now=request.created_at)
    submitter = Submitter(broker, linked=set().intersection, resolved=lambda name: False)

    for found in (submitter.look(request, now=AT), submitter.submit(request, sent_before=True, now=AT)):
        assert isinstance(found, ForTheOperator)
        assert "schwab does not list the orders among which ht-test-1-1 would be" in found.reason
        assert "60 days" in found.reason
    assert not Absence.objects.exists()
    assert httpserver.log == []


def test_an_order_that_is_named_is_found_however_long_ago_it_was(broker, httpserver):
    entered = AT - timedelta(days=70)
    request = asked_for(created_at=entered)
    begin("schwab", request, held_before=shares(0), resolved=lambda name: False, now=entered)
    was_taken(request.client_order_id, BrokerOrderId("12"))
    answers(httpserver, filled(12, enteredTime=f"{entered:%Y-%m-%dT%H:%M:%S}+0000"))

    found = Submitter(broker, linked=set().intersection, resolved=lambda name: False).look(request, now=AT)

    assert isinstance(found, AtTheBroker)

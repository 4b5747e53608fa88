"""Placing: sent once, in Schwab's words, and read back (C9, G3-41)."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from werkzeug import Response

from tests.support.unanswered import unanswered
from tests.trading.brokers.schwab.schwab_json import (
    HASH,
    ORDERS,
    REFUSAL,
    executions,
    filled,
    leg,
    order,
    recorded,
    request,
)
from trading.brokers.orders import OrderStatus, same_order
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NotAuthorised,
    NotOffered,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
)
from trading.values.quantities import shares, usd
from trading.values.sides import Side
from trading.values.symbols import symbol

NUMBER = 1004055538123
LOCATION = f"https://api.schwabapi.com{ORDERS}/{NUMBER}"


def takes(httpserver, location=LOCATION):
    """Let Schwab take an order, with an empty body and an address."""
    headers = {} if location is None else {"Location": location}
    httpserver.expect_request(ORDERS, method="POST").respond_with_response(Response(status=201, headers=headers))


def reads_back(httpserver, body, status=200):
    httpserver.expect_request(f"{ORDERS}/{NUMBER}", method="GET").respond_with_json(body, status=status)


def posts(httpserver):
    return [asked for asked, _ in httpserver.log if asked.method == "POST"]


# What is sent.


def sent(instruction, quantity, name, *, kind="MARKET", session="NORMAL", end=""):
    """The bytes of an order."""
    return (
        f'{{"orderType":"{kind}","session":"{session}","duration":"DAY","orderStrategyType":"SINGLE",'
        f'"orderLegCollection":[{{"instruction":"{instruction}","quantity":{quantity},'
        f'"instrument":{{"symbol":"{name}","assetType":"EQUITY"}}}}]{end}}}'
    ).encode()


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, sent("SELL", 4, "AAPL")),
        (
            {"side": Side.BUY, "shares": shares("1200.00"), "symbol": symbol("BRK.B")},
            sent("BUY", 1200, "BRK/B"),
        ),
        ({"limit_price_usd": usd("187.30")}, sent("SELL", 4, "AAPL", kind="LIMIT", end=',"price":"187.3"')),
        (
            {"limit_price_usd": usd("0.1234"), "extended_hours": True},
            sent("SELL", 4, "AAPL", kind="LIMIT", session="SEAMLESS", end=',"price":"0.1234"'),
        ),
    ],
    ids=["market", "class share", "limit", "extended"],
)
def test_an_order_is_sent_in_schwabs_words(broker, memory, httpserver, changes, body):
    takes(httpserver)
    reads_back(httpserver, order())

    with suppress(OutcomeUnknown):  # What is read back is the first of these orders only.
        broker.submit(request(**changes))

    [asked] = posts(httpserver)
    assert asked.get_data() == body
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Accept"] == "*/*"
    assert asked.headers["Authorization"] == "Bearer I0.first-token@"
    [_, post, get] = memory.sent
    assert (post.reference.order, post.reference.purpose) == ("ht-test-1-1", "submit")
    assert (get.reference.order, get.reference.purpose) == ("ht-test-1-1", "report")


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"shares": shares("1.5")}, OrderRejected, "whole shares.*ht-test-1-1 asks for 1.5"),
        ({"shares": shares("0.000000001")}, OrderRejected, "ht-test-1-1"),
        ({"shares": shares("1e30")}, OrderRejected, "ht-test-1-1"),
        ({"shares": None, "notional_usd": usd("100")}, NotOffered, "ht-test-1-1 is for dollars"),
        # Schwab would cut it, or refuse it; a limit that was cut is not ours.
        ({"limit_price_usd": usd("187.345")}, OrderRejected, "at most 2 decimals.*187.345"),
        ({"limit_price_usd": usd("0.12345")}, OrderRejected, "at most 4 decimals"),
        ({"symbol": symbol("BRK/B")}, OrderRejected, r"BRK\.B"),
    ],
)
def test_what_schwab_does_not_take_is_not_sent(broker, httpserver, changes, error, told):
    with pytest.raises(error, match=told):
        broker.submit(request(**changes))
    assert httpserver.log == []


# What comes back.


def test_an_order_that_was_taken_is_read_back(broker, httpserver):
    takes(httpserver)
    reads_back(httpserver, order())

    report = broker.submit(request())

    assert same_order(request(), report) is None
    assert (report.broker_order_id, report.client_order_id) == (str(NUMBER), None)
    assert (report.status, report.notes) == (OrderStatus.ACCEPTED, ())


def test_the_address_that_was_recorded_is_read(broker, httpserver):
    found = recorded("POST /trader/v1/accounts/{hash}/orders", 201)["headers"]["Location"]
    takes(httpserver, found.replace("{hash}", HASH).replace("{orderId}", str(NUMBER)))
    reads_back(httpserver, order())

    assert broker.submit(request()).broker_order_id == str(NUMBER)


def test_an_order_that_was_filled_at_once_is_reported_so(broker, httpserver):
    takes(httpserver)
    reads_back(httpserver, filled())

    report = broker.submit(request())

    assert (report.status, report.filled_shares, report.average_price_usd) == (OrderStatus.FILLED, 4, usd("187.25"))


def test_an_order_that_was_rejected_after_it_was_taken_is_reported_so(broker, httpserver):
    takes(httpserver)
    reads_back(httpserver, order(status="REJECTED", statusDescription="You do not have enough shares"))

    report = broker.submit(request())

    assert (report.status, report.reason) == (OrderStatus.REJECTED, "You do not have enough shares")


@pytest.mark.parametrize(
    "other",
    [
        order(orderLegCollection=[leg(instruction="BUY")]),
        order(quantity=5.0),
        order(orderLegCollection=[leg(instrument={"symbol": "MSFT"})]),
        order(enteredTime="2025-11-20T15:58:00+0000"),
        order(orderType="LIMIT", price=187.0),
        # The leg of a stop order that another order's fill set free: td-ameritrade-client, issue 54.
        order(orderType="STOP", stopPrice=187.0),
        order(orderStrategyType="OCO", orderLegCollection=None),
        order(orderLegCollection=[leg(orderLegType="OPTION", instrument={"assetType": "OPTION"})]),
    ],
    ids=["side", "shares", "symbol", "earlier", "limit", "stop", "oco", "option"],
)
def test_an_address_of_another_order_leaves_the_outcome_unknown(broker, httpserver, other):
    """C9: the address in the answer may be another order's."""
    takes(httpserver)
    reads_back(httpserver, other)

    with pytest.raises(OutcomeUnknown, match=rf"ht-test-1-1.*order {NUMBER}, which is not ours"):
        broker.submit(request())
    assert len(posts(httpserver)) == 1


@pytest.mark.parametrize(
    ("location", "told"),
    [
        # Reportedly so where an order is filled at once.
        (None, "did not say which"),
        ("", "expected the address of an order"),
        ("https://api.schwabapi.com/trader/v1/accounts", "expected the address of an order"),
        (f"https://api.schwabapi.com{ORDERS}/", "expected the address of an order"),
        (f"https://api.schwabapi.com{ORDERS}/abc", "expected the address of an order"),
        (f"https://api.schwabapi.com{ORDERS}/{NUMBER}/legs", "expected the address of an order"),
        (f"https://api.schwabapi.com/trader/v1/accounts/FFFF/orders/{NUMBER}", "another account's"),
    ],
)
def test_an_order_without_a_usable_address_leaves_the_outcome_unknown(broker, httpserver, location, told):
    takes(httpserver, location)

    with pytest.raises(OutcomeUnknown, match=f"ht-test-1-1.*{told}"):
        broker.submit(request())


@pytest.mark.parametrize("status", [400, 403, 404, 422])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (REFUSAL, "Order validation failed; Insufficient funds"),
        ({"errors": [{"id": "1", "status": 400, "title": "Bad", "detail": "no such symbol"}]}, "Bad; no such symbol"),
        ({"error": "A validation error occurred"}, "A validation error occurred"),
    ],
)
def test_a_refusal_in_schwabs_words_is_a_rejection(broker, httpserver, status, body, words):
    httpserver.expect_request(ORDERS, method="POST").respond_with_json(
        body, status=status, headers={"Schwab-Client-CorrelId": "e1a8f21f"}
    )

    with pytest.raises(OrderRejected, match=rf"ht-test-1-1.*{status}.*{words}.*CorrelId e1a8f21f"):
        broker.submit(request())


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, REFUSAL, NotAuthorised),
        (429, REFUSAL, RateLimited),
        # A proxy's page is no word of Schwab's about this order.
        (403, "<html>Access Denied", OutcomeUnknown),
        (400, "", OutcomeUnknown),
        (404, "{}", OutcomeUnknown),
        (400, "[]", OutcomeUnknown),
        (200, "", OutcomeUnknown),
        (202, "", OutcomeUnknown),
        (204, "", OutcomeUnknown),
        (302, "", OutcomeUnknown),
        (408, REFUSAL, OutcomeUnknown),
        (409, REFUSAL, OutcomeUnknown),
        (418, REFUSAL, OutcomeUnknown),
        (500, REFUSAL, OutcomeUnknown),
        (502, "<html>", OutcomeUnknown),
        (503, REFUSAL, OutcomeUnknown),
        (504, REFUSAL, OutcomeUnknown),
    ],
)
def test_anything_else_leaves_the_outcome_unknown_or_says_that_nothing_was_done(
    broker, httpserver, status, body, error
):
    data = body if isinstance(body, str) else json.dumps(body)
    httpserver.expect_request(ORDERS, method="POST").respond_with_data(data, status=status)

    with pytest.raises(error) as raised:
        broker.submit(request())
    assert type(raised.value) is error
    assert "ht-test-1-1" in str(raised.value)


def test_an_order_without_an_answer_is_unknown_and_sent_once(broker, httpserver):
    """G3-41: the order is not sent again, whatever is heard of it."""
    with unanswered(httpserver, ORDERS, method="POST"), pytest.raises(OutcomeUnknown, match="no answer came"):
        broker.submit(request())
    assert len(posts(httpserver)) == 1


# Where it can't be read back, its number is told, and is nobody's yet.


@pytest.mark.parametrize(
    ("body", "status", "trouble"),
    [
        (REFUSAL, 500, "BrokerUnavailable"),
        (REFUSAL, 429, "RateLimited"),
        (REFUSAL, 401, "NotAuthorised"),
        # It may be a moment before it can be asked for.
        (REFUSAL, 404, "NoSuchOrder"),
        ([], 200, "UnusableReport"),
        (order(number=99), 200, "UnusableReport"),
        (order(status="UNKNOWN"), 200, "UnknownStatus"),
        (order(filledQuantity=None), 200, "UnusableReport"),
    ],
)
def test_an_order_that_can_not_be_read_back_is_unknown_under_the_number_it_was_named_by(
    broker, httpserver, body, status, trouble
):
    """C9: it was taken, and it may be that the number is another order's: so it is kept, and not booked as ours."""
    takes(httpserver)
    reads_back(httpserver, body, status)

    with pytest.raises(OutcomeUnknown, match=rf"ht-test-1-1: Schwab took it as order {NUMBER}, .*{trouble}") as raised:
        broker.submit(request())

    assert raised.value.named == str(NUMBER)
    assert len(posts(httpserver)) == 1


def test_a_broker_that_is_not_there_takes_no_order(broker, httpserver, monkeypatch):
    monkeypatch.setattr(broker._orders._account, "_hash", HASH)
    monkeypatch.setattr(broker._orders._account._session._http, "_base_url", "http://127.0.0.1:9")

    with pytest.raises(BrokerUnavailable, match="nothing was sent"):
        broker.submit(request())


def test_what_was_executed_by_then_is_in_the_first_report(broker, httpserver):
    takes(httpserver)
    reads_back(httpserver, order(filledQuantity=1.0, orderActivityCollection=executions((1.0, 187.0))))

    assert broker.submit(request()).status is OrderStatus.PARTIALLY_FILLED


# Replaced before it was read back.


def test_an_order_that_was_replaced_before_it_was_read_back_goes_by_its_first_name(broker, httpserver):
    """C9: under its newest nobody would know it for ours in a list, and one alike in doubt would be taken for it."""
    newest = order(NUMBER + 1, enteredTime="2025-11-20T16:00:02+0000")
    takes(httpserver)
    reads_back(httpserver, order(status="REPLACED", replacingOrderCollection=[newest]))
    httpserver.expect_request(f"{ORDERS}/{NUMBER + 1}").respond_with_json(newest)

    report = broker.submit(request())

    assert (report.broker_order_id, report.status) == (str(NUMBER), OrderStatus.ACCEPTED)
    assert report.submitted_at == datetime(2025, 11, 20, 16, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "newest"),
    [
        # What it was made is not what we asked for.
        ({}, {"quantity": 6.0}),
        # The address was another order's, and an order of ours seems to be that one's successor.
        ({"quantity": 9.0, "orderType": "LIMIT", "price": 200.0}, {}),
        ({"enteredTime": "2025-11-20T15:00:00+0000"}, {}),
    ],
)
def test_an_order_that_was_replaced_and_is_not_ours_from_first_to_last_is_unknown(broker, httpserver, changes, newest):
    newest = order(NUMBER + 1, **{"enteredTime": "2025-11-20T16:00:02+0000", **newest})
    takes(httpserver)
    reads_back(httpserver, order(status="REPLACED", replacingOrderCollection=[newest], **changes))
    httpserver.expect_request(f"{ORDERS}/{NUMBER + 1}").respond_with_json(newest)

    with pytest.raises(OutcomeUnknown, match=f"order {NUMBER}"):
        broker.submit(request())

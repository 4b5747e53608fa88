"""Orders that are sent to Alpaca: what goes out, byte by byte, and what each answer means."""

from datetime import timedelta
from decimal import Decimal

import pytest
from werkzeug import Response

from tests.support.alpaca import (
    AT,
    KEY,
    ORDER,
    OURS,
    SECRET,
    LosesAnswers,
    make_alpaca,
    order_row,
    recorded,
    request,
)
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NotAuthorised,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    UnknownStatus,
    UnusableReport,
)
from trading.brokers.recording import Reference
from trading.values.quantities import shares, usd
from trading.values.sides import Side
from trading.values.symbols import symbol

NOBODY = {"code": 40410000, "message": f"order not found for {OURS}"}
BY_OUR_ID = "/v2/orders:by_client_order_id"


# What is sent.


@pytest.mark.parametrize(
    ("changes", "sent", "told"),
    [
        (
            {},
            (
                b'{"symbol":"AAPL","qty":"4","side":"sell","type":"market","time_in_force":"day",'
                b'"client_order_id":"ht-test-1-1"}'
            ),
            {},
        ),
        (
            {"side": Side.BUY, "shares": shares("0.123456789"), "symbol": symbol("BRK.B")},
            (
                b'{"symbol":"BRK.B","qty":"0.123456789","side":"buy","type":"market","time_in_force":"day",'
                b'"client_order_id":"ht-test-1-1"}'
            ),
            {"side": "buy", "qty": "0.123456789", "symbol": "BRK.B"},
        ),
        # A large number is written out, not as 1E+6.
        (
            {"shares": Decimal("1E+6"), "limit_price_usd": usd("187.20")},
            (
                b'{"symbol":"AAPL","qty":"1000000","side":"sell","type":"limit","limit_price":"187.2",'
                b'"time_in_force":"day","client_order_id":"ht-test-1-1"}'
            ),
            {"qty": "1000000", "type": "limit", "limit_price": "187.20"},
        ),
        (
            {"shares": None, "notional_usd": usd("500.25"), "side": Side.BUY},
            (
                b'{"symbol":"AAPL","notional":"500.25","side":"buy","type":"market","time_in_force":"day",'
                b'"client_order_id":"ht-test-1-1"}'
            ),
            {"qty": None, "notional": "500.25", "side": "buy"},
        ),
        (
            {"limit_price_usd": usd("0.9999"), "extended_hours": True},
            (
                b'{"symbol":"AAPL","qty":"4","side":"sell","type":"limit","limit_price":"0.9999","time_in_force":"day",'
                b'"extended_hours":true,"client_order_id":"ht-test-1-1"}'
            ),
            {"type": "limit", "limit_price": "0.9999", "extended_hours": True},
        ),
    ],
    ids=["market", "fraction", "limit", "dollars", "extended"],
)
def test_an_order_is_sent_in_these_bytes(ready, httpserver, changes, sent, told):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(order_row(**told))

    ready.submit(request(**changes))

    asked, _ = httpserver.log[-1]
    assert asked.get_data() == sent
    assert (asked.method, asked.full_path.rstrip("?")) == ("POST", "/v2/orders")
    assert asked.headers["APCA-API-KEY-ID"] == KEY
    assert asked.headers["APCA-API-SECRET-KEY"] == SECRET
    assert asked.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"shares": shares("0.1234567891")}, "at most 9 decimals of shares"),
        ({"shares": None, "notional_usd": usd("10.001")}, "at most 2 decimals of USD"),
        ({"limit_price_usd": usd("1.001")}, "at most 2 decimals of USD as a limit"),
        ({"limit_price_usd": usd("0.12345")}, "at most 4 decimals of USD as a limit"),
        ({"client_order_id": "ht-test-1-" + "1" * 39}, "at most 48 letters"),
        ({"client_order_id": "ht/test"}, "at most 48 letters"),
    ],
)
def test_what_alpaca_would_not_take_is_refused_and_never_cut(broker, httpserver, changes, why):
    with pytest.raises(OrderRejected, match=why):
        broker.submit(request(**changes))

    assert httpserver.log == []


def test_each_call_tells_what_it_was_made_for(ready, httpserver, kept):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(order_row())

    ready.submit(request())
    ready.submit(request())

    # The account is asked for once, before the first order.
    assert [(call.source, call.method, call.reference) for call in kept.sent] == [
        ("alpaca", "GET", Reference(purpose="account check")),
        ("alpaca", "POST", Reference(order=OURS, purpose="submit")),
        ("alpaca", "POST", Reference(order=OURS, purpose="submit")),
    ]


# What is read.


@pytest.mark.parametrize("qty", [4, "4", "4.0", Decimal("4.000000000")], ids=repr)
def test_an_order_that_was_taken_is_reported(ready, httpserver, qty):
    told = order_row(qty=qty if not isinstance(qty, Decimal) else str(qty))
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(told)

    report = ready.submit(request())

    assert (report.broker_order_id, report.client_order_id) == (ORDER, OURS)
    assert (report.status, report.filled_shares, report.average_price_usd) == (OrderStatus.ACCEPTED, 0, None)
    assert report.requested_shares == 4
    assert report.submitted_at == AT + timedelta(microseconds=942282)


def test_an_order_for_dollars_is_reported_in_dollars(ready, httpserver):
    # Read from an answer that the vendor's own tests are made with.
    told = {**recorded("test_close_position_with_qty"), "symbol": "AAPL", "client_order_id": OURS}
    told |= {"created_at": "2026-03-02T16:00:00Z", "updated_at": "2026-03-02T16:00:00Z"}
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(told)

    report = ready.submit(request(shares=None, notional_usd=usd(500), side=Side.BUY))

    assert (report.requested_shares, report.requested_notional_usd) == (None, 500)


def test_an_order_that_is_rejected_after_it_was_taken_is_no_filled_one(ready, httpserver):
    """L5: only what the report says is filled."""
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(
        order_row(status="rejected", failed_at="2026-03-02T16:00:01Z")
    )

    report = ready.submit(request())

    assert (report.status, report.filled_shares) == (OrderStatus.REJECTED, 0)


@pytest.mark.parametrize(
    "body",
    ["<html>welcome</html>", "", "[]", "null", "{}", '{"id": "1"}', '{"id": "1", "client_order_id": "of another"}'],
)
def test_an_answer_that_is_not_about_the_order_leaves_it_unknown(ready, httpserver, body):
    """G6-65: a proxy answered 200 with a page of its own. L3: no id is made up where the answer has none."""
    httpserver.expect_request("/v2/orders", method="POST").respond_with_data(body, status=200)

    with pytest.raises(OutcomeUnknown, match=OURS):
        ready.submit(request())


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"filled_qty": None}, UnusableReport),
        ({"status": "wibbling"}, UnknownStatus),
        ({"created_at": "yesterday"}, UnusableReport),
        # Alpaca took something that we did not ask for.
        ({"side": "buy"}, UnusableReport),
        ({"qty": "40"}, UnusableReport),
        ({"type": "limit", "limit_price": "1"}, UnusableReport),
    ],
)
def test_an_order_that_was_taken_and_can_not_be_read_is_there(ready, httpserver, told, error):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(order_row(**told))

    with pytest.raises(error):
        ready.submit(request())


# What is refused.


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, recorded("alpaca-py/issues/225"), "insufficient buying power.*buying_power 176531.28.*cost_basis 4864"),
        (
            403,
            recorded("test_close_all_positions")[1]["body"],
            r"insufficient qty available.*available 0, existing_qty 1000, held_for_orders 1000",
        ),
        (403, recorded("Alpaca-API/issues/271"), "covered call.*available_qty 0, required_qty 200"),
        (403, {"code": 40310000, "message": "account is not allowed to short"}, "not allowed to short"),
        (403, {"code": 40310100, "message": "trade denied due to pattern day trading protection"}, "40310100"),
        (403, {"code": 40310000, "message": 'asset "CWVX" is not fractionable'}, "not fractionable"),
        (422, recorded("qty must be integer"), "qty must be integer .422, code 40010001"),
        (422, recorded("qty is required"), "qty is required"),
        (422, recorded("alpaca-java/issues/145"), "potential wash trade detected"),
        (422, recorded("alpaca-java/issues/147"), "us_equity orders not allowed for account"),
        (422, {"code": 42210000, "message": "fractional orders must be DAY orders"}, "42210000"),
        (400, {"code": 40010000, "message": "request body format is invalid"}, "request body format"),
        (404, {"code": 40410000, "message": "asset not found for ZZZZ"}, "asset not found"),
        (422, {"message": "no code at all"}, "no code at all .422"),
    ],
)
def test_a_refusal_is_told_in_alpacas_words(ready, httpserver, status, body, words):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(body, status=status)
    httpserver.expect_request(BY_OUR_ID).respond_with_json(NOBODY, status=404)

    with pytest.raises(OrderRejected, match=rf"(?s)Alpaca rejected {OURS}: .*{words}"):
        ready.submit(request())


def test_a_refusal_of_a_second_try_does_not_hide_the_order_of_the_first(ready, httpserver):
    """G3-24: the first try was taken without an answer, and its order holds the dollars that the second one lacks."""
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(
        recorded("alpaca-py/issues/225"), status=403
    )
    httpserver.expect_request(BY_OUR_ID).respond_with_json(order_row())

    assert ready.submit(request()).broker_order_id == ORDER


def test_a_refusal_that_can_not_be_made_sure_of_is_none(ready, httpserver):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(
        recorded("alpaca-py/issues/225"), status=403
    )
    httpserver.expect_request(BY_OUR_ID).respond_with_data("busy", status=503)

    with pytest.raises(BrokerUnavailable):
        ready.submit(request())


@pytest.mark.parametrize(
    "message",
    [
        "forbidden.",
        "account is not authorized to trade",
        "account is restricted",
        "trading is blocked for account",
        "access key verification failed : access key not found",
        "new orders are rejected by user request",
    ],
)
def test_a_refusal_of_the_account_is_not_one_of_the_order(ready, httpserver, message):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(
        {"code": 40310000, "message": message}, status=403
    )

    with pytest.raises(NotAuthorised, match=message):
        ready.submit(request())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Response('{"message": "unauthorized."}', status=401), NotAuthorised),
        (Response("<html>401 Authorization Required</html>", status=401), NotAuthorised),
        (Response('{"code": 42910000, "message": "too many requests"}', status=429), RateLimited),
        (Response("busy", status=500), OutcomeUnknown),
        (Response("busy", status=502), OutcomeUnknown),
        (Response("busy", status=503), OutcomeUnknown),
        (Response("busy", status=504), OutcomeUnknown),
        (Response("", status=408), OutcomeUnknown),
        (Response("", status=307, headers={"Location": "/elsewhere"}), OutcomeUnknown),
        # Not Alpaca's words, so not its word on the order.
        (Response("<html>blocked</html>", status=403), OutcomeUnknown),
        (Response("<html>no such page</html>", status=404), OutcomeUnknown),
        (Response('{"error": "bad gateway"}', status=422), OutcomeUnknown),
        (Response('{"code": 40910000, "message": "conflict"}', status=409), OutcomeUnknown),
    ],
    ids=lambda value: str(value.status_code) if isinstance(value, Response) else value.__name__,
)
def test_an_answer_says_what_may_be_done_next(ready, httpserver, answer, error):
    """L19: each status has an error of its own."""
    httpserver.expect_request("/v2/orders", method="POST").respond_with_response(answer)

    with pytest.raises(error) as raised:
        ready.submit(request())

    assert type(raised.value) is error
    assert len([asked for asked, _ in httpserver.log if asked.method == "POST"]) == 1


def test_a_rate_limit_tells_how_long_to_wait(ready, httpserver):
    """G3-32: it is told apart, and spends no try of the order's."""
    httpserver.expect_request("/v2/orders", method="POST").respond_with_data(
        "{}", status=429, headers={"X-RateLimit-Reset": str(int(AT.timestamp()) + 17)}
    )

    with pytest.raises(RateLimited) as limited:
        ready.submit(request())

    assert limited.value.retry_after == timedelta(seconds=17)


def test_an_answer_that_does_not_come_leaves_the_order_unknown_and_it_is_sent_once(ready, httpserver, kept, wire):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(order_row())
    losing = LosesAnswers(wire, "POST", "/v2/orders")
    broker = make_alpaca(httpserver.url_for("").rstrip("/"), kept, transport=losing)

    with pytest.raises(OutcomeUnknown, match="no answer came"):
        broker.submit(request())

    assert [asked.method for asked, _ in httpserver.log] == ["GET", "POST"]


# One id, one order.

REPEATED = {"code": 40010001, "message": "client_order_id must be unique"}


@pytest.mark.parametrize("message", ["client_order_id must be unique", "client order id must be unique"])
def test_an_order_that_was_sent_before_is_found_and_adopted(ready, httpserver, kept, message):
    """L4, G3-30: the same id is the same order, whatever became of it."""
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(
        {"code": 40010001, "message": message}, status=422
    )
    httpserver.expect_request(BY_OUR_ID, query_string={"client_order_id": OURS}).respond_with_json(
        order_row(status="filled", filled_qty="4", filled_avg_price="187.3456", filled_at="2026-03-02T16:00:03Z")
    )

    report = ready.submit(request())

    assert (report.broker_order_id, report.status, report.filled_shares) == (ORDER, OrderStatus.FILLED, 4)
    assert kept.sent[-1].reference == Reference(order=OURS, purpose="find an order sent before")
    assert [call.method for call in kept.sent] == ["GET", "POST", "GET"]


@pytest.mark.parametrize(
    ("told", "difference"),
    [
        ({"symbol": "MSFT"}, "expected an order in AAPL, was MSFT"),
        ({"side": "buy"}, "expected an order to SELL, was BUY"),
        ({"qty": "5"}, "expected an order for 4 shares, was 5"),
        ({"limit_price": "180"}, "expected a limit of none USD, was 180"),
        ({"created_at": "2026-03-02T15:58:59Z"}, "expected an order submitted after"),
    ],
)
def test_another_order_under_our_id_is_not_adopted(ready, httpserver, told, difference):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(REPEATED, status=422)
    httpserver.expect_request(BY_OUR_ID).respond_with_json(order_row(**told))

    # It is there and may fill: it is not rejected.
    with pytest.raises(UnusableReport, match=f"{OURS}: {difference}"):
        ready.submit(request())


def test_an_id_that_was_used_and_is_not_found_leaves_the_order_unknown(ready, httpserver):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(REPEATED, status=422)
    httpserver.expect_request(BY_OUR_ID).respond_with_json(NOBODY, status=404)

    with pytest.raises(OutcomeUnknown, match="has no order of that id"):
        ready.submit(request())

    assert len([asked for asked, _ in httpserver.log if asked.method == "POST"]) == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, "busy", BrokerUnavailable),
        (200, "<html>", BrokerUnavailable),
        (200, "{}", UnusableReport),
        (404, '{"code": 40410000, "message": "endpoint not found"}', BrokerUnavailable),
    ],
)
def test_an_id_that_was_used_and_can_not_be_asked_for_is_not_rejected(ready, httpserver, status, body, error):
    httpserver.expect_request("/v2/orders", method="POST").respond_with_json(REPEATED, status=422)
    httpserver.expect_request(BY_OUR_ID).respond_with_data(body, status=status)

    with pytest.raises(error):
        ready.submit(request())

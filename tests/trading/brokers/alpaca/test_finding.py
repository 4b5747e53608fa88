"""Orders that are looked up and cancelled at Alpaca."""

import pytest

from tests.support.alpaca import ORDER, OURS, order_row
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NoSuchOrder,
    NotAuthorised,
    NotCancellable,
    OutcomeUnknown,
    RateLimited,
    UnknownStatus,
    UnusableReport,
)
from trading.brokers.recording import Reference

SECOND, THIRD = "22222222-8549-4bfd-b9c3-01e75843f47d", "33333333-8549-4bfd-b9c3-01e75843f47d"
BY_OUR_ID, BY_THEIRS = "/v2/orders:by_client_order_id", f"/v2/orders/{ORDER}"

TROUBLES = [
    (401, '{"message": "unauthorized."}', NotAuthorised),
    (403, '{"message": "forbidden."}', NotAuthorised),
    (403, "<html>", BrokerUnavailable),
    (429, "{}", RateLimited),
    (500, "busy", BrokerUnavailable),
    (302, "", BrokerUnavailable),
    (400, '{"code": 40010000, "message": "bad"}', BrokerUnavailable),
    (200, "<html>", BrokerUnavailable),
    # A path that is not there is no order that is not there.
    (404, '{"code": 40410000, "message": "endpoint not found."}', BrokerUnavailable),
    (404, '{"message": "Not Found"}', BrokerUnavailable),
    (404, "<html>", BrokerUnavailable),
    (200, "{}", UnusableReport),
]


# By our id.


def test_an_order_is_found_by_our_id(broker, httpserver, kept):
    httpserver.expect_request(BY_OUR_ID, query_string={"client_order_id": OURS}).respond_with_json(order_row())

    assert broker.find(OURS).broker_order_id == ORDER

    assert kept.sent[0].reference == Reference(order=OURS, purpose="find")
    assert kept.sent[0].url.endswith("/v2/orders:by_client_order_id?client_order_id=ht-test-1-1")


@pytest.mark.parametrize("message", ["order not found", f"order not found for {OURS}"])
def test_only_where_alpaca_says_that_there_is_none_there_is_none(broker, httpserver, message):
    httpserver.expect_request(BY_OUR_ID).respond_with_json({"code": 40410000, "message": message}, status=404)

    assert broker.find(OURS) is None


@pytest.mark.parametrize(("status", "body", "error"), TROUBLES)
def test_trouble_is_never_taken_for_no_order(broker, httpserver, status, body, error):
    httpserver.expect_request(BY_OUR_ID).respond_with_data(body, status=status)

    with pytest.raises(error, match=OURS if error is not UnusableReport else "order"):
        broker.find(OURS)


def test_the_order_of_another_is_not_ours(broker, httpserver):
    httpserver.expect_request(BY_OUR_ID).respond_with_json(order_row(client_order_id="ht-test-2-1"))

    with pytest.raises(UnusableReport, match="ht-test-2-1"):
        broker.find(OURS)


# By theirs.


def test_an_order_is_reported_by_their_id(broker, httpserver, kept):
    httpserver.expect_request(BY_THEIRS).respond_with_json(order_row(status="new"))

    assert broker.report(ORDER).status is OrderStatus.ACCEPTED
    assert kept.sent[0].reference == Reference(purpose="report")


def test_an_order_that_is_not_there_is_told(broker, httpserver):
    httpserver.expect_request(BY_THEIRS).respond_with_json(
        {"code": 40410000, "message": f"order not found for {ORDER}"}, status=404
    )

    with pytest.raises(NoSuchOrder, match=ORDER):
        broker.report(ORDER)


@pytest.mark.parametrize("stranger", ["DRY-000001", "1004055538123", "", "../account", f"{ORDER}/x", f"{ORDER}\n"])
def test_what_can_be_no_id_of_theirs_is_not_asked_for(broker, httpserver, stranger):
    with pytest.raises(NoSuchOrder):
        broker.report(stranger)
    with pytest.raises(NoSuchOrder):
        broker.cancel(stranger)

    assert httpserver.log == []


@pytest.mark.parametrize(("status", "body", "error"), TROUBLES)
def test_trouble_is_never_taken_for_an_end(broker, httpserver, status, body, error):
    httpserver.expect_request(BY_THEIRS).respond_with_data(body, status=status)

    with pytest.raises(error) as raised:
        broker.report(ORDER)

    assert type(raised.value) is error


def test_an_unknown_word_is_told_with_the_order(broker, httpserver):
    httpserver.expect_request(BY_THEIRS).respond_with_json(order_row(status="quantum"))

    with pytest.raises(UnknownStatus, match=f"{ORDER}.*'quantum'"):
        broker.report(ORDER)


# Replaced ones.


def test_a_replaced_order_is_reported_as_its_newest_replacement_stands(broker, httpserver):
    told = {ORDER: SECOND, SECOND: THIRD, THIRD: None}
    for order, successor in told.items():
        httpserver.expect_request(f"/v2/orders/{order}").respond_with_json(
            order_row(id=order, status="replaced" if successor else "new", replaced_by=successor)
        )

    report = broker.report(ORDER)

    assert (report.broker_order_id, report.status) == (ORDER, OrderStatus.ACCEPTED)
    assert report.notes == (f"replaced at Alpaca by {SECOND}, then {THIRD}",)
    assert [asked.path for asked, _ in httpserver.log] == [f"/v2/orders/{order}" for order in told]


def test_an_order_that_is_found_by_our_id_is_followed_too(broker, httpserver):
    httpserver.expect_request(BY_OUR_ID).respond_with_json(order_row(status="replaced", replaced_by=SECOND))
    httpserver.expect_request(f"/v2/orders/{SECOND}").respond_with_json(
        order_row(id=SECOND, client_order_id="made-by-alpaca", status="filled", filled_qty="4", filled_avg_price="1")
    )

    report = broker.find(OURS)

    assert (report.broker_order_id, report.client_order_id) == (ORDER, OURS)
    assert report.status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        # Nobody tells whether the successor counts these shares too.
        (
            {"replaced_by": SECOND, "filled_qty": "1.5", "filled_avg_price": "187"},
            (200, order_row(id=SECOND)),
            "when 1.5 shares",
        ),
        ({"replaced_by": None}, None, "was None"),
        ({"replaced_by": SECOND}, (200, order_row(id=SECOND, status="replaced", replaced_by=ORDER)), f"was {ORDER}"),
        (
            {"replaced_by": SECOND},
            (404, {"code": 40410000, "message": f"order not found for {SECOND}"}),
            f"order not found for {SECOND}",
        ),
        ({"replaced_by": SECOND}, (200, order_row(id=THIRD)), f"answered with the order {THIRD}"),
        ({"replaced_by": "nobody"}, None, "expected a UUID"),
    ],
    ids=["filled", "by nothing", "by each other", "by what is not there", "by another", "by no order"],
)
def test_a_replacement_that_can_not_be_followed_stops_the_order(broker, httpserver, first, second, why):
    httpserver.expect_request(BY_THEIRS).respond_with_json(order_row(status="replaced", **first))
    if second is not None:
        httpserver.expect_request(f"/v2/orders/{SECOND}").respond_with_json(second[1], status=second[0])

    with pytest.raises(UnusableReport, match=why):
        broker.report(ORDER)


# Cancelling.


def test_a_cancel_is_asked_for(broker, httpserver, kept):
    httpserver.expect_request(BY_THEIRS, method="DELETE").respond_with_data("", status=204)

    assert broker.cancel(ORDER) is None

    assert (kept.sent[0].method, kept.sent[0].body) == ("DELETE", b"")
    assert kept.sent[0].reference == Reference(purpose="cancel")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, '{"code": 40410000, "message": "order not found"}', NoSuchOrder),
        (422, '{"code": 42210000, "message": "order is already in \\"filled\\" state"}', NotCancellable),
        (422, '{"code": 42210000, "message": "order is not cancelable"}', NotCancellable),
        (401, '{"message": "unauthorized."}', NotAuthorised),
        (403, '{"message": "forbidden."}', NotAuthorised),
        (429, "{}", RateLimited),
        (500, "busy", OutcomeUnknown),
        (504, "busy", OutcomeUnknown),
        (404, "<html>", BrokerUnavailable),
        (404, '{"code": 40410000, "message": "endpoint not found"}', BrokerUnavailable),
        (422, "<html>", BrokerUnavailable),
    ],
)
def test_a_cancel_that_was_not_taken_says_what_may_be_done_next(broker, httpserver, status, body, error):
    httpserver.expect_request(BY_THEIRS, method="DELETE").respond_with_data(body, status=status)

    with pytest.raises(error, match=ORDER) as raised:
        broker.cancel(ORDER)

    assert type(raised.value) is error
    assert len(httpserver.log) == 1

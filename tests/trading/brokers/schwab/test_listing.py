"""Listing: every order of a span, or an error; this is where orders of unknown outcome are found (C9)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs
from werkzeug import Response

from tests.trading.brokers.schwab.schwab_json import AT, ORDERS, REFUSAL, filled, leg, order
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NotAuthorised,
    NotOffered,
    RateLimited,
    UnknownStatus,
    UnusableAnswer,
    UnusableReport,
)
from trading.brokers.schwab.listing import MOST_LISTED
from trading.values.symbols import Symbol

SINCE, UNTIL = AT - timedelta(minutes=1), AT + timedelta(minutes=10)


def lists(httpserver, rows, **how):
    httpserver.expect_request(ORDERS, method="GET").respond_with_json(rows, **how)


def numbers(reports):
    return [report.broker_order_id for report in reports]


def entered(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S+0000")


class Book:
    """Schwab's list of orders, which is cut at its limit without a word, newest first."""

    def __init__(self, rows):
        self.rows, self.asked = rows, []

    def __call__(self, request):
        first, last = (
            datetime.strptime(request.args[name], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
            for name in ("fromEnteredTime", "toEnteredTime")
        )
        self.asked.append((first, last))
        found = [row for row in self.rows if first <= datetime.fromisoformat(row["enteredTime"]) <= last]
        return Response(json.dumps(found[::-1][: int(request.args["maxResults"])]), content_type="application/json")


def test_orders_are_asked_for_by_when_they_were_entered(broker, memory, httpserver):
    lists(httpserver, [])

    assert broker.orders(since=AT, until=AT + timedelta(seconds=90, microseconds=250)) == []

    [asked] = [asked for asked, _ in httpserver.log if asked.path == ORDERS]
    # Both are needed, with milliseconds and a Z; the span is widened to whole ones.
    assert dict(asked.args) == {
        "fromEnteredTime": "2025-11-20T16:00:00.000Z",
        "toEnteredTime": "2025-11-20T16:01:30.001Z",
        "maxResults": "3000",
    }
    assert memory.sent[-1].reference.purpose == "orders"


def test_orders_are_listed_with_the_oldest_first_ended_and_rejected_ones_too(broker, httpserver):
    lists(
        httpserver,
        [
            filled(13, enteredTime="2025-11-20T16:05:00+0000"),
            order(12, status="REJECTED", enteredTime="2025-11-20T16:01:00+0000"),
            order(11, enteredTime="2025-11-20T16:01:00+0000"),
            order(10, status="CANCELED", enteredTime="2025-11-20T16:00:00+0000"),
        ],
    )

    reports = broker.orders(since=SINCE, until=UNTIL)

    assert [(report.broker_order_id, report.status) for report in reports] == [
        ("10", OrderStatus.CANCELLED),
        ("11", OrderStatus.ACCEPTED),
        ("12", OrderStatus.REJECTED),
        ("13", OrderStatus.FILLED),
    ]
    assert {report.client_order_id for report in reports} == {None}


def test_what_we_could_not_have_sent_is_left_out_and_named(broker, httpserver):
    lists(
        httpserver,
        [
            order(10),
            order(11, orderLegCollection=[leg(), leg()]),
            order(12, orderType="STOP"),
            order(13, orderLegCollection=[leg(orderLegType="OPTION")]),
            order(14, orderStrategyType="OCO", orderLegCollection=None),
        ],
    )

    with capture_logs() as logs:
        reports = broker.orders(since=SINCE, until=UNTIL)

    assert numbers(reports) == ["10"]
    assert [(line["broker_order"], line["why"]) for line in logs if "broker_order" in line] == [
        ("11", "it has 2 legs"),
        ("12", "its type is STOP"),
        ("13", "it is for OPTION"),
        ("14", "its strategy is OCO"),
    ]


@pytest.mark.parametrize(
    ("odd", "error"),
    [
        (order(11, status="UNKNOWN"), UnknownStatus),
        (order(11, orderLegCollection=[leg(instrument={"symbol": None})]), UnusableReport),
        (order(11, orderLegCollection=[leg(instrument={"assetType": "NOVELTY"})]), UnusableReport),
        (order(11, filledQuantity=None), UnusableReport),
        (order(None), UnusableReport),
    ],
)
def test_what_may_be_ours_and_can_not_be_read_is_an_error(broker, httpserver, odd, error):
    """C9: an order that is passed over would be sent again."""
    lists(httpserver, [order(10), odd])

    for question in (lambda: broker.orders(since=SINCE, until=UNTIL), broker.open_orders):
        with pytest.raises(error):
            question()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BrokerUnavailable),
        (401, NotAuthorised),
        (403, NotAuthorised),
        (404, BrokerUnavailable),
        (429, RateLimited),
        (500, BrokerUnavailable),
    ],
)
def test_a_list_that_is_refused_is_no_empty_list(broker, httpserver, status, error):
    lists(httpserver, REFUSAL, status=status)

    for question in (lambda: broker.orders(since=SINCE, until=UNTIL), broker.open_orders):
        with pytest.raises(error):
            question()


@pytest.mark.parametrize("body", ["<html>", "", "{}", "null", '["order"]', '{"orders": []}'])
def test_what_is_no_list_is_no_empty_list(broker, httpserver, body):
    httpserver.expect_request(ORDERS).respond_with_data(body)

    with pytest.raises(BrokerUnavailable, match=r"listing orders from 2025-11-20T15:59:00\.000Z"):
        broker.orders(since=SINCE, until=UNTIL)


def test_a_list_that_may_have_been_cut_is_asked_for_in_halves(broker, httpserver):
    book = Book([order(number, enteredTime=entered(AT + timedelta(seconds=number))) for number in range(1, 3500)])
    httpserver.expect_request(ORDERS).respond_with_handler(book)

    reports = broker.orders(since=AT, until=AT + timedelta(seconds=4000))

    assert numbers(reports) == [str(number) for number in range(1, 3500)]
    middle = AT + timedelta(seconds=2000)
    # The order at the border is in both halves, and listed once.
    assert book.asked == [(AT, AT + timedelta(seconds=4000)), (AT, middle), (middle, AT + timedelta(seconds=4000))]


def test_a_moment_with_too_many_orders_is_an_error_and_not_a_part(broker, httpserver):
    book = Book([order(number, enteredTime=entered(AT)) for number in range(1, MOST_LISTED + 2)])
    httpserver.expect_request(ORDERS).respond_with_handler(book)

    with pytest.raises(UnusableAnswer, match=r"expected fewer than 3000 orders entered at 2025-11-20T16:00:00\.000Z"):
        broker.orders(since=AT, until=AT + timedelta(milliseconds=8))


def test_orders_that_schwab_has_forgotten_are_not_none(broker, httpserver):
    with pytest.raises(NotOffered, match="60 days: expected a span from 2025-09-21T16:00:00"):
        broker.orders(since=AT - timedelta(days=60, seconds=1), until=UNTIL)
    assert httpserver.log == []


def test_the_oldest_day_that_schwab_lists_is_listed(broker, httpserver):
    lists(httpserver, [])

    assert broker.orders(since=AT - timedelta(days=60), until=UNTIL) == []


def test_a_span_that_ends_before_it_begins_has_no_orders(broker, httpserver):
    assert broker.orders(since=UNTIL, until=SINCE) == []
    assert httpserver.log == []


def test_a_span_has_zones(broker):
    with pytest.raises(ValueError, match="times with a zone"):
        broker.orders(since=AT.replace(tzinfo=None), until=UNTIL)


def test_open_orders_are_those_of_the_last_sixty_days_that_have_not_ended(broker, memory, httpserver):
    lists(
        httpserver,
        [
            order(14, status="REPLACED", filledQuantity=1),
            filled(13),
            order(12, status="PENDING_CANCEL", enteredTime="2025-11-20T16:00:00+0000"),
            order(11, enteredTime="2025-10-01T16:00:00+0000"),
            order(10, status="EXPIRED"),
        ],
    )

    assert numbers(broker.open_orders()) == ["11", "12"]
    asked = dict(next(asked for asked, _ in httpserver.log if asked.path == ORDERS).args)
    assert asked["fromEnteredTime"] == "2025-09-21T17:00:00.000Z"
    # An order that was just entered, by a clock of Schwab's that is ahead of ours, is among them.
    assert asked["toEnteredTime"] == "2025-11-20T16:01:00.000Z"
    assert memory.sent[-1].reference.purpose == "open orders"


def test_only_the_orders_of_a_symbol_are_listed_where_it_is_asked_for(broker, httpserver):
    rows = [order(10), order(11, orderLegCollection=[leg(instrument={"symbol": "BRK/B"})])]
    lists(httpserver, rows)

    assert numbers(broker.orders(since=SINCE, until=UNTIL, symbol=Symbol("BRK.B"))) == ["11"]
    assert numbers(broker.orders(since=SINCE, until=UNTIL)) == ["10", "11"]

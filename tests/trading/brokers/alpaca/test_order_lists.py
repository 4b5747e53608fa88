"""Lists of Alpaca's orders: all of them, whatever falls on the edge of a page, or an error."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from werkzeug import Response

from tests.support.alpaca import AT, order_row
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, UnknownStatus, UnusableReport

MICROSECOND, MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)
WIDE = {"since": AT - timedelta(days=1), "until": AT + timedelta(days=1)}


class Listing:
    """Alpaca's list of orders: by the time of submission, without the very times that are given, 500 at once."""

    def __init__(self, httpserver, rows):
        self.rows = rows
        self.asked = []
        httpserver.expect_request("/v2/orders").respond_with_handler(self.answer)

    def answer(self, request):
        asked = request.args
        self.asked.append(dict(asked))
        found = [row for row in self.rows if asked["status"] == "all" or row["status"] in ("new", "accepted")]
        found = [row for row in found if within(row, asked)]
        found.sort(key=lambda row: datetime.fromisoformat(row["submitted_at"]), reverse=asked["direction"] == "desc")
        return respond(found[: int(asked["limit"])])


def within(row, asked):
    at = datetime.fromisoformat(row["submitted_at"])
    after, until = asked.get("after"), asked.get("until")
    return (after is None or at > datetime.fromisoformat(after)) and (
        until is None or at < datetime.fromisoformat(until)
    )


def respond(rows):
    return Response(json.dumps(rows), content_type="application/json")


def row(number, at, **changes):
    told = at.isoformat().replace("+00:00", "Z")
    given = {"created_at": told, "submitted_at": told, "updated_at": told, "client_order_id": f"ht-test-{number}-1"}
    return order_row(id=str(UUID(int=number)), **{**given, **changes})


def numbers(reports):
    return [UUID(report.broker_order_id).int for report in reports]


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000, 1001])
def test_every_open_order_is_listed_with_the_oldest_first(broker, httpserver, count):
    listing = Listing(httpserver, [row(number, AT + number * MILLISECOND) for number in range(1, count + 1)])

    assert numbers(broker.open_orders()) == list(range(1, count + 1))
    assert listing.asked[0] == {"status": "open", "limit": "500", "direction": "asc", "nested": "false"}


@pytest.mark.parametrize("alike", [2, 3, 250, 499])
def test_no_order_is_lost_between_pages_where_many_are_of_one_moment(broker, httpserver, alike):
    """The edge of the first page falls among orders of the very same time."""
    early = [row(number, AT + number * timedelta(seconds=1)) for number in range(1, 500)]
    moment = AT + timedelta(seconds=500)
    same = [row(number, moment) for number in range(500, 500 + alike)]
    late = [row(number, moment + number * timedelta(seconds=1)) for number in range(2000, 2010)]
    Listing(httpserver, early + same + late)

    listed = numbers(broker.open_orders())

    assert sorted(listed) == sorted(UUID(each["id"]).int for each in early + same + late)
    assert len(listed) == len(set(listed))


def test_no_order_is_lost_where_its_time_is_told_a_microsecond_late(broker, httpserver):
    """Alpaca's list has told times a microsecond later than they are (alpaca-py 262)."""
    rows = [row(number, AT + number // 3 * MICROSECOND) for number in range(1, 510)]
    listing = Listing(httpserver, rows)
    true_answer = listing.answer

    def late(request):
        found = true_answer(request).get_json()
        for each in found:
            later = datetime.fromisoformat(each["submitted_at"]) + MICROSECOND
            each["created_at"] = each["submitted_at"] = later.isoformat()
        return respond(found)

    httpserver.clear()
    httpserver.expect_request("/v2/orders").respond_with_handler(late)

    assert len(broker.open_orders()) == 509


def test_more_of_one_moment_than_a_page_holds_is_an_error_and_never_a_part(broker, httpserver):
    Listing(httpserver, [row(number, AT) for number in range(1, 502)])

    with pytest.raises(BrokerUnavailable, match="once more"):
        broker.open_orders()


def test_a_list_that_does_not_go_on_is_an_error(broker, httpserver):
    """A server that does not know `after` gives the first page again and again."""
    page = [row(number, AT + number * timedelta(seconds=1)) for number in range(1, 501)]
    httpserver.expect_request("/v2/orders").respond_with_json(page)

    with pytest.raises(BrokerUnavailable, match="once more"):
        broker.open_orders()

    assert len(httpserver.log) == 2


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, "<html>", BrokerUnavailable),
        (200, "{}", BrokerUnavailable),
        (200, "[1]", BrokerUnavailable),
        (200, "[{}]", BrokerUnavailable),
        (500, "busy", BrokerUnavailable),
        (401, "{}", NotAuthorised),
        (404, '{"code": 40410000, "message": "endpoint not found"}', BrokerUnavailable),
    ],
)
def test_a_list_that_can_not_be_read_is_an_error(broker, httpserver, status, body, error):
    httpserver.expect_request("/v2/orders").respond_with_data(body, status=status)

    with pytest.raises(error):
        broker.open_orders()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"filled_qty": None}, UnusableReport),
        ({"status": "quantum"}, UnknownStatus),
        ({"asset_class": "moon"}, UnusableReport),
    ],
)
def test_one_order_that_can_not_be_read_leaves_no_list(broker, httpserver, changes, error):
    httpserver.expect_request("/v2/orders").respond_with_json([row(1, AT), row(2, AT, **changes)])

    with pytest.raises(error, match=str(UUID(int=2))):
        broker.open_orders()


def test_orders_in_anything_but_stocks_are_none_of_ours(broker, httpserver):
    """G3-39: coins were once read as stocks."""
    httpserver.expect_request("/v2/orders").respond_with_json(
        [
            row(1, AT, asset_class="crypto", symbol="BTC/USD"),
            row(2, AT),
            # An order of several legs has neither a symbol nor a side.
            row(3, AT, asset_class="us_option", symbol="", side=""),
        ]
    )

    assert numbers(broker.open_orders()) == [2]


def test_an_order_that_has_ended_meanwhile_is_not_open(broker, httpserver):
    ended = {"filled_qty": "4", "filled_avg_price": "1", "filled_at": "2026-03-02T16:00:03Z"}
    httpserver.expect_request("/v2/orders").respond_with_json([row(1, AT, status="filled", **ended), row(2, AT)])

    assert numbers(broker.open_orders()) == [2]


# Of a span.


def test_every_order_of_a_span_is_listed_ended_and_rejected_ones_too(broker, httpserver):
    ended = {"filled_qty": "4", "filled_avg_price": "1", "filled_at": "2026-03-02T16:00:03Z"}
    Listing(
        httpserver,
        [
            row(1, AT, status="filled", **ended),
            row(2, AT, status="rejected", failed_at="2026-03-02T16:00:03Z"),
            row(3, AT, status="canceled", canceled_at="2026-03-02T16:00:03Z"),
            row(4, AT, status="replaced", replaced_at="2026-03-02T16:00:03Z", replaced_by=str(UUID(int=5))),
            row(5, AT),
        ],
    )

    listed = broker.orders(**WIDE)

    assert [report.status for report in listed] == [
        OrderStatus.FILLED,
        OrderStatus.REJECTED,
        OrderStatus.CANCELLED,
        OrderStatus.CANCELLED,
        OrderStatus.ACCEPTED,
    ]
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("count", [500, 501, 1200])
def test_a_span_of_many_orders_is_complete(broker, httpserver, count):
    Listing(httpserver, [row(number, AT + number // 7 * MILLISECOND) for number in range(1, count + 1)])

    assert sorted(numbers(broker.orders(**WIDE))) == list(range(1, count + 1))


def test_both_ends_of_a_span_belong_to_it(broker, httpserver):
    until = AT + timedelta(hours=1)
    Listing(httpserver, [row(1, AT - MICROSECOND), row(2, AT), row(3, until), row(4, until + MICROSECOND)])

    assert numbers(broker.orders(since=AT, until=until)) == [2, 3]


def test_an_order_that_waited_for_the_open_is_listed_under_the_time_of_its_entry(broker, httpserver):
    """Entered on a Friday evening, it is submitted on Monday; Alpaca's own list goes by that."""
    friday, monday = datetime(2026, 2, 27, 23, tzinfo=UTC), datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    waited = row(1, friday, submitted_at=monday.isoformat())
    Listing(httpserver, [waited])

    assert numbers(broker.orders(since=friday - timedelta(hours=1), until=friday + timedelta(hours=1))) == [1]
    assert numbers(broker.orders(since=monday - timedelta(hours=1), until=monday + timedelta(hours=1))) == []


def test_a_span_is_asked_for_in_utc(broker, httpserver):
    listing = Listing(httpserver, [])

    broker.orders(since=AT, until=AT.astimezone(timezone(timedelta(hours=-5))))

    assert listing.asked == [
        {
            "status": "all",
            "limit": "500",
            "direction": "asc",
            "nested": "false",
            "after": "2026-03-02T15:59:00.000000Z",
            "until": "2026-03-07T16:00:00.000000Z",
        }
    ]

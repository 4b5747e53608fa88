"""Replacements: an order that somebody replaced at Schwab is followed, or stops us."""

from datetime import UTC, datetime

import pytest

from tests.trading.brokers.schwab.schwab_json import AT, ORDERS, executions, filled, leg, order
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import UnusableReport

ENTERED = datetime(2025, 11, 20, 16, 0, 1, tzinfo=UTC)
CLOSED = "2025-11-20T16:10:00+0000"


def replaced(number=10, **changes):
    return order(number, **{"status": "REPLACED", "closeTime": CLOSED, **changes})


def answers(httpserver, *rows, listed=()):
    for row in rows:
        httpserver.expect_request(f"{ORDERS}/{row['orderId']}").respond_with_json(row)
    httpserver.expect_request(ORDERS, method="GET").respond_with_json(list(listed))


def test_an_order_is_followed_to_the_one_that_it_names(broker, httpserver):
    newer = filled(11, enteredTime=CLOSED)
    answers(httpserver, replaced(replacingOrderCollection=[order(11, enteredTime=CLOSED)]), newer)

    report = broker.report("10")

    assert (report.broker_order_id, report.status, report.filled_shares) == ("10", OrderStatus.FILLED, 4)
    assert report.notes == ("order 10 was replaced at Schwab by 11, which it names",)


def test_a_number_is_enough_to_name_an_order(broker, httpserver):
    older, newer = order(9, enteredTime="2025-11-20T15:00:00+0000"), filled(11, enteredTime=CLOSED)
    answers(httpserver, replaced(replacingOrderCollection=[{"orderId": 9}, {"orderId": 11}]), older, newer)

    assert "replaced at Schwab by 11" in broker.report("10").notes[0]


def test_an_order_is_followed_to_the_one_that_names_it(broker, httpserver):
    # Two are alike; one of them says what it replaced.
    newer = order(11, enteredTime=CLOSED, quantity=6.0, replacingOrderCollection=[replaced()])
    answers(httpserver, replaced(), listed=[replaced(), newer, order(12, enteredTime=CLOSED)])

    report = broker.report("10")

    assert (report.broker_order_id, report.requested_shares) == ("10", 6)
    assert report.notes == ("order 10 was replaced at Schwab by 11, which names it",)


def test_the_only_order_like_it_that_was_entered_when_it_closed_is_for_the_operator_and_not_booked(broker, httpserver):
    # It may be another order of ours, which a decision has sent: its fills would be booked twice.
    others = [
        order(20, enteredTime=CLOSED, orderLegCollection=[leg(instruction="BUY")]),
        order(21, enteredTime=CLOSED, orderLegCollection=[leg(instrument={"symbol": "MSFT"})]),
        order(22, enteredTime=CLOSED, orderType="STOP"),
        order(23, enteredTime="2025-11-20T15:00:00+0000"),
    ]
    newer = order(11, enteredTime=CLOSED, orderType="LIMIT", price=187.5)
    answers(httpserver, replaced(), listed=[replaced(), newer, *others])

    with pytest.raises(UnusableReport, match="order 10 was replaced at Schwab by 11, the only order like it"):
        broker.report("10")

    [asked] = [asked for asked, _ in httpserver.log if asked.path == ORDERS]
    assert (asked.args["fromEnteredTime"], asked.args["toEnteredTime"]) == (
        "2025-11-20T16:09:00.000Z",
        "2025-11-20T16:11:00.000Z",
    )


def test_an_order_that_was_replaced_twice_is_followed_to_the_newest(broker, httpserver):
    second = replaced(11, enteredTime=CLOSED, replacingOrderCollection=[replaced(10), order(12, enteredTime=CLOSED)])
    answers(
        httpserver,
        replaced(replacingOrderCollection=[order(11, enteredTime=CLOSED)]),
        second,
        order(12, enteredTime="2025-11-20T16:20:00+0000"),
    )

    report = broker.report("10")

    assert report.broker_order_id == "10"
    assert len(report.notes) == 2


@pytest.mark.parametrize(
    ("body", "listed", "told"),
    [
        (replaced(), [], "expected one, found 0"),
        (replaced(), [order(11, enteredTime=CLOSED), order(12, enteredTime=CLOSED)], "expected one, found 2"),
        (replaced(closeTime=None), [order(11, enteredTime=CLOSED)], "expected closeTime"),
        # Those that it replaced itself are older, and lead nowhere.
        (replaced(replacingOrderCollection=[order(9, enteredTime="2025-11-20T15:00:00+0000")]), [], "found 0"),
    ],
)
def test_an_order_whose_replacement_can_not_be_told_stops_us(broker, httpserver, body, listed, told):
    answers(httpserver, body, order(9, enteredTime="2025-11-20T15:00:00+0000"), listed=listed)

    with pytest.raises(UnusableReport, match=f"order 10.*{told}"):
        broker.report("10")


def test_an_order_that_was_replaced_after_a_fill_stops_us_since_shares_might_be_lost_or_counted_twice(
    broker, httpserver
):
    body = replaced(
        filledQuantity=1,
        orderActivityCollection=executions((1, 187)),
        replacingOrderCollection=[order(11, enteredTime=CLOSED)],
    )
    answers(httpserver, body, order(11))

    with pytest.raises(UnusableReport, match="replaced at Schwab after 1 shares of it were filled"):
        broker.report("10")


def test_orders_that_replace_each_other_in_a_ring_stop_us(broker, httpserver):
    answers(
        httpserver,
        replaced(10, replacingOrderCollection=[order(11)]),
        replaced(11, replacingOrderCollection=[order(10)]),
    )

    with pytest.raises(UnusableReport, match="replaced at most 20 times"):
        broker.report("10")


def test_a_replaced_order_in_a_list_is_listed_once_under_its_first_name_and_time_as_its_newest_stands(
    broker, httpserver
):
    newest = filled(12, enteredTime="2025-11-20T16:20:00+0000")
    newer = replaced(11, enteredTime=CLOSED, closeTime="2025-11-20T16:20:00+0000", replacingOrderCollection=[newest])
    older = replaced(replacingOrderCollection=[newer])
    answers(httpserver, older, newer, newest, listed=[newest, newer, older])

    (report,) = broker.orders(since=AT, until=AT)

    assert (report.broker_order_id, report.status, report.filled_shares) == ("10", OrderStatus.FILLED, 4)
    assert report.submitted_at == ENTERED

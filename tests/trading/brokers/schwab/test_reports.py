"""Reports: each word of Schwab's, exact fills, and nothing that is guessed (G3-25, G3-40)."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tests.trading.brokers.schwab.schwab_json import exact, executions, filled, leg, order, recorded
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import UnknownStatus, UnusableReport
from trading.brokers.schwab.reports import STATUSES, report_of
from trading.values.sides import Side

# facts: the vendor's 21 words and the one that the reference saw.
OPEN = [
    "NEW",
    "ACCEPTED",
    "WORKING",
    "QUEUED",
    "PENDING_ACTIVATION",
    "PENDING_ACKNOWLEDGEMENT",
    "PENDING_REVIEW",
    "AWAITING_PARENT_ORDER",
    "AWAITING_CONDITION",
    "AWAITING_STOP_CONDITION",
    "AWAITING_MANUAL_REVIEW",
    "AWAITING_RELEASE_TIME",
    "AWAITING_UR_OUT",
    "PENDING_CANCEL",
    "PENDING_REPLACE",
    "PENDING_RECALL",
]


def test_a_recorded_order_is_read_exactly():
    """G3-25: the number is an integer, the fills are in the activities, the times have no colon in their zone."""
    body = recorded("GET /trader/v1/accounts/{hash}/orders/{orderId}")["body"]

    report = report_of(exact(body))

    assert report.broker_order_id == "1004055538153"
    assert (report.symbol, report.side, report.requested_shares) == ("GME", Side.BUY, 1)
    assert (report.status, report.filled_shares) == (OrderStatus.FILLED, 1)
    assert report.average_price_usd == Decimal("22.7299")
    assert report.limit_price_usd is None
    assert report.submitted_at == datetime(2025, 8, 29, 17, 15, 17, tzinfo=UTC)
    assert report.updated_at == datetime(2025, 8, 29, 17, 15, 18, tzinfo=UTC)
    assert (report.reason, report.notes) == (None, ())


@pytest.mark.parametrize("word", OPEN)
@pytest.mark.parametrize(("shares", "status"), [(0, OrderStatus.ACCEPTED), (3, OrderStatus.PARTIALLY_FILLED)])
def test_an_open_order_is_accepted_or_partly_filled(word, shares, status):
    body = order(status=word, filledQuantity=shares, orderActivityCollection=executions((shares, 187)))

    report = report_of(exact(body))

    assert (report.status, report.filled_shares, report.reason) == (status, shares, None)


@pytest.mark.parametrize(
    ("word", "shares", "status"),
    [
        ("FILLED", 4, OrderStatus.FILLED),
        ("REJECTED", 0, OrderStatus.REJECTED),
        ("CANCELED", 0, OrderStatus.CANCELLED),
        # G3-40: what was filled before the end counts, and the end is an end.
        ("CANCELED", 3, OrderStatus.CANCELLED),
        ("EXPIRED", 0, OrderStatus.EXPIRED),
        ("EXPIRED", 1, OrderStatus.EXPIRED),
    ],
)
def test_an_end_is_an_end_with_what_was_filled_by_then(word, shares, status):
    body = filled(status=word, filledQuantity=shares, orderActivityCollection=executions((shares, 187)))

    report = report_of(exact(body))

    assert (report.status, report.filled_shares) == (status, shares)
    assert report.status.is_end


def test_the_words_of_this_test_are_all_that_are_known():
    assert {*OPEN, "FILLED", "REJECTED", "CANCELED", "EXPIRED"} == set(STATUSES)


@pytest.mark.parametrize("word", ["UNKNOWN", "filled", "PARTIALLY_FILLED", "SUSPENDED"])
def test_a_word_that_we_do_not_know_stops_the_order(word):
    with pytest.raises(UnknownStatus, match=f"order 1004055538123 as '{word}'"):
        report_of(exact(order(status=word)))


@pytest.mark.parametrize(
    ("described", "reason"),
    [("Too late to cancel", "Too late to cancel"), (None, "cancelled at Schwab, which names no reason")],
)
def test_an_end_without_a_fill_has_a_reason(described, reason):
    assert report_of(exact(filled(status="CANCELED", statusDescription=described))).reason == reason


# Fills and prices.


@pytest.mark.parametrize(
    ("parts", "average"),
    [
        ([(4, "187.25")], "187.25"),
        ([(2, "410.25"), (2, "410.31")], "410.28"),
        ([("3.0", "410.25"), ("1.0", "410.31")], "410.265"),
        # Exact where it divides, whatever the digits.
        ([(1, "22.7299"), (3, "22.7301")], "22.73005"),
        ([(4, "0.0001")], "0.0001"),
    ],
)
def test_the_price_is_the_average_of_all_executions(parts, average):
    report = report_of(exact(filled(orderActivityCollection=executions(*parts))))

    assert report.average_price_usd == Decimal(average)
    assert report.notes == ()


def test_a_price_that_does_not_divide_has_forty_digits():
    # The reference's vector: 10 at 100 and 20 at 101.
    body = filled(quantity=30, filledQuantity=30, orderActivityCollection=executions((10, 100), (20, 101)))

    assert report_of(exact(body)).average_price_usd == Decimal("100.6666666666666666666666666666666666667")


def test_executions_of_one_activity_are_all_counted():
    [activity] = executions((2, "410.25"))
    activity["executionLegs"] += executions((2, "410.31"))[0]["executionLegs"]

    assert report_of(exact(filled(orderActivityCollection=[activity]))).average_price_usd == Decimal("410.28")


def test_what_is_no_execution_has_no_part_in_the_price():
    other = [{"activityType": "ORDER_ACTION", "executionLegs": executions((4, 1))[0]["executionLegs"]}]

    report = report_of(exact(filled(orderActivityCollection=other + executions((4, "187.25")))))

    assert report.average_price_usd == Decimal("187.25")


@pytest.mark.parametrize(
    ("activities", "told"),
    [
        (None, "0"),
        ([], "0"),
        # As a recorded order of 1000 shares, which tells of the legs of 300 of 500.
        ([*executions((3, "3.327")), {"activityType": "EXECUTION", "executionType": "FILL", "quantity": 1}], "3"),
        # More than was filled is no price of what was filled.
        (executions((5, "187")), "5"),
    ],
)
def test_a_fill_whose_executions_are_not_all_told_has_no_price_and_says_so(activities, told):
    """G3-25: what is missing is not zero, and a part's average is not the whole's."""
    report = report_of(exact(filled(orderActivityCollection=activities)))

    assert (report.filled_shares, report.average_price_usd) == (4, None)
    assert f"no price: the executions tell of {told} shares, and 4 are filled" in report.notes


def test_a_recorded_order_in_parts_has_no_price_while_a_part_has_no_legs():
    body = recorded("GET orders")["body"]
    whole = filled(**{name: body[name] for name in ("quantity", "filledQuantity", "orderActivityCollection")})

    report = report_of(exact(whole))

    assert (report.filled_shares, report.average_price_usd) == (1000, None)


@pytest.mark.parametrize("missing", ["filledQuantity", "quantity", "orderLegCollection", "status", "enteredTime"])
@pytest.mark.parametrize("found", [None, "", [], {}, True])
def test_what_is_missing_is_never_a_zero(missing, found):
    """G3-25."""
    with pytest.raises(UnusableReport, match="1004055538123"):
        report_of(exact(filled(**{missing: found})))


@pytest.mark.parametrize(
    "changes",
    [
        {"orderLegCollection": [leg(instrument={"symbol": None})]},  # As on funds, when the API was new.
        {"orderLegCollection": [leg(instrument={"symbol": "A B"})]},
        {"orderLegCollection": [leg(instrument={"assetType": "NOVELTY"})]},
        {"orderLegCollection": [leg(instruction="HOLD")]},
        {"orderLegCollection": ["leg"]},
        {"orderType": "UNKNOWN"},
        {"orderType": "LIMIT"},
        {"orderType": "LIMIT", "price": 0},
        {"filledQuantity": -1},
        {"filledQuantity": "many"},
        {"filledQuantity": 0},
        {"enteredTime": "yesterday"},
        {"enteredTime": "2025-11-20T16:00:01"},
        {"closeTime": 1763654403},
        {"orderActivityCollection": "none"},
        {"orderActivityCollection": executions((-4, 187))},
        {"orderActivityCollection": executions((4, -187))},
        {"orderActivityCollection": executions((4, 0))},
        {"orderActivityCollection": executions((4, None))},
    ],
)
def test_what_can_not_be_read_is_an_unusable_report(changes):
    with pytest.raises(UnusableReport, match="order 1004055538123"):
        report_of(exact(filled(**changes)))


@pytest.mark.parametrize("number", [None, "1004055538123", 0, True, -1])
def test_an_order_has_a_number(number):
    with pytest.raises(UnusableReport, match="expected an order with a number as its orderId"):
        report_of(exact(filled(orderId=number)))


def test_a_limit_is_read():
    report = report_of(exact(order(orderType="LIMIT", price=187.30)))

    assert report.limit_price_usd == Decimal("187.3")


@pytest.mark.parametrize("kind", ["COLLECTIVE_INVESTMENT", "ETF"])
def test_a_fund_that_is_traded_like_a_stock_is_read(kind):
    assert report_of(exact(order(orderLegCollection=[leg(orderLegType=kind, instrument={"assetType": kind})])))


# Times.


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2025-11-20T16:00:03+0000", datetime(2025, 11, 20, 16, 0, 3, tzinfo=UTC)),
        ("2025-11-20T16:00:03.500+0000", datetime(2025, 11, 20, 16, 0, 3, 500000, tzinfo=UTC)),
        ("2025-11-20T16:00:03.25Z", datetime(2025, 11, 20, 16, 0, 3, 250000, tzinfo=UTC)),
        ("2025-11-20T11:00:03-05:00", datetime(2025, 11, 20, 16, 0, 3, tzinfo=UTC)),
        ("2025-11-20T11:00:03-0500", datetime(2025, 11, 20, 11, 0, 3, tzinfo=timezone(timedelta(hours=-5)))),
    ],
)
def test_a_time_is_read_in_whichever_form_it_comes(text, at):
    report = report_of(exact(filled(closeTime=text)))

    assert report.updated_at == at
    assert report.updated_at.utcoffset() == timedelta(0)


def test_without_a_close_time_the_last_execution_is_the_end():
    early, late = (
        executions((2, 187), time="2025-11-20T16:00:03+0000"),
        executions((2, 187), time="2025-11-20T16:09:00Z"),
    )

    report = report_of(exact(filled(closeTime=None, orderActivityCollection=late + early)))

    assert report.updated_at == datetime(2025, 11, 20, 16, 9, tzinfo=UTC)
    assert report.notes == ("no close time; taken from the last execution",)


def test_without_a_close_time_and_an_execution_the_entry_is_all_that_schwab_tells():
    report = report_of(exact(order(status="EXPIRED")))

    assert report.updated_at == report.submitted_at
    assert report.notes == ("no close time and no execution; taken from when the order was entered",)


def test_an_open_order_is_as_new_as_its_last_execution():
    body = order(filledQuantity=1, orderActivityCollection=executions((1, 187), time="2025-11-20T16:05:00+0000"))

    assert report_of(exact(body)).updated_at == datetime(2025, 11, 20, 16, 5, tzinfo=UTC)
    assert report_of(exact(order())).updated_at == datetime(2025, 11, 20, 16, 0, 1, tzinfo=UTC)

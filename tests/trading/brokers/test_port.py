"""The port: reports that can't be, and orders that are ours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from trading.brokers.orders import OrderReport, OrderRequest, OrderStatus, same_order
from trading.brokers.outcomes import BrokerError, UnknownStatus, UnusableReport
from trading.values.identifiers import ClientOrderId
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.symbols import symbol

AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
REQUEST = {
    "client_order_id": ClientOrderId("ht-test-1-1"),
    "symbol": symbol("AAPL"),
    "side": Side.SELL,
    "shares": shares(4),
    "created_at": AT,
}
UNSAID = {"requested_notional_usd": None, "limit_price_usd": None, "notes": (), "doubt": None}
REPORT = {
    "broker_order_id": "17",
    "client_order_id": "ht-test-1-1",
    "symbol": "AAPL",
    "side": Side.SELL,
    "requested_shares": Decimal(4),
    "filled_shares": Decimal(0),
    "average_price_usd": None,
    "status": OrderStatus.ACCEPTED,
    "reason": None,
    "submitted_at": AT,
    "updated_at": AT,
}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"broker_order_id": ""}, "no id"),
        ({"requested_shares": Decimal(0)}, "shares requested"),
        ({"requested_shares": 4.0}, "4.0 shares requested"),
        ({"filled_shares": Decimal(-1)}, "shares filled"),
        ({"filled_shares": Decimal("NaN")}, "shares filled"),
        ({"filled_shares": 1}, "1 shares filled"),
        # A fill of nothing is how a missing quantity once read: it must never end an order.
        ({"status": OrderStatus.FILLED}, "status FILLED and nothing filled"),
        ({"status": OrderStatus.PARTIALLY_FILLED}, "status PARTIALLY_FILLED and nothing filled"),
        ({"filled_shares": Decimal(1)}, "status ACCEPTED and 1 shares filled"),
        ({"average_price_usd": Decimal(5)}, "an average price of 5 and nothing filled"),
        (
            {"status": OrderStatus.FILLED, "filled_shares": Decimal(4), "average_price_usd": Decimal(0)},
            "an average price of",
        ),
        (
            {"status": OrderStatus.FILLED, "filled_shares": Decimal(4), "average_price_usd": 1.5},
            "an average price of 1.5",
        ),
        ({"submitted_at": datetime(2026, 3, 2, 16)}, "a time without a zone"),  # noqa: DTZ001
        ({"updated_at": datetime(2026, 3, 2, 16)}, "a time without a zone"),  # noqa: DTZ001
    ],
)
def test_a_report_that_cannot_be_is_refused(changes, wrong):
    with pytest.raises(UnusableReport, match=rf"order .*\(AAPL\) is reported with .*{wrong}"):
        OrderReport(**{**REPORT, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        # Brokers without our id or without a price.
        {"client_order_id": None},
        {"status": OrderStatus.FILLED, "filled_shares": Decimal(4)},
        # More than we asked for is booked as it is, and so is less.
        {"status": OrderStatus.FILLED, "filled_shares": Decimal(5), "average_price_usd": Decimal("1.5")},
        {"status": OrderStatus.FILLED, "filled_shares": Decimal(3)},
        # Whatever the end, what was filled stays filled.
        {"status": OrderStatus.CANCELLED, "filled_shares": Decimal(3)},
        {"status": OrderStatus.EXPIRED, "filled_shares": Decimal(3)},
        {"status": OrderStatus.REJECTED, "filled_shares": Decimal(0), "reason": "insufficient buying power"},
    ],
)
def test_a_report_that_can_be_is_taken(changes):
    report = OrderReport(**{**REPORT, **changes})

    assert msgspec.structs.asdict(report) == {**REPORT, **UNSAID, **changes}


def test_which_statuses_are_an_end():
    assert [status for status in OrderStatus if not status.is_end] == [
        OrderStatus.ACCEPTED,
        OrderStatus.PARTIALLY_FILLED,
    ]


def test_an_unknown_word_is_an_unusable_report():
    assert issubclass(UnknownStatus, UnusableReport)
    assert issubclass(UnusableReport, BrokerError)


@pytest.mark.parametrize("changes", [{"shares": Decimal(0)}, {"shares": Decimal(-1)}, {"shares": 1.5}, {"shares": 1}])
def test_an_order_is_for_more_than_nothing(changes):
    with pytest.raises(ValueError, match="more than 0 shares"):
        OrderRequest(**{**REQUEST, **changes})


def test_an_order_has_a_time_with_a_zone():
    with pytest.raises(ValueError, match="zone"):
        OrderRequest(**{**REQUEST, "created_at": datetime(2026, 3, 2, 16)})  # noqa: DTZ001


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({}, None),
        # A broker that does not know our ids says nothing of them.
        ({"client_order_id": None}, None),
        ({"requested_shares": Decimal("4.000")}, None),
        ({"submitted_at": AT + timedelta(days=1)}, None),
        # A broker's clock may be a minute behind ours.
        ({"submitted_at": AT - timedelta(seconds=60)}, None),
        (
            {"submitted_at": AT - timedelta(seconds=61)},
            "expected an order submitted after 2026-03-02T16:00:00+00:00, was 2026-03-02T15:58:59+00:00",
        ),
        ({"symbol": "AAP"}, "expected an order in AAPL, was AAP"),
        ({"side": Side.BUY}, "expected an order to SELL, was BUY"),
        ({"requested_shares": Decimal("4.000000001")}, "expected an order for 4 shares, was 4.000000001"),
        ({"client_order_id": "ht-test-1-2"}, "expected an order of ours named ht-test-1-1, was ht-test-1-2"),
        # How far it has come is no difference.
        ({"status": OrderStatus.FILLED, "filled_shares": Decimal(5)}, None),
    ],
)
def test_an_order_is_ours_only_if_all_of_it_agrees(changes, difference):
    assert same_order(OrderRequest(**REQUEST), OrderReport(**{**REPORT, **changes})) == difference

"""Reports of Alpaca's orders: every word for how far an order has come, and every field that may be missing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.alpaca import AT, ORDER, RECORDED, order_row, recorded
from trading.brokers.alpaca.order_reports import SETTLES_WITHIN, read_order
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import UnknownStatus, UnusableReport
from trading.values.sides import Side

LATER = datetime(2026, 3, 2, 16, 0, 5, tzinfo=UTC)
FILLED = {"filled_qty": "1.5", "filled_avg_price": "187.3456"}

ACCEPTED, PARTLY, DONE = OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED


def read(**changes):
    return read_order(order_row(updated_at="2026-03-02T16:00:05Z", **changes), asked_at=AT).report


# Every word that Alpaca's documents know, with nothing filled and with a part filled.


@pytest.mark.parametrize(
    ("word", "nothing", "a_part"),
    [
        ("new", ACCEPTED, PARTLY),
        ("accepted", ACCEPTED, PARTLY),
        ("pending_new", ACCEPTED, PARTLY),
        ("accepted_for_bidding", ACCEPTED, PARTLY),
        ("held", ACCEPTED, PARTLY),
        ("pending_review", ACCEPTED, PARTLY),
        # A trade is guaranteed, and not yet done: it is not rejected, as a peer once had it.
        ("stopped", ACCEPTED, PARTLY),
        ("pending_cancel", ACCEPTED, PARTLY),
        ("pending_replace", ACCEPTED, PARTLY),
        ("suspended", ACCEPTED, PARTLY),
        ("calculated", ACCEPTED, PARTLY),
        ("canceled", OrderStatus.CANCELLED, OrderStatus.CANCELLED),
        ("expired", OrderStatus.EXPIRED, OrderStatus.EXPIRED),
        ("rejected", OrderStatus.REJECTED, OrderStatus.REJECTED),
        # In a list this order has ended; who asks for it is told of its successor.
        ("replaced", OrderStatus.CANCELLED, OrderStatus.CANCELLED),
    ],
)
def test_every_word_has_its_meaning(word, nothing, a_part):
    """L1, L2: no open order is a failed one, and what was filled before an end stays filled."""
    assert (read(status=word).status, read(status=word).filled_shares) == (nothing, 0)

    report = read(status=word, **FILLED)

    assert (report.status, report.filled_shares) == (a_part, Decimal("1.5"))
    assert report.average_price_usd == Decimal("187.3456")


@pytest.mark.parametrize(("word", "status"), [("partially_filled", PARTLY), ("filled", DONE)])
def test_a_word_for_a_fill_needs_one(word, status):
    assert read(status=word, **FILLED).status is status
    with pytest.raises(UnusableReport, match=f"status {status} and nothing filled"):
        read(status=word)


@pytest.mark.parametrize("word", ["wibbling", "FILLED", "cancelled", "Filled "])
def test_a_word_that_we_do_not_know_stops_the_order(word):
    """L2: an unknown word was once taken for a rejection."""
    with pytest.raises(UnknownStatus, match=f"(?s){ORDER}.*'{word}'"):
        read(status=word)


@pytest.mark.parametrize("word", ["suspended", "calculated"])
def test_a_rare_word_is_told_to_the_operator(word):
    assert any("Alpaca" in note for note in read(status=word).notes)
    assert read(status="new").notes == ()


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("canceled", "cancelled at Alpaca"),
        ("expired", "expired at Alpaca"),
        ("rejected", "rejected after Alpaca had taken it"),
        ("new", None),
        ("pending_cancel", None),
    ],
)
def test_an_end_has_a_reason_that_is_the_same_each_time(word, reason):
    assert read(status=word).reason == reason


def test_a_reason_that_alpaca_gives_is_told():
    assert read(status="rejected", reject_reason="halted").reason == "halted"


# Done for the day.


@pytest.mark.parametrize(
    ("seconds", "filled", "status"),
    [
        (0, "0", ACCEPTED),
        (59, "1.5", PARTLY),
        (60, "0", OrderStatus.EXPIRED),
        (60, "1.5", OrderStatus.EXPIRED),
    ],
)
def test_an_order_for_the_day_that_is_done_for_it_ends_when_its_fills_have_settled(seconds, filled, status):
    row = order_row(status="done_for_day", updated_at="2026-03-02T16:00:05Z", filled_qty=filled, filled_avg_price="187")
    if filled == "0":
        row["filled_avg_price"] = None

    report = read_order(row, asked_at=LATER + timedelta(seconds=seconds)).report

    assert (report.status, report.filled_shares) == (status, Decimal(filled))
    assert timedelta(seconds=60) == SETTLES_WITHIN
    assert report.notes or report.reason == "done for the day at Alpaca"


def test_an_order_that_lasts_longer_goes_on_tomorrow():
    row = order_row(status="done_for_day", time_in_force="gtc")

    assert read_order(row, asked_at=AT + timedelta(hours=5)).report.status is ACCEPTED


# Times.


@pytest.mark.parametrize(
    ("word", "field"),
    [("filled", "filled_at"), ("canceled", "canceled_at"), ("expired", "expired_at"), ("rejected", "failed_at")],
)
def test_an_end_is_dated_by_alpaca(word, field):
    filled = {"filled_qty": "4", "filled_avg_price": "187"} if word == "filled" else {}

    told = read(status=word, **{field: "2026-03-02T11:00:03.14373588-05:00"}, **filled)
    fallen_back = read(status=word, **filled)

    assert told.updated_at == datetime(2026, 3, 2, 16, 0, 3, 143735, tzinfo=UTC)
    assert (fallen_back.updated_at, fallen_back.notes) == (LATER, (f"no {field}; taken from updated_at",))


def test_an_end_without_any_time_is_no_report():
    with pytest.raises(UnusableReport, match="updated_at"):
        read_order(order_row(status="filled", updated_at=None, **FILLED), asked_at=AT)


def test_an_order_is_entered_when_it_was_made_whenever_it_is_sent_on():
    waiting = read(submitted_at="2026-03-02T14:30:00Z")
    sent_on = read(submitted_at="2026-03-03T14:30:00.000001Z")

    assert waiting.submitted_at == sent_on.submitted_at == AT + timedelta(microseconds=942282)
    assert read(created_at=None).submitted_at == AT + timedelta(microseconds=937734)


# Amounts.


@pytest.mark.parametrize(
    ("told", "read_as"),
    [("0.123456789", "0.123456789"), (3, "3"), (Decimal("1.10"), "1.1"), ("1E3", "1000"), ("4.000000000", "4")],
)
def test_an_amount_is_exact(told, read_as):
    report = read(status="canceled", filled_qty=told, filled_avg_price=Decimal("187.34567891234567891"))

    assert report.filled_shares == Decimal(read_as)
    assert report.average_price_usd == Decimal("187.34567891234567891")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        # G3-25: fills were once read as nothing where a field had another form.
        ({"filled_qty": None}, "filled_qty"),
        ({"filled_qty": ""}, "filled_qty"),
        ({"filled_qty": "many"}, "filled_qty"),
        ({"filled_qty": "NaN"}, "filled_qty"),
        ({"filled_qty": True}, "filled_qty"),
        ({"filled_qty": 1.5}, "filled_qty"),
        ({"filled_qty": "-1"}, "shares filled"),
        ({"filled_avg_price": "free", "filled_qty": "1"}, "filled_avg_price"),
        ({"filled_avg_price": "0", "filled_qty": "1"}, "an average price"),
        ({"filled_avg_price": "187"}, "nothing filled"),
        ({"qty": None, "notional": None}, "neither shares nor dollars requested"),
        ({"qty": "0"}, "shares requested"),
        ({"id": None}, "id"),
        ({"side": "sell_short"}, "side"),
        ({"side": None}, "side"),
        ({"status": None}, "status"),
        ({"symbol": None}, "symbol"),
        ({"symbol": "AAPL`"}, "symbol"),
        ({"symbol": "aapl"}, "symbol"),
        ({"asset_class": None}, "asset_class"),
        ({"asset_class": "us_equity_perp"}, "asset_class"),
        ({"asset_class": "crypto", "symbol": "BTC/USD"}, "an order in a stock"),
        ({"created_at": "2026-03-02T16:00:00"}, "created_at"),
        ({"created_at": None, "submitted_at": None}, "submitted_at"),
        ({"limit_price": "cheap"}, "limit_price"),
    ],
)
def test_what_is_missing_or_of_another_kind_is_told_and_never_zero(changes, what):
    with pytest.raises(UnusableReport, match=what):
        read(**changes)


def test_a_fill_without_a_price_is_unpriced_and_told():
    report = read(status="filled", filled_qty="4", filled_avg_price=None, filled_at="2026-03-02T16:00:05Z")

    assert (report.status, report.filled_shares, report.average_price_usd) == (DONE, 4, None)
    assert report.notes == ("no average price",)


def test_a_price_of_nothing_for_nothing_filled_is_none():
    # So the vendor's own fixtures have it.
    row = recorded("test_order_routes.py::test_get_orders")[0]

    report = read_order(row, asked_at=AT).report

    assert (row["filled_avg_price"], report.average_price_usd) == (0, None)
    assert (report.symbol, report.requested_shares, report.status) == ("SPY", 1, ACCEPTED)


@pytest.mark.parametrize("filled", ["3", "5"])
def test_an_order_told_as_filled_with_another_amount_is_told(filled):
    """G3-29: what was filled is booked, be it more or less."""
    report = read(status="filled", filled_qty=filled, filled_avg_price="1", filled_at="2026-03-02T16:00:05Z")

    assert report.filled_shares == Decimal(filled)
    assert report.notes == (f"told as filled with {filled} of 4 shares",)


# Answers that the vendor's own tests are made with. Their symbols carry a mark that no symbol has.

VENDORS_ORDERS = [entry for entry in RECORDED if isinstance(entry["body"], dict) and "client_order_id" in entry["body"]]


@pytest.mark.parametrize("entry", VENDORS_ORDERS, ids=lambda entry: entry["source"].rpartition("::")[2])
def test_the_vendors_orders(entry):
    row = entry["body"]
    with pytest.raises(UnusableReport, match="symbol"):
        read_order(row, asked_at=AT)

    report = read_order({**row, "symbol": row["symbol"].rstrip("`")}, asked_at=AT).report

    assert report.broker_order_id == "61e69015-8549-4bfd-b9c3-01e75843f47d"
    assert report.client_order_id == "eb9e2aaa-f71a-4f51-b5b4-52a6c565dad4"
    assert (report.side == Side.BUY, report.status) == (row["side"] == "buy", ACCEPTED)
    assert (report.requested_shares, report.requested_notional_usd) in ((1, None), (None, 500))
    assert report.limit_price_usd == row["limit_price"]
    assert report.submitted_at == datetime(2021, 3, 16, 18, 38, 1, 942282, tzinfo=UTC)


def test_the_vendors_orders_are_there():
    assert len(VENDORS_ORDERS) == 9


def test_the_vendors_order_in_coins_is_none_of_ours():
    row = recorded("test_position_routes.py::test_close_all_positions")[0]["body"]

    with pytest.raises(UnusableReport, match="an order in a stock"):
        read_order(row, asked_at=AT)

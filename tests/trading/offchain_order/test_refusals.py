"""Refusals: what an order tells an operator when it says no, and the numbers just beside the ones it says no to."""

from decimal import Decimal

import pytest

from eventstore.testing import given
from tests.trading.offchain_order.test_aggregate import (
    HISTORIES,
    PLACE,
    PLACE_FACTS,
    cancel,
    complete,
    confirm,
    fail,
    late,
    old,
    order,
    update,
)
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.commands import MarkUnknown, Migrate, Place, Relink, StartSubmission
from trading.offchain_order.events import Links, MigratedStatus
from trading.values.sides import Side

START = StartSubmission(sending_at=PLACE.placed_at)


@pytest.mark.parametrize(
    ("history", "command", "text"),
    [
        ("filled", PLACE, "order 17 is filled"),
        ("nothing", Place(**PLACE_FACTS | {"shares": Decimal(0)}), "order 17 would be for 0 shares"),
        ("nothing", START, "order 17 is not placed"),
        ("nothing", confirm(), "order 17 is not placed"),
        ("nothing", MarkUnknown(reason="timed out"), "order 17 is not placed"),
        ("nothing", fail(), "order 17 is not placed"),
        ("nothing", update(1), "order 17 is not_placed: the broker's id of it is not known yet"),
        ("sending", complete(100), "order 17 is sending: the broker's id of it is not known yet"),
        ("submitted", START, "order 17 is at dry_run as B-1"),
        ("submitted", confirm("B-2"), "order 17 is at dry_run as B-1, not as B-2"),
        ("cancelled", cancel(50), "order 17 is cancelled, and an end is final"),
        ("submitted", late(10), "order 17 is submitted"),
        ("partly", update(49), "order 17 had filled 50, its report says 49"),
        ("submitted", complete(0), "order 17 is reported as filled with 0 shares"),
    ],
)
def test_a_refusal_tells_what_was_expected_and_what_was_found(history, command, text):
    assert str(order(*HISTORIES[history]).when(command).error) == text


def test_no_links_are_of_an_order_that_is_not_placed():
    relink = Relink(standing=Links())

    assert str(given(OffchainOrder, "17").when(relink).error) == "order 17 is not placed"


def test_a_migrated_order_has_not_filled_fewer_than_none():
    migrate = Migrate(**old(MigratedStatus.PARTIALLY_FILLED, filled_shares=Decimal("-0.5")))

    assert str(order().when(migrate).error) == "order 17 had filled 0, its report says -0.5"


@pytest.mark.parametrize("command", [update("0.01"), complete("0.01")])
def test_a_hundredth_of_a_share_is_filled(command):
    order(*HISTORIES["submitted"]).when(command).then_state(filled_shares=Decimal("0.01"))
    order().when(Place(**PLACE_FACTS | {"shares": Decimal("0.01")})).then_state(requested_shares=Decimal("0.01"))


def test_what_it_does_not_know_stops_it():
    state = order(*HISTORIES["submitted"]).state

    with pytest.raises(AssertionError, match="sell everything"):
        state.decide("sell everything")
    with pytest.raises(AssertionError, match="sold everything"):
        state.evolve("sold everything")


# What an order is, where a default would say something else.


def test_a_sale_on_its_second_try_is_one():
    placed = Place(**PLACE_FACTS | {"side": Side.SELL, "attempt": 2})

    order().when(placed).then_state(side=Side.SELL, attempt=2)


def test_a_cancelled_order_keeps_the_price_of_what_it_filled():
    order(*HISTORIES["submitted"]).when(cancel(50, price="151")).then_state(
        filled_shares=50, average_price_usd=151, reason="by the operator"
    )


def test_a_migrated_order_is_of_its_symbol():
    order().when(Migrate(**old(MigratedStatus.PENDING))).then_state(symbol="AAPL", side=Side.SELL, broker="schwab")

"""Hedging: at the threshold the whole net is hedged, cut to what can be traded; the sums behind it are exact."""

import decimal
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from eventstore.testing import given
from trading.position.aggregate import HedgeDue, PendingExecution, Position, ThresholdNotMet, WrongShares, WrongSide
from trading.position.commands import PlaceOffChainOrder
from trading.position.events import (
    AdoptedTrigger,
    DollarTrigger,
    Initialized,
    ManualTrigger,
    OffChainOrderLateFilled,
    OffChainOrderPartiallyFilled,
    OffChainOrderPlaced,
    OnChainOrderFilled,
    OnChainOrderReverted,
    SharesTrigger,
)
from trading.values.identifiers import TradeId
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.thresholds import ONE_SHARE, DollarThreshold, threshold

AT = datetime(2025, 11, 3, 14, 30, tzinfo=UTC)
BUY, SELL = Side.BUY, Side.SELL
TX = f"0x{'ab' * 32}"
WHOLE, NINE = None, 9  # The decimals of a share that a broker takes.


def fill(side, amount, *, price="200", index=1):
    return OnChainOrderFilled(
        trade=TradeId(TX, index),
        side=side,
        amount=shares(amount),
        price_usdc=None if price is None else Decimal(price),
        block_number=100,
        block_timestamp=AT,
    )


def position(long=0, short=0, *, at="1 share", price="200"):
    """A position whose remainders are these, with its threshold and its last price."""
    fills = [fill(side, amount, price=price) for side, amount in ((BUY, long), (SELL, short)) if shares(amount)]
    return given(Position, "AAPL", Initialized(threshold=threshold(at)), *fills).state


def filled_at_broker(state, side, count):
    return state.evolve(
        OffChainOrderLateFilled(
            order_id=9, side=side, shares_added=shares(count), average_price_usd=None, broker_timestamp=AT
        )
    )


def due(state, digits=WHOLE):
    hedge = state.hedge_due(fractional_digits=digits)
    return None if hedge is None else (hedge.side, str(hedge.shares))


@pytest.mark.parametrize(
    ("long", "short", "net", "hedge"),
    [
        ("1.5", "0.8", "0.7", None),
        ("0.3", "1.5", "-1.2", (BUY, "1")),
        ("2.0", "0.5", "1.5", (SELL, "1")),
        ("0.5", "3.0", "-2.5", (BUY, "2")),
        ("1.0", "0", "1.0", (SELL, "1")),  # At the threshold, not past it.
        ("0", "1.0", "-1.0", (BUY, "1")),
        ("0.999", "0", "0.999", None),
        ("0", "0.999", "-0.999", None),
        ("1.0", "1.0", "0", None),
        ("0", "0", "0", None),
        # The whole of what can be traded, in one order.
        ("4.0", "0.3", "3.7", (SELL, "3")),
        ("2.7", "0", "2.7", (SELL, "2")),
        ("0", "3.2", "-3.2", (BUY, "3")),
        ("0", "0.8", "-0.8", None),
        ("1000000.5", "0", "1000000.5", (SELL, "1000000")),
    ],
)
def test_at_one_share_the_whole_shares_of_the_net_are_hedged(long, short, net, hedge):
    assert position(long, short).net == Decimal(net)
    assert due(position(long, short)) == hedge
    # A threshold in shares is hedged in whole shares, whatever the broker takes.
    assert due(position(long, short), NINE) == hedge


@pytest.mark.parametrize(
    ("long", "short", "side", "count", "after"),
    [
        # A sale takes from the long remainder and a purchase from the short one.
        ("2.5", "3.0", SELL, "2", ("0.5", "3.0")),
        ("2.5", "3.0", BUY, "1", ("2.5", "2.0")),
        ("0.5", "3.0", BUY, "1", ("0.5", "2.0")),
        ("2.5", "0", SELL, "2.5", ("0", "0")),
        # What would take one below zero is added to the other; the reference has no such case, since it takes what it
        # asked for when it asks.
        ("0.5", "0", SELL, "2", ("0", "1.5")),
        ("0.5", "3.0", SELL, "2", ("0", "4.5")),
        ("0", "1", BUY, "1.25", ("0.25", "0")),
        ("0", "0", BUY, "1", ("1", "0")),
    ],
)
def test_a_fill_at_the_broker_takes_from_the_remainder_that_it_hedges(long, short, side, count, after):
    state = filled_at_broker(position(long, short), side, count)

    assert (state.accumulated_long, state.accumulated_short) == tuple(map(Decimal, after))
    assert state.net == state.accumulated_long - state.accumulated_short


def test_a_fill_on_chain_adds_to_the_remainder_of_its_side():
    state = position("1.5", "2.0").evolve(fill(BUY, "0.3", index=2))

    assert (state.accumulated_long, state.accumulated_short) == (Decimal("1.8"), Decimal("2.0"))
    assert state.net == Decimal("-0.2")


def test_placing_takes_nothing_and_filling_does():
    # The reference reduces when it places, and so loses the exposure of an order that fails.
    placed = position("2.5").evolve(order(SELL, 2))
    half = placed.evolve(
        OffChainOrderPartiallyFilled(
            order_id=1, side=SELL, shares_filled=shares(1), average_price_usd=None, broker_timestamp=AT
        )
    )

    assert (placed.accumulated_long, half.accumulated_long) == (Decimal("2.5"), Decimal("1.5"))


def order(side, count):
    trigger = SharesTrigger(net_position_shares=shares(count), threshold_shares=shares(1))
    return OffChainOrderPlaced(
        order_id=1, shares=shares(count), side=side, broker="dry_run", trigger_reason=trigger, placed_at=AT
    )


def test_nothing_is_due_while_an_order_is_under_way():
    assert due(position("1.5").evolve(order(SELL, 1))) is None
    assert due(position("1.5").evolve(order(SELL, 1)).evolve(fill(BUY, 50, index=2))) is None


def test_nothing_is_due_of_a_symbol_that_is_not_followed():
    assert due(Position.initial("AAPL")) is None
    assert Position.initial("AAPL").trigger() is None


def test_the_reason_of_a_hedge_tells_what_was_reached():
    assert position("0.2", "1.3").hedge_due(fractional_digits=WHOLE) == HedgeDue(
        side=BUY,
        shares=shares(1),
        trigger=SharesTrigger(net_position_shares=shares("1.1"), threshold_shares=shares(1)),
    )


@pytest.mark.parametrize(
    ("at", "long", "short", "hedge"),
    [
        ("2.5 shares", "2.5", "0", (SELL, "2")),
        ("2.5 shares", "2.499", "0", None),
        ("5 shares", "0", "7.9", (BUY, "7")),
        # The threshold is reached, and yet there is no whole share to trade.
        ("0.5 shares", "0.5", "0", None),
        ("0.5 shares", "0", "0.999", None),
        ("0.5 shares", "1", "0", (SELL, "1")),
    ],
)
def test_another_number_of_shares(at, long, short, hedge):
    assert due(position(long, short, at=at)) == hedge
    assert due(position(long, short, at=at), NINE) == hedge


@pytest.mark.parametrize(
    ("at", "price", "long", "short", "digits", "hedge"),
    [
        # At the threshold, and just below it.
        ("$100", "200", "0.5", "0", NINE, (SELL, "0.5")),
        ("$100", "200", "0.499999999", "0", NINE, None),
        ("$100", "199.999999", "0.5", "0", NINE, None),
        ("$100", "200", "0", "0.5", NINE, (BUY, "0.5")),
        ("$1", "0.01", "100", "0", NINE, (SELL, "100")),
        ("$1", "0.01", "99.999999999", "0", NINE, None),
        # All of the net, to the broker's last decimal.
        ("$1", "200", "1.212", "0", NINE, (SELL, "1.212")),
        ("$1", "200", "0", "2.567", NINE, (BUY, "2.567")),
        ("$1", "200", "1.2123456789999", "0", NINE, (SELL, "1.212345678")),
        ("$1", "200", "0." + "9" * 70, "0", NINE, (SELL, "0." + "9" * 9)),
        ("$1", "200", "1.212", "0", 2, (SELL, "1.21")),
        # A broker of whole shares takes no other ones.
        ("$1", "200", "1.212", "0", WHOLE, (SELL, "1")),
        ("$1", "200", "1.212", "0", 0, (SELL, "1")),
        ("$100", "200", "0.999", "0", WHOLE, None),
        ("$1", "10000000000", "0.0000000009", "0", NINE, None),
        # Fills without a price: nobody knows what the net is worth.
        ("$1", None, "1000", "0", NINE, None),
        ("$1", "0", "1000", "0", NINE, None),
        ("$1", "200", "0", "0", NINE, None),
        ("$1", "200", "1", "1", NINE, None),
    ],
)
def test_a_threshold_in_dollars_is_held_against_the_last_price(at, price, long, short, digits, hedge):
    assert due(position(long, short, at=at, price=price), digits) == hedge


def test_the_reason_in_dollars_tells_what_was_reached():
    assert position("0.5", at="$100").hedge_due(fractional_digits=NINE) == HedgeDue(
        side=SELL,
        shares=shares("0.5"),
        trigger=DollarTrigger(
            net_position_shares=shares("0.5"),
            dollar_value=Decimal(100),
            price_usdc=Decimal(200),
            threshold_dollars=Decimal(100),
        ),
    )


def test_an_order_in_fractions_is_placed_with_its_reason():
    command = PlaceOffChainOrder(order_id=1, shares=shares("0.5"), side=BUY, broker="dry_run", placed_at=AT)
    trigger = DollarTrigger(
        net_position_shares=shares("0.5"),
        dollar_value=Decimal(100),
        price_usdc=Decimal(200),
        threshold_dollars=Decimal(100),
    )
    history = (Initialized(threshold=threshold("$100")), fill(SELL, "0.5"))

    given(Position, "AAPL", *history).when(command).then(
        OffChainOrderPlaced(
            order_id=1, shares=shares("0.5"), side=BUY, broker="dry_run", trigger_reason=trigger, placed_at=AT
        )
    )


def test_no_order_is_placed_for_dollars_that_nobody_knows():
    # The reference never triggers on dollars; without a price neither do we.
    command = PlaceOffChainOrder(order_id=1, shares=shares(1), side=SELL, broker="dry_run", placed_at=AT)
    history = (Initialized(threshold=threshold("$1")), fill(BUY, 1000, price=None))

    given(Position, "AAPL", *history).when(command).then_refused(ThresholdNotMet, net=1000, threshold=threshold("$1"))


def test_a_later_price_can_make_a_hedge_due():
    state = position("0.4", at="$100", price="200")
    assert due(state, NINE) is None

    assert due(state.evolve(fill(BUY, "0.01", price="250", index=2)), NINE) == (SELL, "0.41")


def test_a_revert_can_make_a_hedge_due_the_other_way():
    state = filled_at_broker(position("2"), SELL, 2)
    assert due(state) is None

    gone = OnChainOrderReverted(trade=TradeId(TX, 1), side=BUY, amount=shares(2), block_number=100)
    assert due(state.evolve(gone)) == (BUY, "2")


# Exactness


def test_ten_tenths_are_one_share():
    tenths = [Initialized(threshold=ONE_SHARE), *(fill(BUY, "0.1", index=n) for n in range(10))]

    assert due(given(Position, "AAPL", *tenths[:-1]).state) is None
    assert due(given(Position, "AAPL", *tenths).state) == (SELL, "1")


def test_the_seventieth_digit_decides():
    nearly = "0." + "9" * 70
    state = position(nearly)
    assert due(state) is None
    assert due(position(nearly, at="$1", price="1"), NINE) is None

    last = fill(BUY, "0." + "0" * 69 + "1", price="1", index=2)
    assert state.evolve(last).net == 1
    assert due(state.evolve(last)) == (SELL, "1")
    assert due(position(nearly, at="$1", price="1").evolve(last), NINE) == (SELL, "1")


def test_a_decision_does_not_depend_on_the_context_of_its_thread():
    with decimal.localcontext(prec=5):
        state = position("123456.000000001", "123455.000000001")
        assert str(state.net) == "1.000000000"
        assert due(state) == (SELL, "1")
        assert due(position("0.9999999999")) is None
        assert due(position("123456.789012345", at="$1"), NINE) == (SELL, "123456.789012345")


def test_a_sum_that_would_drop_a_digit_is_an_error_and_no_position():
    with pytest.raises(decimal.Inexact):
        position("1E+200").evolve(fill(BUY, "1E-200", index=2))


amounts = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 10**70), st.integers(0, 70))


@settings(deadline=None)
@for_all(amounts, amounts, st.integers(0, 12))
def test_a_hedge_leaves_less_than_can_be_traded(long, short, digits):
    for at, decimals in ((ONE_SHARE, 0), (DollarThreshold(Decimal("0.000001")), digits)):
        state = given(Position, "AAPL", Initialized(threshold=at), fill(BUY, long), fill(SELL, short, index=2)).state
        net = Fraction(long) - Fraction(short)
        hedge = state.hedge_due(fractional_digits=digits)

        assert Fraction(state.net) == net
        if hedge is None:
            assert abs(net) < Fraction(1, 10**decimals) or abs(net) * 200 < Fraction(1, 10**6)
            continue
        after = filled_at_broker(state, hedge.side, hedge.shares)
        assert hedge.side is (SELL if net > 0 else BUY)
        assert 0 < hedge.shares <= abs(net)
        # No share that could be traded is left, and the hedge has not gone past zero.
        assert abs(Fraction(after.net)) < Fraction(1, 10**decimals)
        assert after.net * state.net >= 0
        # And it is one that can be placed.
        state.decide(
            PlaceOffChainOrder(order_id=1, shares=hedge.shares, side=hedge.side, broker="dry_run", placed_at=AT)
        )


# Orders that no threshold asks for.

MANUAL = ManualTrigger(net_position_shares=shares(0), actor="ada", reason="a split")


def by_hand(side, count, **changes):
    return PlaceOffChainOrder(
        order_id=1, shares=shares(count), side=side, broker="dry_run", placed_at=AT, unprompted=MANUAL, **changes
    )


def test_an_order_by_hand_needs_no_threshold_and_tells_who_asked():
    (placed,) = position("0.7").decide(by_hand(SELL, "0.7"))

    assert placed.trigger_reason == MANUAL
    assert position("0.7").evolve(placed).open_net == 0


@pytest.mark.parametrize(
    ("long", "side", "count", "error"),
    [("0.7", SELL, "0.8", WrongShares), ("0.7", BUY, "0.1", WrongSide), ("0", BUY, "1", WrongSide)],
)
def test_an_order_by_hand_that_would_raise_what_is_open_must_be_meant_so(long, side, count, error):
    with pytest.raises(error):
        position(long).decide(by_hand(side, count))

    assert position(long).decide(by_hand(side, count, may_raise=True))


def test_an_order_by_hand_waits_for_the_one_under_way():
    with pytest.raises(PendingExecution):
        position("2.5").evolve(order(SELL, 2)).decide(by_hand(SELL, 1, may_raise=True))


def test_an_order_that_stood_at_the_broker_is_taken_in_whatever_the_net_is():
    adopted = AdoptedTrigger(net_position_shares=shares(0), client_order_id="ht-test-1-1")
    command = PlaceOffChainOrder(
        order_id=1, shares=shares(4), side=BUY, broker="dry_run", placed_at=AT, unprompted=adopted
    )

    (placed,) = position("0").decide(command)

    assert placed.trigger_reason == adopted

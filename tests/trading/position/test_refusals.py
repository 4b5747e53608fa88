"""Refusals: what a position tells an operator when it says no, and the numbers just beside the ones it says no to."""

from decimal import Decimal

import pytest

from eventstore.testing import given
from tests.trading.position.test_aggregate import (
    AT,
    BUY,
    SELL,
    STARTED,
    bought,
    complete,
    followed,
    late,
    partly,
    pending,
    place,
    placed,
    report,
    revert,
    reverted,
    see,
    sold,
)
from trading.position.aggregate import NetMismatch, Position, WrongShares
from trading.position.commands import ApplyLateFill, Initialize, Migrate, PlaceOffChainOrder, Rebuild
from trading.position.events import ManualTrigger, OnChainOrderReverted, PendingOrder
from trading.position.remainders import moved
from trading.values.quantities import shares
from trading.values.thresholds import ONE_SHARE


def migrate(*, net=0, long=0, short=0, order=None):
    return Migrate(
        net_position=shares(net),
        accumulated_long=shares(long),
        accumulated_short=shares(short),
        threshold=ONE_SHARE,
        pending=order,
    )


def rebuild(bought):
    return Rebuild(
        onchain_bought=shares(bought),
        onchain_sold=shares(0),
        broker_bought=shares(0),
        broker_sold=shares(0),
        pending=None,
        reason="counted again",
    )


NEW, FOLLOWED = (), (STARTED,)
UNDER_WAY = (STARTED, bought(3), placed(1, SELL, 3))


@pytest.mark.parametrize(
    ("history", "command", "text"),
    [
        (NEW, see(BUY, 1), "AAPL has no threshold yet"),
        (FOLLOWED, Initialize(threshold=ONE_SHARE), "AAPL is followed with a threshold of 1 share"),
        (FOLLOWED, see(BUY, 0), "expected above zero shares, was 0"),
        (NEW, migrate(net=-1, long=-1), "AAPL: expected remainders of zero or more, was long -1, short 0"),
        (NEW, migrate(net=2, long=3, short=2), "AAPL: long 3 less short 2 is not the net of 2"),
        (
            (STARTED, bought("0.5")),
            place(1, SELL, "0.5"),
            "net position 0.5 has not reached the threshold of 1 share",
        ),
        (UNDER_WAY, place(2, SELL, 3), "order 1 is under way"),
        (UNDER_WAY, report(2, SELL, 1), "order 1 is under way, not 2"),
        (FOLLOWED, report(7, SELL, 1), "no order of AAPL is under way, so 7 can't be"),
        (UNDER_WAY, complete(1, BUY, 3), "order 1 is a SELL, its report a BUY"),
        ((*UNDER_WAY, partly(1, SELL, 2)), report(1, SELL, 1), "order 1 had filled 2, its report says 1"),
        ((STARTED, bought(3)), place(1, BUY, 3), "a net of 3 is hedged by a SELL, not by a BUY"),
        ((STARTED, sold(3)), place(1, SELL, 3), "a net of -3 is hedged by a BUY, not by a SELL"),
        ((STARTED, bought(3)), place(1, SELL, 4), "expected above zero and at most 3 shares, was 4"),
    ],
)
def test_a_refusal_tells_what_was_expected_and_what_was_found(history, command, text):
    assert str(given(Position, "AAPL", *history).when(command).error) == text


def test_nothing_is_hedged_of_a_net_of_zero_and_it_is_told():
    by_hand = ManualTrigger(net_position_shares=shares(0), actor="ada", reason="a split")
    order = PlaceOffChainOrder(
        order_id=1, shares=shares(1), side=BUY, broker="dry_run", placed_at=AT, unprompted=by_hand
    )

    assert str(followed().when(order).error) == "a net of 0 needs no hedge"


# Positions of an older installation


@pytest.mark.parametrize(("asked", "filled"), [("0", "0"), ("-1", "0"), ("1", "-0.5"), ("0", "1")])
def test_a_migrated_order_is_for_some_shares_and_has_filled_none_or_more(asked, filled):
    order = PendingOrder(order_id=1, side=SELL, shares=shares(asked), filled_shares=shares(filled))
    refused = given(Position, "AAPL").when(migrate(net=2, long=2, order=order)).then_refused(WrongShares)

    assert str(refused.error) == f"AAPL: the pending order can't be {order}"


@pytest.mark.parametrize(("asked", "filled"), [("0.1", "0"), ("0.5", "0.1"), ("1", "1")])
def test_a_migrated_order_of_any_shares_is_taken_over(asked, filled):
    order = PendingOrder(order_id=1, side=SELL, shares=shares(asked), filled_shares=shares(filled))

    given(Position, "AAPL").when(migrate(net=2, long=2, order=order)).then_state(pending=order)


@pytest.mark.parametrize(("long", "short"), [("0", "0.5"), ("0.5", "0"), ("0", "0")])
def test_a_remainder_of_zero_is_migrated(long, short):
    net = shares(long) - shares(short)
    given(Position, "AAPL").when(migrate(net=net, long=long, short=short)).then_state(net=net)


@pytest.mark.parametrize("net", ["0.9", "1.1"])
def test_a_net_is_long_less_short_in_both_directions(net):
    given(Position, "AAPL").when(migrate(net=net, long=1)).then_refused(NetMismatch)


# What is rebuilt


@pytest.mark.parametrize(
    ("history", "bought_now", "long", "short"),
    [
        # Only what the net moves by is moved, however small the remainders are.
        ((bought("2.5"), sold("0.5")), "2", "2.5", "0.5"),
        ((bought("2.5"), sold("0.5")), "1", "1.5", "0.5"),
        ((bought("0.5"), sold("0.25")), "0.25", "0.5", "0.25"),
    ],
)
def test_remainders_that_can_be_are_kept_when_sums_are_taken_over(history, bought_now, long, short):
    followed(*history).when(rebuild(bought_now)).then_state(
        accumulated_long=Decimal(long), accumulated_short=Decimal(short)
    )


def test_of_remainders_that_can_not_be_nothing_is_kept():
    # No event of ours makes one: a row was written by hand.
    broken = Position(
        symbol="AAPL", threshold=ONE_SHARE, accumulated_long=shares(-1), accumulated_short=shares(2), pending=None
    )
    (rebuilt,) = broken.decide(rebuild("1.5"))

    assert (rebuilt.accumulated_long, rebuilt.accumulated_short) == (Decimal("1.5"), 0)


def test_a_hundredth_of_a_share_is_a_fill():
    followed(bought(3)).when(see(BUY, "0.01", index=2)).then_state(net=Decimal("3.01"))
    followed(bought(3)).when(ApplyLateFill(**late(1, SELL, "0.01"))).then_state(net=Decimal("2.99"))


def test_an_order_that_filled_what_it_asked_for_leaves_nothing_open():
    filled = followed(bought(3), placed(1, SELL, 3), partly(1, SELL, 3))
    filled.then_state(net=0, open_net=0, pending=pending(1, SELL, 3, 3))


def test_what_it_does_not_know_stops_it():
    state = followed(bought(1)).state

    with pytest.raises(AssertionError, match="sell everything"):
        state.decide("sell everything")
    with pytest.raises(AssertionError, match="sold everything"):
        state.evolve("sold everything")


# The last price


def test_the_price_of_a_reverted_sale_goes_with_it_and_the_price_of_another_fill_stays():
    first, last = sold(1, price="200"), sold(1, price="210", block=101)

    followed(first, last).when(revert(last)).then_state(net=-1, last_price=None)
    assert followed(first, last, reverted(first)).state.last_price.price_usdc == 210


def test_a_fill_that_is_witnessed_again_in_its_place_brings_its_price():
    # Of an older installation's fill the block is not known, so taking it back took no price.
    first = bought(1, price="200")
    gone = OnChainOrderReverted(trade=first.trade, side=first.side, amount=first.amount, block_number=None)

    assert followed(first, gone).state.last_price.price_usdc == 200
    assert followed(first, gone, bought(1, price="210")).state.last_price.price_usdc == 210


# Remainders


@pytest.mark.parametrize(
    ("long", "short", "added", "after"),
    [
        ("2", "1", "0.5", ("2", "0.5")),
        ("2", "1", "1.5", ("2.5", "0")),
        ("2", "1", "-0.5", ("1.5", "1")),
        ("2", "1", "-2.5", ("0", "1.5")),
        ("2", "1", "0", ("2", "1")),
    ],
)
def test_what_moves_the_net_is_taken_from_the_remainder_that_stands_against_it(long, short, added, after):
    assert moved(shares(long), shares(short), shares(added)) == tuple(map(Decimal, after))

"""Position: the fills of both venues make a net, one order at a time hedges it, and a reorg takes fills back."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from eventstore.testing import Given, given
from trading.position.aggregate import (
    AlreadyInitialized,
    ExecutionIdMismatch,
    NetMismatch,
    NoPendingExecution,
    PendingExecution,
    Position,
    PositionError,
    ThresholdNotMet,
    Uninitialized,
    WrongShares,
    WrongSide,
)
from trading.position.commands import (
    AcknowledgeOnChainFill,
    ApplyLateFill,
    ApplyOffChainFill,
    CancelOffChainOrder,
    CompleteOffChainOrder,
    FailOffChainOrder,
    Initialize,
    Migrate,
    PlaceOffChainOrder,
    Rebuild,
    RevertOnChainFill,
    SetPosition,
    UpdateThreshold,
)
from trading.position.events import (
    Initialized,
    LastPrice,
    Migrated,
    OffChainOrderCancelled,
    OffChainOrderFailed,
    OffChainOrderFilled,
    OffChainOrderLateFilled,
    OffChainOrderPartiallyFilled,
    OffChainOrderPlaced,
    OnChainOrderFilled,
    OnChainOrderReverted,
    PendingOrder,
    PositionSet,
    Rebuilt,
    SharesTrigger,
    ThresholdUpdated,
)
from trading.values.arithmetic import add, subtract, total
from trading.values.identifiers import TradeId
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.thresholds import ONE_SHARE, threshold

AT = datetime(2025, 11, 3, 14, 30, tzinfo=UTC)
BUY, SELL = Side.BUY, Side.SELL
STARTED = Initialized(threshold=ONE_SHARE)
PRICE = Decimal("150.50")


def fill(side, amount, *, price="200", block=100, index=1):
    return {
        "trade": TradeId(f"0x{block:064x}", index),
        "side": side,
        "amount": shares(amount),
        "price_usdc": None if price is None else Decimal(price),
        "block_number": block,
        "block_timestamp": AT + timedelta(seconds=2 * block),
    }


def bought(amount, **facts):
    return OnChainOrderFilled(**fill(BUY, amount, **facts))


def sold(amount, **facts):
    return OnChainOrderFilled(**fill(SELL, amount, **facts))


def see(side, amount, **facts):
    return AcknowledgeOnChainFill(**fill(side, amount, **facts))


def reverted(event):
    return OnChainOrderReverted(
        trade=event.trade, side=event.side, amount=event.amount, block_number=event.block_number
    )


def revert(event):
    return RevertOnChainFill(trade=event.trade, side=event.side, amount=event.amount, block_number=event.block_number)


def place(number, side, count):
    return PlaceOffChainOrder(order_id=number, shares=shares(count), side=side, broker="dry_run", placed_at=AT)


def placed(number, side, count):
    """A placed order as it stands in a history, where its trigger is of no matter."""
    trigger = SharesTrigger(net_position_shares=shares(count), threshold_shares=shares(1))
    return OffChainOrderPlaced(
        order_id=number, shares=shares(count), side=side, broker="dry_run", trigger_reason=trigger, placed_at=AT
    )


def reported(number, side, filled):
    return {
        "order_id": number,
        "side": side,
        "shares_filled": shares(filled),
        "average_price_usd": PRICE,
        "broker_timestamp": AT,
    }


def report(number, side, filled):
    return ApplyOffChainFill(**reported(number, side, filled))


def partly(number, side, filled):
    return OffChainOrderPartiallyFilled(**reported(number, side, filled))


def complete(number, side, filled):
    return CompleteOffChainOrder(**reported(number, side, filled), broker_order_id="ORDER123")


def completed(number, side, filled):
    return OffChainOrderFilled(**reported(number, side, filled), broker_order_id="ORDER123")


def fail(number, filled=0):
    return FailOffChainOrder(order_id=number, shares_filled=shares(filled), error="Broker API timeout", failed_at=AT)


def cancel(number, filled):
    return CancelOffChainOrder(order_id=number, shares_filled=shares(filled), reason="by the operator", cancelled_at=AT)


def late(number, side, added):
    return {
        "order_id": number,
        "side": side,
        "shares_added": shares(added),
        "average_price_usd": PRICE,
        "broker_timestamp": AT,
    }


def position(*events, symbol="AAPL"):
    return given(Position, symbol, *events)


def followed(*events):
    return position(STARTED, *events)


def pending(number, side, count, filled=0):
    return PendingOrder(order_id=number, side=side, shares=shares(count), filled_shares=shares(filled))


# The beginning


def test_a_symbol_is_followed_from_its_first_threshold_on():
    position().when(Initialize(threshold=ONE_SHARE)).then(STARTED).then_state(
        symbol="AAPL", threshold=ONE_SHARE, net=0, pending=None, last_price=None
    )


@pytest.mark.parametrize(
    "command",
    [
        # The reference counts a fill under a threshold of one share that nobody set.
        see(BUY, "0.5"),
        revert(bought("0.5")),
        place(1, SELL, 1),
        UpdateThreshold(threshold=ONE_SHARE, reason="quieter"),
        ApplyLateFill(**late(1, SELL, 1)),
    ],
)
def test_nothing_is_counted_of_a_symbol_that_is_not_followed(command):
    position().when(command).then_refused(Uninitialized)


@pytest.mark.parametrize("command", [report(1, SELL, 1), complete(1, SELL, 1), fail(1), cancel(1, 0)])
def test_no_order_ends_where_none_is_under_way(command):
    position().when(command).then_refused(NoPendingExecution)
    followed().when(command).then_refused(NoPendingExecution)
    followed(bought("1.5"), placed(1, SELL, 1), completed(1, SELL, 1)).when(command).then_refused(NoPendingExecution)


TSLA = {
    "net_position": shares(-2),
    "accumulated_long": shares(3),
    "accumulated_short": shares(5),
    "threshold": threshold("2 shares"),
}
NVDA = {
    "net_position": shares("1.5"),
    "accumulated_long": shares("1.5"),
    "accumulated_short": shares(0),
    "threshold": ONE_SHARE,
}


def test_a_position_is_migrated_once():
    position(symbol="TSLA").when(Migrate(**TSLA)).then(Migrated(**TSLA)).then_state(
        net=-2, accumulated_long=3, accumulated_short=5, threshold=threshold("2 shares")
    )
    # The reference migrates as often as it is told to, and forgets what was there.
    position(Migrated(**TSLA), symbol="TSLA").when(Migrate(**TSLA)).then_refused(AlreadyInitialized)
    followed().when(Migrate(**TSLA)).then_refused(AlreadyInitialized)
    position(Migrated(**TSLA), symbol="TSLA").when(Initialize(threshold=ONE_SHARE)).then_refused(AlreadyInitialized)
    followed().when(Initialize(threshold=ONE_SHARE)).then_refused(AlreadyInitialized)


def test_a_migrated_position_goes_on():
    position(Migrated(**NVDA), symbol="NVDA").when(see(BUY, "0.5")).then(bought("0.5")).then_state(net=2)


def test_a_migrated_position_brings_its_order_and_its_price():
    price = LastPrice(price_usdc=Decimal(200), block_timestamp=AT, block_number=100, log_index=1)
    whole = NVDA | {"pending": pending(1, SELL, 1, "0.5"), "last_price": price}

    brought = position(symbol="NVDA").when(Migrate(**whole)).then(Migrated(**whole))
    brought.then_state(pending=pending(1, SELL, 1, "0.5"), last_price=price, open_net=1)
    Given(brought.state).when(complete(1, SELL, 1)).then_state(net=1, pending=None)


def test_a_migrated_net_is_long_less_short():
    position().when(Migrate(**TSLA | {"net_position": shares(2)})).then_refused(NetMismatch)


# What an operator asserts


def test_a_net_is_set_with_a_reason_and_told_apart_from_what_fills_add_up_to():
    counted = SetPosition(target_net=shares("-1"), reason="counted at the broker")

    followed(bought("2.5")).when(counted).then(
        PositionSet(previous_net=shares("2.5"), target_net=shares(-1), reason="counted at the broker")
    ).then_state(
        net=-1, adjusted=Decimal("-3.5"), accumulated_long=0, accumulated_short=1, onchain_bought=Decimal("2.5")
    )


def test_the_net_that_it_is_already_is_no_event():
    followed(bought("2.5")).when(SetPosition(target_net=shares("2.5"), reason="counted")).then()


def test_a_net_is_not_set_while_an_order_under_way_may_change_it():
    command = SetPosition(target_net=shares(0), reason="counted")

    followed(bought(2), placed(1, SELL, 2)).when(command).then_refused(PendingExecution, order_id=1)
    followed(bought(2), placed(1, SELL, 2), completed(1, SELL, 2)).when(command).then()
    position().when(command).then_refused(Uninitialized)


def test_a_position_that_was_set_is_hedged_and_filled_as_any_other():
    told = followed(PositionSet(previous_net=shares(0), target_net=shares(3), reason="counted"))

    told.then_state(net=3, adjusted=3)
    told.when(see(SELL, 1)).then_state(net=2, adjusted=3, onchain_sold=1)


SUMS = {
    "onchain_bought": shares(5),
    "onchain_sold": shares(1),
    "broker_bought": shares(0),
    "broker_sold": shares(2),
    "pending": None,
    "reason": "sums were wrong",
}


@pytest.mark.parametrize(
    ("history", "long", "short"),
    [
        # What is right already stays as it is, and what is not is moved as a fill would move it.
        ((bought(5), sold(1), placed(1, SELL, 2), completed(1, SELL, 2)), 3, 1),
        ((bought(4), sold(1), placed(1, SELL, 2), completed(1, SELL, 2)), 2, 0),
        ((bought(6),), 2, 0),
        ((sold(7),), 2, 0),
    ],
)
def test_sums_are_taken_over_and_the_remainders_follow(history, long, short):
    rebuilt = Rebuilt(accumulated_long=shares(long), accumulated_short=shares(short), **SUMS)

    followed(*history).when(Rebuild(**SUMS)).then(rebuilt).then_state(
        net=2, onchain_bought=5, onchain_sold=1, broker_sold=2, pending=None, threshold=ONE_SHARE
    )


def test_what_was_set_stays_part_of_a_rebuilt_net():
    set_by_hand = PositionSet(previous_net=shares(0), target_net=shares(3), reason="counted")

    followed(set_by_hand).when(Rebuild(**SUMS)).then_state(net=5, adjusted=3)


def test_the_order_under_way_is_taken_over_too():
    under_way = SUMS | {"pending": pending(4, SELL, 2, 1)}

    followed(bought(2)).when(Rebuild(**under_way)).then_state(pending=pending(4, SELL, 2, 1))
    position().when(Rebuild(**SUMS)).then_refused(Uninitialized)


# Fills on chain


def test_a_buy_makes_us_longer_and_a_sell_shorter():
    followed().when(see(BUY, "0.5")).then(bought("0.5")).then_state(
        net=Decimal("0.5"), accumulated_long=Decimal("0.5"), accumulated_short=0, onchain_bought=Decimal("0.5")
    )
    followed(bought("0.5")).when(see(SELL, 2)).then(sold(2)).then_state(
        net=Decimal("-1.5"), accumulated_long=Decimal("0.5"), accumulated_short=2, onchain_sold=2
    )


@pytest.mark.parametrize("amount", ["0", "-0.5"])
def test_a_fill_is_of_some_shares(amount):
    followed().when(see(BUY, amount)).then_refused(WrongShares)
    followed().when(revert(bought(amount))).then_refused(WrongShares)
    followed().when(ApplyLateFill(**late(1, BUY, amount))).then_refused(WrongShares)


def test_a_fill_without_a_price_moves_exposure_and_no_price():
    followed(bought(1, price="200")).when(see(SELL, "2.5", price=None, block=101)).then_state(
        net=Decimal("-1.5"), last_price=LastPrice(**price_of(bought(1, price="200")))
    )
    followed().when(see(BUY, 1, price=None)).then_state(net=1, last_price=None)


def price_of(event):
    return {
        "price_usdc": event.price_usdc,
        "block_timestamp": event.block_timestamp,
        "block_number": event.block_number,
        "log_index": event.trade.log_index,
    }


@pytest.mark.parametrize(
    ("arrivals", "last"),
    [
        ([("100", 10, 1), ("101", 11, 1)], "101"),
        # The newer fill arrived first, as it does when blocks are read again.
        ([("101", 11, 1), ("100", 10, 1)], "101"),
        # Blocks go before logs, and both are numbers.
        ([("101", 11, 1), ("100", 10, 99)], "101"),
        ([("101", 100, 1), ("100", 99, 1)], "101"),
        ([("101", 10, 10), ("100", 10, 9)], "101"),
        ([("100", 10, 9), ("101", 10, 10)], "101"),
        ([("101", 12, 1), ("100", 10, 1), ("99", 11, 1)], "101"),
        # A fill without a price says nothing, however new it is.
        ([("101", 10, 1), (None, 11, 1)], "101"),
        ([(None, 11, 1), ("101", 10, 1)], "101"),
    ],
)
def test_the_last_price_is_the_newest_by_chain_order(arrivals, last):
    fills = [bought("0.1", price=price, block=block, index=index) for price, block, index in arrivals]

    assert followed(*fills).state.last_price.price_usdc == Decimal(last)


@settings(deadline=None)
@for_all(st.permutations([bought(1, price=None if n % 4 == 3 else n, block=n // 3, index=n % 3) for n in range(1, 12)]))
def test_the_order_of_arrival_changes_nothing(fills):
    told = followed(*fills)

    told.then_state(net=11, last_price=LastPrice(**price_of(bought(1, price=10, block=3, index=1))))


# Reorgs


@pytest.mark.parametrize("event", [bought("1.5", block=101), sold("1.5", block=101)])
@pytest.mark.parametrize("before", [(), (bought(1),), (sold(3),), (bought(1), sold("0.75", index=2))])
def test_a_reverted_fill_is_as_if_it_had_not_been(before, event):
    was = followed(*before).state

    followed(*before, event).when(revert(event)).then(reverted(event)).then_state(
        net=was.net,
        accumulated_long=was.accumulated_long,
        accumulated_short=was.accumulated_short,
        onchain_bought=was.onchain_bought,
        onchain_sold=was.onchain_sold,
    )


def test_a_hedge_outlives_the_fill_it_was_for():
    # What was sold against the buy is now a short of ours, and the next hedge buys it back.
    hedged = (bought(2), placed(1, SELL, 2), completed(1, SELL, 2))

    followed(*hedged).then_state(net=0, accumulated_long=0, accumulated_short=0)
    followed(*hedged).when(revert(bought(2))).then_state(
        net=-2, accumulated_long=0, accumulated_short=2, onchain_bought=0, broker_sold=2
    )


def test_a_fill_is_reverted_while_its_hedge_is_under_way():
    followed(bought(2), placed(1, SELL, 2)).when(revert(bought(2))).then_state(
        net=0, open_net=-2, pending=pending(1, SELL, 2)
    )


def test_a_fill_comes_back_in_another_block():
    first, second = bought(2, block=100), bought(2, block=101)

    followed(first, reverted(first)).when(see(BUY, 2, block=101)).then(second).then_state(net=2, onchain_bought=2)


amounts = st.one_of(
    st.sampled_from([Decimal(text) for text in ("0.1", "0.5", "1", "2.5")]),
    st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 10**70), st.integers(0, 70)),
)
sides = st.sampled_from(Side)


@settings(deadline=None)
@for_all(st.lists(st.tuples(sides, amounts, st.booleans()), max_size=12), st.randoms(use_true_random=False))
def test_a_position_is_that_of_the_fills_that_stand(fills, random):
    """Each fill is reverted or not, at some time after it was counted: what is left is the sum of the others."""
    events = []
    for n, (side, amount, stands) in enumerate(fills):
        event = OnChainOrderFilled(**fill(side, amount, block=n))
        events.append(event)
        if not stands:
            events.insert(random.randint(events.index(event) + 1, len(events)), reverted(event))
    bought_total = total([amount for side, amount, stands in fills if stands and side is BUY])
    sold_total = total([amount for side, amount, stands in fills if stands and side is SELL])

    followed(*events).then_state(
        net=subtract(bought_total, sold_total),
        accumulated_long=bought_total,
        accumulated_short=sold_total,
        onchain_bought=bought_total,
        onchain_sold=sold_total,
    )


# The order under way


def test_an_order_is_placed_with_the_reason_that_triggered_it():
    followed(bought("0.6"), bought("0.5", index=2)).when(place(1, SELL, 1)).then(
        OffChainOrderPlaced(
            order_id=1,
            shares=shares(1),
            side=SELL,
            broker="dry_run",
            trigger_reason=SharesTrigger(net_position_shares=shares("1.1"), threshold_shares=shares(1)),
            placed_at=AT,
        )
    ).then_state(net=Decimal("1.1"), pending=pending(1, SELL, 1), open_net=Decimal("0.1"))


def test_no_order_is_placed_below_the_threshold():
    followed(bought("0.5")).when(place(1, SELL, 1)).then_refused(
        ThresholdNotMet, net=Decimal("0.5"), threshold=ONE_SHARE
    )
    followed(sold("0.999")).when(place(1, BUY, 1)).then_refused(
        ThresholdNotMet, net=Decimal("-0.999"), threshold=ONE_SHARE
    )


def test_a_second_order_waits_for_the_end_of_the_first():
    followed(bought("1.5"), placed(1, SELL, 1)).when(place(2, SELL, 1)).then_refused(PendingExecution, order_id=1)
    # Also where the exposure grew past the threshold once more.
    followed(bought("1.5"), placed(1, SELL, 1), bought(5, index=2)).when(place(2, SELL, 5)).then_refused(
        PendingExecution, order_id=1
    )


@pytest.mark.parametrize(("event", "side"), [(bought(2), BUY), (sold(2), SELL)])
def test_no_order_adds_to_the_exposure(event, side):
    # The reference places it: a wrong side would double what it should have ended.
    followed(event).when(place(1, side, 1)).then_refused(WrongSide)


@pytest.mark.parametrize("count", ["0", "-1", "2.000000001", "3"])
def test_no_order_is_for_more_than_the_exposure_or_for_nothing(count):
    followed(bought(2)).when(place(1, SELL, count)).then_refused(WrongShares)


@pytest.mark.parametrize("count", ["0.000000001", "1", "1.5", "2"])
def test_an_order_is_for_the_exposure_or_less(count):
    followed(bought(2)).when(place(1, SELL, count)).then_state(pending=pending(1, SELL, count))


@pytest.mark.parametrize(
    ("event", "side", "count", "net"),
    [
        (bought("1.5"), SELL, "1", "0.5"),
        (bought(2), SELL, "1.5", "0.5"),
        (sold(2), BUY, "1.5", "-0.5"),
    ],
)
def test_a_filled_order_takes_from_the_exposure(event, side, count, net):
    followed(event, placed(1, side, count)).when(complete(1, side, count)).then(completed(1, side, count)).then_state(
        net=Decimal(net), pending=None, last_price=LastPrice(**price_of(event))
    )


@pytest.mark.parametrize("command", [report(2, SELL, 1), complete(2, SELL, 1), fail(2), cancel(2, 0)])
def test_another_order_than_the_one_under_way_can_not_end(command):
    followed(bought("1.5"), placed(1, SELL, 1)).when(command).then_refused(ExecutionIdMismatch, expected=1, actual=2)


@pytest.mark.parametrize("command", [report(1, BUY, 1), complete(1, BUY, 1)])
def test_a_report_of_the_other_side_is_of_another_order(command):
    followed(bought("1.5"), placed(1, SELL, 1)).when(command).then_refused(WrongSide)


@pytest.mark.parametrize("filled", ["0.4", "-1", "0"])
@pytest.mark.parametrize(
    "command",
    [
        lambda filled: report(1, SELL, filled),
        lambda filled: complete(1, SELL, filled),
        lambda filled: fail(1, filled),
        lambda filled: cancel(1, filled),
    ],
)
def test_what_was_filled_stays_filled(command, filled):
    followed(bought("1.5"), placed(1, SELL, 1), partly(1, SELL, "0.5")).when(command(filled)).then_refused(WrongShares)


def test_a_failed_order_leaves_the_exposure_to_the_next():
    unfilled = followed(bought("1.5"), placed(1, SELL, 1)).when(fail(1))
    unfilled.then(
        OffChainOrderFailed(order_id=1, side=SELL, shares_filled=shares(0), error="Broker API timeout", failed_at=AT)
    )
    unfilled.then_state(net=Decimal("1.5"), accumulated_long=Decimal("1.5"), pending=None)

    Given(unfilled.state).when(place(2, SELL, 1)).then(
        OffChainOrderPlaced(
            order_id=2,
            shares=shares(1),
            side=SELL,
            broker="dry_run",
            trigger_reason=SharesTrigger(net_position_shares=shares("1.5"), threshold_shares=shares(1)),
            placed_at=AT,
        )
    )


def test_a_cancelled_order_keeps_what_it_filled():
    followed(bought(3), placed(1, SELL, 3), partly(1, SELL, 1)).when(cancel(1, "1.25")).then(
        OffChainOrderCancelled(
            order_id=1, side=SELL, shares_filled=shares("1.25"), reason="by the operator", cancelled_at=AT
        )
    ).then_state(net=Decimal("1.75"), open_net=Decimal("1.75"), pending=None, broker_sold=Decimal("1.25"))


def test_a_failed_order_keeps_what_it_filled():
    followed(sold(3), placed(1, BUY, 3), partly(1, BUY, 1)).when(fail(1, 2)).then_state(
        net=-1, pending=None, broker_bought=2
    )


def test_reports_are_cumulative_and_the_net_moves_by_the_difference():
    told = followed(bought(3), placed(1, SELL, 3))
    for filled, net in [("0.5", "2.5"), ("1.25", "1.75"), ("3", "0")]:
        decided = told.when(report(1, SELL, filled)).then(partly(1, SELL, filled))
        decided.then_state(
            net=Decimal(net), open_net=0, broker_sold=Decimal(filled), pending=pending(1, SELL, 3, filled)
        )
        told = Given(decided.state)

    # All of it is filled, and yet the order is under way until its end is told.
    told.when(complete(1, SELL, 3)).then_state(net=0, broker_sold=3, pending=None)


def test_the_same_report_again_moves_nothing():
    followed(bought(3), placed(1, SELL, 3), partly(1, SELL, 1)).when(report(1, SELL, 1)).then()
    followed(bought(3), placed(1, SELL, 3)).when(report(1, SELL, 0)).then()


def test_what_is_open_is_the_net_with_the_order_counted_as_done():
    followed(bought("2.5")).then_state(net=Decimal("2.5"), open_net=Decimal("2.5"))
    followed(bought("2.5"), placed(1, SELL, 2)).then_state(net=Decimal("2.5"), open_net=Decimal("0.5"))
    followed(bought("2.5"), placed(1, SELL, 2), partly(1, SELL, "0.75")).then_state(
        net=Decimal("1.75"), open_net=Decimal("0.5")
    )
    followed(sold("2.5"), placed(1, BUY, 2)).then_state(net=Decimal("-2.5"), open_net=Decimal("-0.5"))
    # Filled beyond what was asked for, nothing of it remains.
    followed(bought("2.5"), placed(1, SELL, 2), partly(1, SELL, 3)).then_state(
        net=Decimal("-0.5"), open_net=Decimal("-0.5")
    )


def test_an_over_fill_goes_over_to_the_other_side():
    followed(bought(1), placed(1, SELL, 1)).when(complete(1, SELL, "1.5")).then_state(
        net=Decimal("-0.5"), accumulated_long=0, accumulated_short=Decimal("0.5"), broker_sold=Decimal("1.5")
    )


def test_a_late_fill_is_counted_whatever_is_under_way():
    ended = (bought(3), placed(1, SELL, 3), completed(1, SELL, 1))

    followed(*ended).when(ApplyLateFill(**late(1, SELL, "0.5"))).then(
        OffChainOrderLateFilled(**late(1, SELL, "0.5"))
    ).then_state(net=Decimal("1.5"), broker_sold=Decimal("1.5"), pending=None)
    followed(*ended, placed(2, SELL, 2)).when(ApplyLateFill(**late(1, SELL, "0.5"))).then_state(
        net=Decimal("1.5"), open_net=Decimal("-0.5"), pending=pending(2, SELL, 2)
    )


def test_no_fill_of_the_order_under_way_is_late():
    followed(bought(3), placed(1, SELL, 3)).when(ApplyLateFill(**late(1, SELL, 1))).then_refused(
        PendingExecution, order_id=1
    )


# The threshold


def test_a_threshold_is_changed_for_a_reason():
    five = threshold("5 shares")

    followed().when(UpdateThreshold(threshold=five, reason="fewer orders")).then(
        ThresholdUpdated(old_threshold=ONE_SHARE, new_threshold=five, reason="fewer orders")
    ).then_state(threshold=five)
    followed(bought(2)).when(UpdateThreshold(threshold=ONE_SHARE, reason="the same")).then()


def test_a_changed_threshold_holds_from_the_next_order_on():
    five = ThresholdUpdated(old_threshold=ONE_SHARE, new_threshold=threshold("5 shares"), reason="fewer orders")

    followed(bought(2), placed(1, SELL, 2), five).when(complete(1, SELL, 2)).then_state(net=0)
    followed(bought(2), five).when(place(1, SELL, 2)).then_refused(
        ThresholdNotMet, net=2, threshold=threshold("5 shares")
    )


# Totality

numbers = st.sampled_from([1, 1, 1, 2])
counts = st.sampled_from([Decimal(text) for text in ("-1", "0", "0.5", "1", "1", "1.5", "2", "3")]) | amounts
thresholds = st.sampled_from([ONE_SHARE, threshold("0.5 shares"), threshold("$100"), threshold("2 shares")])
prices = st.none() | st.decimals(min_value=0, max_value=1000, places=30)
blocks = st.integers(1, 5)
fills = {
    "trade": st.builds(TradeId, st.just(f"0x{'ab' * 32}"), st.integers(0, 3)),
    "side": sides,
    "amount": counts,
}
priced_fills = fills | {"price_usdc": prices, "block_number": blocks, "block_timestamp": st.just(AT)}
reports = {
    "order_id": numbers,
    "side": sides,
    "shares_filled": counts,
    "average_price_usd": prices,
    "broker_timestamp": st.just(AT),
}
late_reports = {name: strategy for name, strategy in reports.items() if name != "shares_filled"}
placements = {
    "order_id": numbers,
    "shares": counts,
    "side": sides,
    "broker": st.just("dry_run"),
    "placed_at": st.just(AT),
}
commands = st.one_of(
    st.builds(Initialize, threshold=thresholds),
    st.builds(UpdateThreshold, threshold=thresholds, reason=st.just("quieter")),
    st.builds(AcknowledgeOnChainFill, **priced_fills),
    st.builds(RevertOnChainFill, block_number=st.none() | blocks, **fills),
    st.builds(PlaceOffChainOrder, **placements),
    st.builds(ApplyOffChainFill, **reports),
    st.builds(CompleteOffChainOrder, broker_order_id=st.just("B-1"), **reports),
    st.builds(
        FailOffChainOrder, order_id=numbers, shares_filled=counts, error=st.just("expired"), failed_at=st.just(AT)
    ),
    st.builds(
        CancelOffChainOrder, order_id=numbers, shares_filled=counts, reason=st.just("told to"), cancelled_at=st.just(AT)
    ),
    st.builds(ApplyLateFill, shares_added=counts, **late_reports),
    st.builds(SetPosition, target_net=amounts | amounts.map(Decimal.copy_negate), reason=st.just("counted by hand")),
)
migrations = st.builds(
    lambda long, short, threshold, order: Migrate(
        net_position=subtract(long, short),
        accumulated_long=long,
        accumulated_short=short,
        threshold=threshold,
        pending=order,
    ),
    amounts,
    amounts,
    thresholds,
    st.none() | st.builds(PendingOrder, order_id=numbers, side=sides, shares=amounts),
)
triggers = st.just(SharesTrigger(net_position_shares=shares(1), threshold_shares=shares(1)))
events = st.one_of(
    st.builds(Initialized, threshold=thresholds),
    st.builds(OnChainOrderFilled, **priced_fills),
    st.builds(OnChainOrderReverted, block_number=st.none() | blocks, **fills),
    st.builds(OffChainOrderPlaced, trigger_reason=triggers, **placements),
    st.builds(OffChainOrderPartiallyFilled, **reports),
    st.builds(OffChainOrderFilled, broker_order_id=st.just("B-1"), **reports),
    st.builds(
        OffChainOrderFailed,
        order_id=numbers,
        side=sides,
        shares_filled=counts,
        error=st.just("expired"),
        failed_at=st.just(AT),
    ),
    st.builds(
        OffChainOrderCancelled,
        order_id=numbers,
        side=sides,
        shares_filled=counts,
        reason=st.just("told to"),
        cancelled_at=st.just(AT),
    ),
    st.builds(OffChainOrderLateFilled, shares_added=counts, **late_reports),
    st.builds(ThresholdUpdated, old_threshold=thresholds, new_threshold=thresholds, reason=st.just("quieter")),
    migrations.map(lambda migration: Migrated(**msgspec.structs.asdict(migration))),
    st.builds(PositionSet, previous_net=counts, target_net=counts, reason=st.just("counted by hand")),
)


# Commands alone seldom come as far as an order that is filled in parts.
beginnings = st.sampled_from(
    [
        (),
        (bought(3),),
        (bought(3), placed(1, SELL, 3)),
        (bought(3), placed(1, SELL, 3), partly(1, SELL, "0.5")),
        (sold("2.5"), placed(1, BUY, 2), partly(1, BUY, "0.5")),
        (sold("2.5"), placed(1, BUY, 2), completed(1, BUY, 2)),
        (bought(3), placed(1, SELL, 3), reverted(bought(3))),
    ]
)


@settings(deadline=None, max_examples=300)
@for_all(thresholds, beginnings, st.lists(commands, min_size=1, max_size=25))
def test_any_commands_end_in_events_or_a_refusal_and_the_account_is_right(threshold, beginning, commands):
    told = position(Initialized(threshold=threshold), *beginning)
    for command in commands:
        decided = told.when(command)

        assert decided.error is None or isinstance(decided.error, PositionError)
        before, after = told.state, decided.state
        assert after.accumulated_long >= 0
        assert after.accumulated_short >= 0
        assert after.net == subtract(after.accumulated_long, after.accumulated_short)
        fills = add(
            subtract(after.onchain_bought, after.onchain_sold), subtract(after.broker_bought, after.broker_sold)
        )
        assert after.net == add(fills, after.adjusted)
        # What a broker filled is never taken back, and one order at a time is under way.
        assert after.broker_bought >= before.broker_bought
        assert after.broker_sold >= before.broker_sold
        if before.pending and after.pending:
            assert after.pending.order_id == before.pending.order_id
            assert after.pending.shares == before.pending.shares
            assert after.pending.filled_shares >= before.pending.filled_shares
        told = Given(after)


@settings(deadline=None)
@for_all(migrations, st.lists(commands, max_size=10))
def test_any_commands_after_a_migration_end_in_events_or_a_refusal(migration, commands):
    told = position()
    for command in [migration, *commands]:
        decided = told.when(command)

        assert decided.error is None or isinstance(decided.error, PositionError)
        assert decided.state.threshold is not None
        assert decided.state.accumulated_long >= 0
        assert decided.state.accumulated_short >= 0
        told = Given(decided.state)


@settings(deadline=None)
@for_all(st.lists(events, max_size=12))
def test_any_events_make_a_state(events):
    assert position(*events).state.symbol == "AAPL"


def test_the_price_of_a_reverted_fill_goes_with_it():
    # What was the last price before it is not kept: until the next fill no threshold in dollars is reached.
    gone = bought(1, price="999", block=101)
    reverts = followed(bought(1, price="200"), gone).when(revert(gone)).then(reverted(gone))
    reverts.then_state(last_price=None, net=1)

    earlier = bought(1, price="210", index=5)
    followed(bought(1, price="200"), gone, reverted(gone)).when(see(BUY, 1, price="210", index=5)).then(earlier)
    assert followed(gone, reverted(gone), earlier).state.last_price.price_usdc == 210


def test_the_price_of_another_fill_stays_after_a_revert():
    first, second = bought(1, price="200"), bought(1, price="210", block=101)

    followed(first, second).when(revert(first)).then(reverted(first))

    assert followed(first, second, reverted(first)).state.last_price.price_usdc == 210


@pytest.mark.parametrize(("long", "short"), [("-1", "0"), ("0", "-1")])
def test_a_migrated_position_has_no_remainder_below_zero(long, short):
    given(Position, "AAPL").when(
        Migrate(
            net_position=shares(long) - shares(short),
            accumulated_long=shares(long),
            accumulated_short=shares(short),
            threshold=ONE_SHARE,
        )
    ).then_refused(NetMismatch)

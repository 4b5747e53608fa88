"""Allocation: an order covers the fills it hedges, oldest first and exactly; the rest is netted, or is nobody's."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from trading.ledger.allocation import Allocation, Cover, Netting, OpenTrade, allocate, cover, covered_shares, released
from trading.position.aggregate import Position
from trading.position.events import Initialized, OffChainOrderLateFilled, OnChainOrderFilled
from trading.values.identifiers import TradeId
from trading.values.sides import Side
from trading.values.symbols import base_symbol
from trading.values.thresholds import ONE_SHARE

BUY, SELL = Side.BUY, Side.SELL
AT = datetime(2025, 11, 3, 14, 30, tzinfo=UTC)


def trades(*fills):
    """`SELL 0.5` and so on, in chain order; the first is t1."""
    return [
        OpenTrade(f"t{n}", Side(side), Decimal(amount))
        for n, (side, amount) in enumerate((fill.split() for fill in fills), 1)
    ]


def covers(**shares):
    return [Cover(trade, Decimal(amount)) for trade, amount in shares.items()]


def hedge(fills):
    """Count fills until a hedge is due. Return the hedge, what it is placed for, and the position once it is filled."""
    position = Position.initial("AAPL").evolve(Initialized(threshold=ONE_SHARE))
    for n, fill in enumerate(fills, 1):
        assert position.hedge_due(fractional_digits=None) is None, "a hedge was due before the last fill"
        position = position.evolve(
            OnChainOrderFilled(
                trade=TradeId(f"0x{n:064x}", 1),
                side=fill.side,
                amount=fill.unlinked_shares,
                price_usdc=Decimal(200),
                block_number=n,
                block_timestamp=AT,
            )
        )
    due = position.hedge_due(fractional_digits=None)
    if due is None:
        return None, None, position
    allocation = allocate(fills, order_side=due.side, shares=due.shares)
    filled = OffChainOrderLateFilled(
        order_id=1, side=due.side, shares_added=due.shares, average_price_usd=None, broker_timestamp=AT
    )
    return f"{due.side} {due.shares}", allocation, position.evolve(filled)


@pytest.mark.parametrize(
    ("fills", "order", "covered", "long", "short"),
    [
        # The remainders are those after the order filled; the reference takes from them when it places the order.
        pytest.param(["SELL 0.5"], None, {}, "0", "0.5", id="V1: too little to hedge"),
        pytest.param(["SELL 1.5"], "BUY 1", {"t1": "1"}, "0", "0.5", id="V2: one fill is enough"),
        pytest.param(
            ["SELL 0.3", "SELL 0.4", "SELL 0.4"],
            "BUY 1",
            {"t1": "0.3", "t2": "0.4", "t3": "0.3"},
            "0",
            "0.1",
            id="V3: the third fill reaches it",
        ),
        pytest.param(
            ["SELL 0.3", "SELL 0.5", "SELL 0.4"],
            "BUY 1",
            {"t1": "0.3", "t2": "0.5", "t3": "0.2"},
            "0",
            "0.2",
            id="V4: the newest gives what is still needed",
        ),
        pytest.param(
            ["BUY 0.3", "BUY 0.4", "BUY 0.5"],
            "SELL 1",
            {"t1": "0.3", "t2": "0.4", "t3": "0.3"},
            "0.2",
            "0",
            id="V5: buys are hedged by a sale",
        ),
        pytest.param(["SELL 0.4", "SELL 0.8"], "BUY 1", {"t1": "0.4", "t2": "0.6"}, "0", "0.2", id="V6"),
        pytest.param(["BUY 1.2"], "SELL 1", {"t1": "1"}, "0.2", "0", id="V7"),
        pytest.param(["SELL 0.8", "SELL 0.3"], "BUY 1", {"t1": "0.8", "t2": "0.2"}, "0", "0.1", id="V8"),
        # Two symbols are two positions, and their fills never meet.
        pytest.param(["BUY 1.5"], "SELL 1", {"t1": "1"}, "0.5", "0", id="V9: the first symbol"),
        pytest.param(["SELL 1.5"], "BUY 1", {"t1": "1"}, "0", "0.5", id="V9: the second symbol"),
        pytest.param(
            ["SELL 0.6", "SELL 0.3", "SELL 0.2"],
            "BUY 1",
            {"t1": "0.6", "t2": "0.3", "t3": "0.1"},
            "0",
            "0.1",
            id="V10: three tokens of one share",
        ),
        pytest.param(
            ["SELL 0.8", "BUY 0.5", "SELL 0.9"],
            "BUY 1",
            {"t1": "0.8", "t3": "0.2"},
            "0.5",
            "0.7",
            id="V16: a fill of the other side in between",
        ),
    ],
)
def test_an_order_is_placed_for_the_oldest_fills(fills, order, covered, long, short):
    placed, allocation, after = hedge(trades(*fills))

    assert placed == order
    assert (after.accumulated_long, after.accumulated_short) == (Decimal(long), Decimal(short))
    if order is not None:
        assert allocation.covers == covers(**covered)
        assert allocation.unallocated_shares == 0


def test_the_three_tokens_of_a_share_make_one_position():
    assert {base_symbol(token) for token in ("GME0x", "GMEs1", "tGME")} == {"GME"}


@pytest.mark.parametrize(
    ("fills", "side", "shares", "expected"),
    [
        # V16: the rest of the newest sale meets the buy, and 0.2 short stay open.
        (
            ["SELL 0.8", "BUY 0.5", "SELL 0.9"],
            BUY,
            "1",
            Allocation(covers(t1="0.8", t3="0.2"), [Netting("t3", "t2", Decimal("0.5"))], Decimal(0)),
        ),
        # Oldest first, on both sides.
        (
            ["BUY 0.2", "SELL 2", "BUY 0.3", "SELL 0.4", "SELL 0.6"],
            BUY,
            "2",
            Allocation(
                covers(t2="2"),
                [
                    Netting("t4", "t1", Decimal("0.2")),
                    Netting("t4", "t3", Decimal("0.2")),
                    Netting("t5", "t3", Decimal("0.1")),
                ],
                Decimal(0),
            ),
        ),
        # One of the other side is netted with several.
        (
            ["SELL 1", "SELL 0.25", "SELL 0.25", "BUY 0.5"],
            BUY,
            "1",
            Allocation(
                covers(t1="1"),
                [Netting("t2", "t4", Decimal("0.25")), Netting("t3", "t4", Decimal("0.25"))],
                Decimal(0),
            ),
        ),
        # Nothing to net with: the other side's rest waits for the next order.
        (["BUY 3", "SELL 1"], BUY, "1", Allocation(covers(t2="1"), [], Decimal(0))),
        # After a reorg, an over-fill, a set or a migration there may be less than the order is for.
        (["SELL 0.4"], BUY, "1", Allocation(covers(t1="0.4"), [], Decimal("0.6"))),
        ([], SELL, "2", Allocation([], [], Decimal(2))),
        (["SELL 5"], SELL, "2", Allocation([], [], Decimal(2))),
        (["SELL 0.4", "BUY 1"], BUY, "1", Allocation(covers(t1="0.4"), [], Decimal("0.6"))),
        # A fill that is used up gives nothing.
        (["SELL 0", "SELL 1", "BUY 0"], BUY, "1", Allocation(covers(t2="1"), [], Decimal(0))),
        # The reference forgets what is below a thousandth; nothing of ours is.
        (
            ["SELL 0.0005", "SELL 0.9996"],
            BUY,
            "1",
            Allocation(covers(t1="0.0005", t2="0.9995"), [], Decimal(0)),
        ),
    ],
)
def test_what_no_order_covers_is_netted_and_what_no_fill_covers_is_told(fills, side, shares, expected):
    assert allocate(trades(*fills), order_side=side, shares=Decimal(shares)) == expected


def test_a_cover_tells_what_stays_open():
    assert cover(trades("SELL 0.5", "SELL 1", "SELL 2"), Decimal("0.75")) == (
        covers(t1="0.5", t2="0.25"),
        [OpenTrade("t2", SELL, Decimal("0.75")), OpenTrade("t3", SELL, Decimal(2))],
        0,
    )


@pytest.mark.parametrize(
    ("shares", "back"),
    [
        ("0", {}),
        ("0.1", {"t3": "0.1"}),
        ("0.25", {"t3": "0.25"}),
        ("0.5", {"t3": "0.25", "t2": "0.25"}),
        ("1", {"t3": "0.25", "t2": "0.5", "t1": "0.25"}),
        # More than was covered can't be given back: the rest was unallocated.
        ("3", {"t3": "0.25", "t2": "0.5", "t1": "1"}),
    ],
)
def test_what_an_order_did_not_fill_goes_back_to_the_newest_fills(shares, back):
    assert released(covers(t1="1", t2="0.5", t3="0.25"), Decimal(shares)) == covers(**back)


def test_shares_that_were_covered_add_up_exactly():
    assert covered_shares([]) == 0
    assert str(covered_shares([Cover(n, Decimal("0." + "1" * 70)) for n in range(9)])) == "0." + "9" * 70


def test_seventy_digits_are_covered_to_the_last():
    nearly = "0." + "9" * 70
    allocation = allocate(trades(f"SELL {nearly}", "SELL 1"), order_side=BUY, shares=Decimal(1))

    assert allocation.covers == covers(t1=nearly, t2="0." + "0" * 69 + "1")
    assert allocation.unallocated_shares == 0


amounts = st.one_of(
    st.sampled_from([Decimal(text) for text in ("0.1", "0.5", "1", "2.5")]),
    st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 10**70), st.integers(0, 70)),
)
sides = st.sampled_from(Side)
open_trades = st.lists(st.tuples(sides, amounts), max_size=12).map(
    lambda fills: [OpenTrade(n, side, amount) for n, (side, amount) in enumerate(fills)]
)


def left_of(trades, allocation):
    """What stays open of each trade."""
    left = {trade.key: Fraction(trade.unlinked_shares) for trade in trades}
    for each in allocation.covers:
        left[each.trade] -= Fraction(each.shares)
    for each in allocation.nettings:
        left[each.trade] -= Fraction(each.shares)
        left[each.opposite] -= Fraction(each.shares)
    return left


def net_of(trades):
    return sum((Fraction(t.unlinked_shares) * (1 if t.side is BUY else -1) for t in trades), Fraction(0))


@settings(deadline=None)
@for_all(open_trades, sides, amounts)
def test_links_are_exact_and_never_above_a_fill(trades, order_side, shares):
    covers, nettings, unallocated = allocation = allocate(trades, order_side=order_side, shares=shares)
    side_of = {trade.key: trade.side for trade in trades}
    left = left_of(trades, allocation)

    assert sum(Fraction(each.shares) for each in covers) + Fraction(unallocated) == Fraction(shares)
    assert all(each.shares > 0 for each in [*covers, *nettings])
    assert unallocated >= 0
    assert all(shares >= 0 for shares in left.values())
    # An order covers fills of the other side only, each once; and two fills that net are of two sides.
    assert all(side_of[each.trade] is order_side.opposite for each in covers)
    assert all(side_of[each.trade] is order_side.opposite for each in nettings)
    assert all(side_of[each.opposite] is order_side for each in nettings)
    assert max(Counter(each.trade for each in covers).values(), default=1) == 1
    assert max(Counter((each.trade, each.opposite) for each in nettings).values(), default=1) == 1


@settings(deadline=None)
@for_all(open_trades, sides, amounts)
def test_the_oldest_fills_come_first(trades, order_side, shares):
    covers, nettings, unallocated = allocation = allocate(trades, order_side=order_side, shares=shares)
    left = left_of(trades, allocation)
    same = [trade for trade in trades if trade.side is order_side.opposite]
    opposite = [trade for trade in trades if trade.side is order_side]
    covered = [each.trade for each in covers]

    # The covered fills are the first ones, and all but the last of them are covered whole.
    assert covered == [trade.key for trade in same[: len(covered)]]
    assert [each.shares for each in covers[:-1]] == [trade.unlinked_shares for trade in same[: len(covered)]][:-1]
    assert not unallocated or len(covered) == len(same)
    assert [each.trade for each in nettings] == sorted(each.trade for each in nettings)
    assert [each.opposite for each in nettings] == sorted(each.opposite for each in nettings)
    # What stays open is the newest of one side, and nothing of the other.
    for of_one_side in (same, opposite):
        stays = [left[trade.key] for trade in of_one_side]
        first_open = next((n for n, shares in enumerate(stays) if shares), len(stays))
        assert all(
            shares == trade.unlinked_shares
            for shares, trade in zip(stays[first_open + 1 :], of_one_side[first_open + 1 :], strict=True)
        )
    assert not (any(left[trade.key] for trade in same) and any(left[trade.key] for trade in opposite))


@settings(deadline=None)
@for_all(open_trades, sides, amounts)
def test_what_stays_open_is_the_net_that_is_left(trades, order_side, shares):
    allocation = allocate(trades, order_side=order_side, shares=shares)
    left = left_of(trades, allocation)
    filled = Fraction(shares) * (1 if order_side is BUY else -1)
    nobodys = Fraction(allocation.unallocated_shares) * (1 if order_side is BUY else -1)

    assert sum(left[trade.key] * (1 if trade.side is BUY else -1) for trade in trades) == (
        net_of(trades) + filled - nobodys
    )


@settings(deadline=None)
@for_all(open_trades)
def test_a_hedge_of_the_open_net_is_covered_whole(trades):
    net = net_of(trades)
    whole = Decimal(int(abs(net)))
    if not whole:
        return
    order_side = SELL if net > 0 else BUY
    allocation = allocate(trades, order_side=order_side, shares=whole)

    assert allocation.unallocated_shares == 0
    assert sum(left_of(trades, allocation).values()) == abs(net) - Fraction(whole) < 1


@settings(deadline=None)
@for_all(open_trades, sides, amounts, amounts)
def test_what_goes_back_was_covered_last(trades, order_side, shares, unfilled):
    covers = allocate(trades, order_side=order_side, shares=shares).covers
    back = released(covers, unfilled)
    kept = {each.trade: Fraction(each.shares) for each in covers}
    for each in back:
        kept[each.trade] -= Fraction(each.shares)

    assert Fraction(covered_shares(back)) == min(Fraction(unfilled), Fraction(covered_shares(covers)))
    assert all(each.shares > 0 for each in back)
    # What is kept is what an order for that many shares would have covered in the first place.
    filled = sum(kept.values())
    for each in covers:
        assert kept[each.trade] == min(Fraction(each.shares), filled)
        filled -= kept[each.trade]

"""Rebalancing: from what is held and what is wanted to what is to be done. Rows: Q4, Q6, L7; B-aud-7, B-aud-12."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.strategies.rebalancing import Step, SymbolTwice, rebalance
from audit_trail.strategies.signals import Reason
from tests.audit_trail.strategies.situations import d, position
from tests.audit_trail.strategies.test_limits import target
from trading.values.sides import Side


def told(rebalancing):
    """What is to be done, in words that a table can hold."""
    return [
        (
            move.step.value,
            move.side.value,
            move.symbol,
            "all" if move.closes_position else move.notional_usd if move.shares is None else f"{move.shares} shares",
        )
        for move in rebalancing.moves
    ]


def left_out(rebalancing):
    return [(one.symbol, one.reason) for one in rebalancing.dropped]


def test_what_is_not_wanted_is_closed_first_and_the_rest_brought_to_its_target():
    found = rebalance([target("NVDA", 300), target("AAPL", 1_500)], [position("AAPL", 1_000), position("MSFT", 500)])

    assert told(found) == [
        ("close", "SELL", "MSFT", "all"),
        ("increase", "BUY", "AAPL", d(500)),
        ("increase", "BUY", "NVDA", d(300)),
    ]


@pytest.mark.parametrize(
    ("wanted", "held", "done"),
    [
        ("1000", "1000.009", []),
        ("1000.009", "1000", []),
        ("1000.99", "1000", []),
        ("1000", "1000.99", []),
        ("1001", "1000", [("increase", "BUY", "AAPL", d(1))]),
        ("1000", "1001", [("reduce", "SELL", "AAPL", d(1))]),
        # Cents, and never a fraction of one.
        ("1500", "1000.009", [("increase", "BUY", "AAPL", d("499.99"))]),
        ("1000", "1500.009", [("reduce", "SELL", "AAPL", d("500"))]),
    ],
)
def test_a_change_of_less_than_a_dollar_is_none(wanted, held, done):
    found = rebalance([target("AAPL", wanted)], [position("AAPL", held)])

    assert told(found) == done
    assert left_out(found) == ([] if done else [("AAPL", Reason.TOO_SMALL_A_CHANGE)])


def test_an_empty_target_closes_all_eight():
    found = rebalance([], [position(f"S{letter}", 5_750) for letter in "HGFEDCBA"])

    assert [(move.symbol, move.closes_position) for move in found.moves] == [
        (f"S{letter}", True) for letter in "ABCDEFGH"
    ]


def test_dust_is_closed_like_anything_else():
    found = rebalance([], [position("AAPL", "0.0000001", shares="0.000000001")])

    assert told(found) == [("close", "SELL", "AAPL", "all")]


def test_what_is_worth_nothing_any_more_is_closed_too():
    assert told(rebalance([], [position("AAPL", 0)])) == [("close", "SELL", "AAPL", "all")]


def test_no_shares_are_no_position():
    assert rebalance([], [position("AAPL", 0, shares=0)]).moves == ()


def test_a_class_of_shares_is_traded_as_any_other():
    found = rebalance([target("BRK.B", 1_000)], [position("BF.B", 700)])

    assert told(found) == [("close", "SELL", "BF.B", "all"), ("increase", "BUY", "BRK.B", d(1_000))]


def test_the_strongest_is_bought_first_then_the_largest_then_the_first_by_symbol():
    targets = [
        target("EEE", 9_000, score="0.6"),
        target("DDD", 1_000, score="1"),
        target("CCC", 2_000, score="0.8"),
        target("BBB", 3_000, score="0.8"),
        target("AAA", 2_000, score="0.8"),
    ]

    assert [move.symbol for move in rebalance(targets, []).moves] == ["DDD", "BBB", "AAA", "CCC", "EEE"]
    assert rebalance(targets[::-1], []) == rebalance(targets, [])


def test_what_frees_money_goes_before_what_needs_it_also_by_strength():
    found = rebalance(
        [target("WEAK", 100, score="0.1"), target("BEST", 5_000, score="1")],
        [position("WEAK", 900), position("GONE", 50)],
    )

    assert [(move.step, move.symbol, move.strength) for move in found.moves] == [
        (Step.CLOSE, "GONE", d(10)),
        (Step.REDUCE, "WEAK", d(10)),
        (Step.INCREASE, "BEST", d(10)),
    ]


@pytest.mark.parametrize(
    ("wanted", "held", "shares", "done"),
    [
        # At $10 a share, whole ones.
        (-105, 0, 0, [("increase", "SELL", "AAPL", "10 shares")]),
        (-100, -50, -5, [("increase", "SELL", "AAPL", "5 shares")]),
        (-50, -100, -10, [("reduce", "BUY", "AAPL", "5 shares")]),
        (-105, -100, -10, []),
        # From one side to the other in two days.
        (-100, 100, 10, [("close", "SELL", "AAPL", "all")]),
        (100, -100, -10, [("close", "BUY", "AAPL", "10 shares")]),
    ],
)
def test_short_positions(wanted, held, shares, done):
    found = rebalance([target("AAPL", wanted)], [position("AAPL", held, shares=shares)])

    assert told(found) == done
    assert [move.may_short for move in found.moves] == [
        step == "increase" and side == "SELL" for step, side, *_ in done
    ]


def test_the_other_side_that_was_not_taken_is_told():
    found = rebalance([target("AAPL", -100)], [position("AAPL", 100)])

    assert left_out(found) == [("AAPL", Reason.CLOSED_FIRST)]


def test_what_is_owed_and_not_wanted_is_bought_back():
    found = rebalance([], [position("AAPL", "-105", shares="-10.5")])

    assert told(found) == [("close", "BUY", "AAPL", "10.5 shares")]


def test_what_stays_as_it_is_stays_and_is_told():
    found = rebalance(
        [target("NVDA", 300)],
        [position("AAPL", 1_000), position("MSFT", 500)],
        kept={"MSFT": "no price of it is known"},
    )

    assert told(found) == [("close", "SELL", "AAPL", "all"), ("increase", "BUY", "NVDA", d(300))]
    assert [(one.symbol, one.reason, one.text) for one in found.dropped] == [
        ("MSFT", Reason.KEPT_AS_IT_IS, "no price of it is known")
    ]


def test_two_figures_for_one_symbol_are_refused():
    with pytest.raises(SymbolTwice, match="found AAPL again"):
        rebalance([], [position("AAPL", 1_000), position("AAPL", 500)])


VALUES = st.decimals("0.01", 20_000, places=2)
SYMBOLS = st.text("ABC", min_size=1, max_size=2)


@settings(deadline=None)
@given(
    wanted=st.dictionaries(SYMBOLS, VALUES, max_size=8),
    held=st.dictionaries(SYMBOLS, VALUES, max_size=8),
    seed=st.randoms(),
)
def test_every_symbol_is_moved_once_or_told_why_not(wanted, held, seed):
    targets = [target(symbol, usd) for symbol, usd in wanted.items()]
    positions = [position(symbol, usd) for symbol, usd in held.items()]
    expected = rebalance(targets, positions)
    seed.shuffle(targets)
    seed.shuffle(positions)

    found = rebalance(targets, positions)

    assert found == expected
    named = [move.symbol for move in found.moves] + [one.symbol for one in found.dropped]
    assert sorted(named) == sorted({*wanted, *held})
    for move in found.moves:
        assert (move.side is Side.SELL) is (move.step is not Step.INCREASE)
        if not move.closes_position:
            after = held.get(move.symbol, d(0)) + (move.notional_usd if move.side is Side.BUY else -move.notional_usd)
            assert after == wanted[move.symbol]

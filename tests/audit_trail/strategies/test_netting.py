"""Netting and merging: how several strategies' words for one symbol become one."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.strategies.merging import NothingToMerge, merged_usd
from audit_trail.strategies.netting import net
from audit_trail.strategies.parameters import Merging
from audit_trail.strategies.signals import NotASignal, Reason
from tests.audit_trail.strategies.situations import d, signal

A, B = "congressional", "insider"


@pytest.mark.parametrize(
    ("weights", "scores", "net_score"),
    [
        ({A: "0.5", B: "0.5"}, {A: "1", B: "-1"}, "0"),
        ({A: "0.5", B: "0.5"}, {A: "0.5", B: "1"}, "0.75"),
        ({A: "0.8", B: "0.2"}, {A: "1", B: "-1"}, "0.6"),
        # Who has no weight is not heard.
        ({A: "0.5", B: "0"}, {A: "1", B: "-1"}, "1"),
        ({A: "0.5"}, {A: "1", B: "-1"}, "1"),
        # Alone, a strategy keeps its score, whatever it weighs.
        ({A: "0.1", B: "0.9"}, {A: "0.7"}, "0.7"),
        # A third is kept to a millionth.
        ({A: "0.1", B: "0.2"}, {A: "1", B: "0.5"}, "0.666667"),
    ],
)
def test_scores_are_averaged_by_weight(weights, scores, net_score):
    signals = [signal(strategy, value) for strategy, value in scores.items()]

    found = net(signals, {name: d(weight) for name, weight in weights.items()})

    assert [(one.symbol, one.score) for one in found.netted] == [("AAPL", d(net_score))]


def test_who_is_not_heard_is_told():
    found = net([signal(A, "1"), signal("moonshot", "1", "MSFT")], {A: d("0.5"), B: d("0.5")})

    assert [one.symbol for one in found.netted] == ["AAPL"]
    assert [(one.strategy, one.symbol, one.reason) for one in found.dropped] == [("moonshot", "MSFT", Reason.NO_WEIGHT)]


def test_without_a_weight_nothing_is_said():
    assert net([signal(A, "1")], {}).netted == ()


SCORES = st.decimals(-1, 1, places=4)
WEIGHTS = st.decimals("0.01", 1, places=3)


@settings(deadline=None)
@given(
    said=st.dictionaries(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(["AAPL", "BRK.B", "F"])), SCORES, min_size=1
    ),
    weights=st.fixed_dictionaries(dict.fromkeys("ABC", WEIGHTS)),
    seed=st.randoms(),
)
def test_the_order_of_signals_says_nothing_and_no_score_goes_beyond_what_was_said(said, weights, seed):
    signals = [signal(strategy, value, symbol) for (strategy, symbol), value in said.items()]
    shuffled = list(signals)
    seed.shuffle(shuffled)

    found = net(signals, weights)

    assert net(shuffled, weights) == found
    assert {one.symbol for one in found.netted} == {one.symbol for one in signals}
    assert [one.symbol for one in found.netted] == sorted(one.symbol for one in found.netted)
    for one in found.netted:
        scores = [each.score for each in one.signals]
        # To the millionth that is kept.
        assert min(scores) - Decimal("0.000001") <= one.score <= max(scores) + Decimal("0.000001")
        assert Decimal(0) <= one.strength <= Decimal(10)


@pytest.mark.parametrize(
    ("how", "values", "merged"),
    [
        (Merging.ADDITIVE, {A: 10_000, B: 8_000}, 18_000),
        (Merging.MAX, {A: 10_000, B: 8_000}, 10_000),
        (Merging.AVERAGE, {A: 10_000, B: 8_000}, 9_000),
        (Merging.ADDITIVE, {A: 10_000, B: -12_000}, -2_000),
        (Merging.MAX, {A: 10_000, B: -12_000}, -12_000),
        (Merging.AVERAGE, {A: 10_000, B: -12_000}, -1_000),
        # A tie goes to the first by name, whichever came first.
        (Merging.MAX, {A: 10_000, B: -10_000}, 10_000),
        (Merging.MAX, {B: -10_000, A: 10_000}, 10_000),
    ],
)
def test_values_are_merged(how, values, merged):
    assert merged_usd({name: d(value) for name, value in values.items()}, how) == d(merged)


@pytest.mark.parametrize(("values", "how"), [({}, Merging.ADDITIVE), ({A: d(1)}, Merging.NET)])
def test_what_cant_be_merged_is_refused(values, how):
    with pytest.raises(NothingToMerge):
        merged_usd(values, how)


@pytest.mark.parametrize("score", ["1.0001", "-1.0001", "NaN", "Infinity"])
def test_a_score_beyond_one_is_no_signal(score):
    with pytest.raises(NotASignal, match="expected a score from -1 to 1"):
        signal(A, score)


def test_a_signal_that_rests_on_nothing_is_none():
    with pytest.raises(NotASignal, match="the records that the signal rests on"):
        signal(A, "1", records=())


def test_a_signal_with_a_float_is_none():
    with pytest.raises(NotASignal, match="exact numbers"):
        signal(A, "1", facts={"average": [1.5]})

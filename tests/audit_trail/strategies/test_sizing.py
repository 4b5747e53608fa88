"""Volatility and sizing: how many shares a score is worth. Rows: B-str-3."""

from datetime import timedelta

import pytest

from audit_trail.strategies.netting import net
from audit_trail.strategies.parameters import Merging
from audit_trail.strategies.records import LatestPrice
from audit_trail.strategies.signals import Reason
from audit_trail.strategies.sizing import shares_for, size
from audit_trail.strategies.volatility import Market, RangeSource, average_true_range, true_range
from tests.audit_trail.strategies.situations import (
    NOW,
    TODAY,
    bar,
    bars,
    d,
    known,
    parameters,
    ref,
    signal,
    sizing,
)

A, B = "congressional", "insider"
DAY = timedelta(days=1)


def price(symbol: str, usd: str | int, **given) -> LatestPrice:
    values = {"ref": ref("prices"), "known_at": NOW, "symbol": symbol, "price_usd": d(usd)}
    return LatestPrice(**{**values, **given})


def view(*records, symbol: str = "AAPL", **given):
    return Market(known(*records), sizing(**given)).view(symbol)


def sized(signals, records, *, equity: str | int = 100_000, **given):
    given = parameters(**given)
    return size(
        net(signals, given.weights).netted,
        equity_usd=d(equity),
        market=Market(known(*records), given.sizing),
        parameters=given,
        versions={A: "1", B: "1"},
    )


@pytest.mark.parametrize(
    ("atr", "score", "shares"),
    [
        ("2.5", "0.6", 24),
        ("3.6", "0.6", 16),
        ("2.5", "1", 40),
        ("2.5", "-0.6", -24),
        ("2.51", "1", 39),
        # What is floored first is the whole: 27 x 0.99, and not 27.77 x 0.99.
        ("3.6", "0.99", 26),
        ("1000", "1", 0),
        ("1000", "-1", 0),
    ],
)
def test_shares_for_a_risk_of_a_thousandth_of_100_000_dollars(atr, score, shares):
    assert shares_for(equity_usd=d(100_000), target_risk_pct=d("0.001"), atr_usd=d(atr), score=d(score)) == d(shares)


def test_a_measured_range_makes_2_880_dollars():
    (target,) = sized([signal(A, "0.6")], bars("AAPL", 120, atr="2.5")).targets

    assert (target.value_usd, target.market.atr_source) == (d(2_880), RangeSource.BARS)
    assert target.implied_stop_loss_usd == d(5)


def test_a_guessed_range_makes_1_920_dollars_and_says_that_it_is_guessed():
    (target,) = sized([signal(A, "0.6")], bars("AAPL", 120, atr="2.5", sessions=14)).targets

    assert target.value_usd == d(1_920)
    assert (target.market.atr_source, target.market.atr_usd) == (RangeSource.LAST_CLOSE, d("3.6"))


def test_forty_calendar_days_of_bars_hold_the_sessions_that_a_range_takes():
    found = view(*bars("AAPL", 120, sessions=40), bars_days=30)

    assert (found.atr_source, found.sessions >= 15) == (RangeSource.BARS, True)


@pytest.mark.parametrize(
    ("before", "high", "low", "true"),
    [
        (10, 12, 9, 3),
        (15, 12, 9, 6),  # A gap down counts.
        (5, 12, 9, 7),  # A gap up too.
    ],
)
def test_the_true_range_counts_the_gap(before, high, low, true):
    today = bar("AAPL", TODAY, 10, high_usd=d(high), low_usd=d(low))

    assert true_range(today, bar("AAPL", TODAY - DAY, before)) == d(true)


def test_the_last_fourteen_ranges_are_averaged():
    # A wild day, then fourteen of one dollar and one of fifteen: (13 x 1 + 15) / 14.
    days = [TODAY - n * DAY for n in range(17, 1, -1)]
    ranges = ["100", *["1"] * 14, "15"]
    history = [bar("AAPL", day, 100, half_range=d(one) / 2) for day, one in zip(days, ranges, strict=True)]

    assert average_true_range(reversed(history)) == d(2)


def test_where_nothing_moved_the_range_is_guessed():
    found = view(*bars("AAPL", 120, atr=0))

    assert (found.atr_source, found.atr_usd) == (RangeSource.LAST_CLOSE, d("3.6"))


def test_the_bar_of_the_day_itself_is_not_finished_and_counts_for_nothing():
    today = bar("AAPL", TODAY, 999, known_at=NOW)

    assert view(*bars("AAPL", 120), today).price_usd == d(120)


def test_a_corrected_bar_counts_as_corrected():
    wrong = bar("AAPL", TODAY - DAY, 999, known_at=NOW - 2 * DAY)

    assert view(*bars("AAPL", 120), wrong).price_usd == d(120)


def test_without_bars_the_latest_price_counts_and_without_one_nothing():
    assert view() is None
    found = view(price("AAPL", 50))

    assert (found.price_usd, found.atr_usd, found.atr_source) == (d(50), d("1.5"), RangeSource.LATEST_PRICE)


def test_a_price_from_last_week_is_none():
    old = bar("AAPL", TODAY - 6 * DAY, 120)

    assert view(old) is None
    assert view(price("AAPL", 50, known_at=NOW - 6 * DAY)) is None
    assert view(bar("AAPL", TODAY - 5 * DAY, 120)).price_usd == d(120)


def test_the_volume_of_twenty_sessions_is_averaged():
    days = [TODAY - n * DAY for n in range(1, 23)]
    history = [bar("AAPL", day, 10, volume=100 if n < 20 else 10**9) for n, day in enumerate(days)]

    assert view(*history).volume_20d_avg == d(100)


def test_what_has_no_price_is_told_and_never_zero():
    found = sized([signal(A, "1", "AAPL"), signal(A, "1", "MSFT")], bars("AAPL", 120))

    assert [target.symbol for target in found.targets] == ["AAPL"]
    assert [(one.symbol, one.reason) for one in found.dropped] == [("MSFT", Reason.NO_PRICE)]
    assert found.unpriced == {"MSFT"}


@pytest.mark.parametrize(
    ("how", "value"),
    [
        # All the equity: 40 shares by the mean score of 0.75, and 30 shares.
        (Merging.NET, 3_600),
        # A half each: 20 shares at 0.5 and at 1, which is 10 and 20.
        (Merging.ADDITIVE, 3_600),
        (Merging.MAX, 2_400),
        (Merging.AVERAGE, 1_800),
    ],
)
def test_two_strategies_make_one_position(how, value):
    found = sized([signal(A, "0.5"), signal(B, "1")], bars("AAPL", 120), merge_strategy=how)

    assert [target.value_usd for target in found.targets] == [d(value)]


@pytest.mark.parametrize(
    ("how", "value"),
    [
        # Alone, a strategy counts in full where scores are netted, and by its weight where values are merged.
        (Merging.NET, 4_800),
        (Merging.ADDITIVE, 1_200),
        (Merging.MAX, 1_200),
        (Merging.AVERAGE, 1_200),
    ],
)
def test_what_a_weight_does_to_a_strategy_that_is_alone(how, value):
    found = sized([signal(A, "1")], bars("AAPL", 120), merge_strategy=how, congress="0.25", insiders="0.75")

    assert [target.value_usd for target in found.targets] == [d(value)]


@pytest.mark.parametrize("how", [Merging.NET, Merging.ADDITIVE, Merging.AVERAGE])
def test_what_cancels_out_is_told(how):
    found = sized([signal(A, "1"), signal(B, "-1")], bars("AAPL", 120), merge_strategy=how)

    assert found.targets == ()
    assert [(one.symbol, one.reason) for one in found.dropped] == [("AAPL", Reason.CANCELLED_OUT)]


def test_what_is_no_whole_share_is_told():
    found = sized([signal(A, "0.6")], bars("AAPL", 120), equity=1_000)

    assert [(one.symbol, one.reason) for one in found.dropped] == [("AAPL", Reason.BELOW_ONE_SHARE)]


@pytest.mark.parametrize(
    ("name", "value", "records"),
    [
        ("target_risk_pct", d("0.01"), bars("AAPL", 120)),
        ("fallback_atr_pct", d("0.06"), bars("AAPL", 120, sessions=3)),
        ("bars_days", 30, bars("AAPL", 120, sessions=27)),
        ("max_price_age_days", 30, [bar("AAPL", TODAY - 8 * DAY, 120)]),
    ],
)
def test_each_parameter_changes_the_sizes(name, value, records):
    # Where only the number of sessions differs, the volume of the last twenty does not.
    def found(**given):
        result = sized([signal(A, "1")], records, sizing=sizing(**given))
        return [(target.value_usd, target.market.sessions) for target in result.targets]

    assert found() != found(**{name: value})

"""Congressional: what is bought of what politicians bought. Rows: L14; B-str-1, B-str-10, B-str-11."""

from datetime import timedelta

import pytest

from audit_trail.strategies.congressional import decide, score_of
from audit_trail.strategies.signals import Reason
from tests.audit_trail.strategies.situations import (
    NOW,
    TODAY,
    YESTERDAY,
    congress_trade,
    congressional_parameters,
    d,
    known,
    score,
)


def said(*records, **given):
    opinion = decide(known(*records), congressional_parameters(**given))
    return {signal.symbol: signal.score for signal in opinion.signals}


def left_out(*records, **given):
    opinion = decide(known(*records), congressional_parameters(**given))
    return [(dropped.reason, dropped.records) for dropped in opinion.dropped]


@pytest.mark.parametrize(
    ("politicians", "quality", "score"),
    [
        (1, "5", "0.5"),
        (2, "5", "0.8"),
        (3, "5", "1"),
        (8, "5", "1"),
        (2, "9", "0.96"),
        (3, "9", "1"),  # Never above 1.
        # Quality counts from above 7.
        (1, "7", "0.5"),
        (1, "8", "0.55"),
        (1, "10", "0.65"),
        (2, "7.5", "0.84"),
    ],
)
def test_how_strong_a_consensus_is(politicians, quality, score):
    assert score_of(politicians, d(quality)) == d(score)


def test_two_politicians_of_quality_nine():
    records = [congress_trade("AAPL", "A"), congress_trade("AAPL", "B"), score("A", 8), score("B", 10)]

    assert said(*records) == {"AAPL": d("0.96")}


def test_one_politician_who_buys_twice_is_no_consensus():
    assert said(congress_trade("AAPL"), congress_trade("AAPL"), score()) == {"AAPL": d("0.5")}


def test_one_politician_under_a_number_and_under_a_name_is_no_consensus():
    numbered = congress_trade(bioguide_id="P000197", politician_name="Nancy Pelosi")
    named = congress_trade(bioguide_id=None, politician_name="Nancy Pelosi")

    assert said(numbered, named, score("P000197")) == {"AAPL": d("0.5")}


def test_symbols_of_one_share_are_one_symbol_also_with_a_class():
    records = [congress_trade("BRK.B", "A"), congress_trade("BRK/B", "B"), score("A"), score("B")]

    assert said(*records) == {"BRK.B": d("0.8")}


def test_a_signal_names_the_records_it_rests_on_and_when_they_were_known():
    first, second = congress_trade("AAPL", "A"), congress_trade("AAPL", "B", known_at=NOW - timedelta(hours=1))
    counted = tuple(congress_trade("MSFT", "B").ref for _ in range(3))
    more = {"wins": 9, "win_rate_pct": d("81.82"), "average_return_pct": d("15.61"), "purchases": 11}
    scored = [score("A", 6), score("B", 8, trades=counted, **more)]

    (signal,) = decide(known(first, second, *scored), congressional_parameters()).signals

    assert set(signal.records) == {first.ref, second.ref, *(one.ref for one in scored)}
    assert signal.known_at == NOW - timedelta(hours=1)
    assert (signal.strength, signal.trigger) == (d(8), "congressional_buy")
    assert signal.facts == {
        "politician_names": ["Member A", "Member B"],
        "trade_dates": ["2025-12-27"],
        "trade_count": 2,
        "politician_count": 2,
        "consensus_detected": True,
        "average_quality_score": d(7),
        "politicians": [
            {
                "politician": "A",
                "names": ["Member A"],
                "score_record_id": scored[0].ref.record_id,
                "score": d(6),
                "purchases": 12,
                "wins": None,
                "win_rate_pct": None,
                "average_return_pct": None,
                "scored_trades": 0,
            },
            {
                "politician": "B",
                "names": ["Member B"],
                "score_record_id": scored[1].ref.record_id,
                "score": d(8),
                "scored_trades": 3,
                **more,
            },
        ],
    }


@pytest.mark.parametrize(
    ("trade", "reason"),
    [
        (congress_trade(transaction_type="Sale (Partial)"), Reason.NOT_A_PURCHASE),
        (congress_trade(transaction_type="Exchange"), Reason.NOT_A_PURCHASE),
        (congress_trade(asset_type="OP"), Reason.NOT_COMMON_STOCK),
        (congress_trade(asset_type=""), Reason.NOT_COMMON_STOCK),
        (congress_trade(ticker="--"), Reason.NOT_A_SYMBOL),
        (congress_trade(politician="NOBODY"), Reason.NO_SCORE),
        (congress_trade(politician="POOR"), Reason.LOW_QUALITY),
        (congress_trade(politician="LONG_AGO"), Reason.NO_SCORE),
        (congress_trade(transaction_date=TODAY - timedelta(days=46)), Reason.OUTSIDE_THE_WINDOW),
        (congress_trade(transaction_date=TODAY + timedelta(days=1)), Reason.OUTSIDE_THE_WINDOW),
    ],
)
def test_what_is_left_out_and_why(trade, reason):
    scores = [score(), score("POOR", "3.9"), score("LONG_AGO", known_at=NOW - timedelta(days=9))]

    assert said(trade, *scores) == {}
    assert left_out(trade, *scores) == [(reason, (trade.ref,))]


@pytest.mark.parametrize(
    "trade",
    [
        congress_trade(transaction_date=TODAY - timedelta(days=45)),
        congress_trade(transaction_date=TODAY),
        congress_trade(asset_type="ST"),
    ],
)
def test_what_is_on_the_edge_counts(trade):
    assert said(trade, score(value=4)) == {"AAPL": d("0.5")}


def test_where_nobody_is_good_enough_nobody_is_followed():
    trades = [congress_trade("AAPL", "A"), congress_trade("MSFT", "B")]
    scores = [score("A", 2), score("B", 3)]

    assert said(*trades, *scores) == {}
    assert [reason for reason, _ in left_out(*trades, *scores)] == [Reason.LOW_QUALITY] * 2


def test_the_newest_score_counts():
    older = score(value=9, known_at=YESTERDAY - timedelta(days=1))

    assert said(congress_trade(), score(value=2), older) == {}
    assert said(congress_trade(), score(value=9), score(value=2, known_at=YESTERDAY - timedelta(days=1))) != {}


@pytest.mark.parametrize(
    ("name", "value", "records"),
    [
        ("lookback_days", 10, [congress_trade(), score()]),
        ("min_quality_score", d("6.01"), [congress_trade(), score(value=6)]),
        ("max_score_age_days", 1, [congress_trade(), score(known_at=NOW - timedelta(days=2))]),
        ("consensus", False, [congress_trade("AAPL", "A"), congress_trade("AAPL", "B"), score("A"), score("B")]),
        ("asset_types", ("ST",), [congress_trade(), score()]),
    ],
)
def test_each_parameter_changes_what_is_said(name, value, records):
    assert said(*records) != said(*records, **{name: value})


@pytest.mark.parametrize(
    "given",
    [
        {"lookback_days": 0},
        {"min_quality_score": d("10.1")},
        {"min_quality_score": d(-1)},
        {"max_score_age_days": 0},
        {"asset_types": ()},
    ],
)
def test_parameters_that_cant_be_are_refused(given):
    with pytest.raises(ValueError, match="expected"):
        congressional_parameters(**given)

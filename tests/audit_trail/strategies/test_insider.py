"""Insider: what is bought of what insiders bought. Rows: L13; B-str-1, B-str-9."""

from datetime import timedelta

import pytest

from audit_trail.strategies.insider import decide, is_executive, score_of
from audit_trail.strategies.signals import Reason
from tests.audit_trail.strategies.situations import TODAY, d, insider_parameters, insider_trade, known


def said(*records, **given):
    opinion = decide(known(*records), insider_parameters(**given))
    return {signal.symbol: signal.score for signal in opinion.signals}


@pytest.mark.parametrize(
    ("insiders", "value", "score"),
    [
        (1, 50_000, "0.6"),
        (1, 100_000, "0.6"),  # More than, not as much as.
        (1, "100000.01", "0.8"),
        (2, 50_000, "0.8"),
        (2, 150_000, "1"),
        (5, 1_000_000, "1"),
    ],
)
def test_how_strong_a_purchase_is(insiders, value, score):
    assert score_of(insiders, d(value)) == d(score)


def test_two_insiders_with_150_000_dollars():
    trades = [insider_trade(name="Jane Doe", usd=100_000), insider_trade(name="John Roe", usd=50_000)]

    assert said(*trades) == {"AAPL": d(1)}


def test_one_insider_with_several_lots_is_one_and_the_lots_add_up():
    lots = [insider_trade(name="DOE JANE", usd=60_000), insider_trade(name="Doe  Jane", usd=60_000)]

    assert said(*lots) == {"AAPL": d("0.8")}


@pytest.mark.parametrize(
    ("title", "executive"),
    [
        ("Chief Executive Officer", True),
        ("CEO", True),
        ("Co-CEO and Director", True),
        ("CHIEF FINANCIAL OFFICER", True),
        ("EVP, Chief Operating Officer", True),
        ("COO", True),
        ("President", True),
        ("Executive Vice President", True),
        ("Chairman of the Board", True),
        ("Chairwoman", True),
        ("Director", False),
        ("General Counsel", False),
        ("Project Coordinator", False),  # Which holds the letters of COO.
        ("Presidential Liaison", False),
        ("", False),
        (None, False),
    ],
)
def test_who_runs_a_company(title, executive):
    assert is_executive(insider_trade(officer_title=title)) is executive


@pytest.mark.parametrize(
    ("trade", "reason"),
    [
        (insider_trade(transaction_code="A"), Reason.NOT_A_PURCHASE),
        (insider_trade(transaction_code="M"), Reason.NOT_A_PURCHASE),
        (insider_trade(transaction_code="S", acquired_or_disposed="D"), Reason.NOT_A_PURCHASE),
        (insider_trade(price_usd=None), Reason.NO_VALUE),
        (insider_trade(price_usd=d(0)), Reason.NO_VALUE),
        (insider_trade(usd="9999.99"), Reason.TOO_SMALL),
        (insider_trade(officer_title=None), Reason.NOT_AN_EXECUTIVE),
        (insider_trade(ticker="N/A"), Reason.NOT_A_SYMBOL),
        (insider_trade(transaction_date=TODAY - timedelta(days=31)), Reason.OUTSIDE_THE_WINDOW),
    ],
)
def test_what_is_left_out_and_why(trade, reason):
    opinion = decide(known(trade), insider_parameters())

    assert opinion.signals == ()
    assert [(dropped.reason, dropped.records) for dropped in opinion.dropped] == [(reason, (trade.ref,))]


def test_a_grant_beside_a_purchase_adds_nothing_to_it():
    assert said(insider_trade(usd=50_000), insider_trade(name="John Roe", usd=900_000, transaction_code="A")) == {
        "AAPL": d("0.6")
    }


def test_of_too_many_symbols_the_strongest_stay_then_the_most_bought_then_the_first():
    trades = [
        insider_trade("DDD", usd=50_000),
        insider_trade("CCC", usd=50_000),
        insider_trade("BBB", usd=70_000),
        insider_trade("AAA", usd=200_000),
    ]

    opinion = decide(known(*trades), insider_parameters(max_symbols=3))

    assert [signal.symbol for signal in opinion.signals] == ["AAA", "BBB", "CCC"]
    assert [(one.symbol, one.reason, one.text) for one in opinion.dropped] == [
        ("DDD", Reason.TOO_MANY, "number 4 by score and value, of at most 3")
    ]


def test_what_a_signal_says():
    trade = insider_trade("BRK.B", usd=50_000)

    (signal,) = decide(known(trade), insider_parameters()).signals

    assert (signal.symbol, signal.records, signal.known_at) == ("BRK.B", (trade.ref,), trade.known_at)
    assert signal.facts == {
        "insider_names": ["Jane Doe"],
        "officer_titles": ["Chief Executive Officer"],
        "trade_dates": ["2026-01-11"],
        "trade_count": 1,
        "insider_count": 1,
        "consensus_detected": False,
        "total_value_usd": d(50_000),
    }


@pytest.mark.parametrize(
    ("name", "value", "records"),
    [
        ("lookback_days", 3, [insider_trade()]),
        ("min_transaction_value_usd", d(60_000), [insider_trade(usd=50_000)]),
        ("executive_only", False, [insider_trade(officer_title=None)]),
        ("max_symbols", 1, [insider_trade("A"), insider_trade("B")]),
    ],
)
def test_each_parameter_changes_what_is_said(name, value, records):
    assert said(*records) != said(*records, **{name: value})


@pytest.mark.parametrize("given", [{"lookback_days": 0}, {"min_transaction_value_usd": d(-1)}, {"max_symbols": 0}])
def test_parameters_that_cant_be_are_refused(given):
    with pytest.raises(ValueError, match="expected"):
        insider_parameters(**given)

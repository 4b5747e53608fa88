"""Who made a trade, and how well the person's purchases did."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.strategies.politicians import identities, scores
from tests.audit_trail.strategies.situations import NOW, TODAY, congress_trade, d, known


def bought(ticker: str, times: int, **given) -> list:
    return [congress_trade(ticker, **given) for _ in range(times)]


def sold(ticker: str, times: int, **given) -> list:
    return [congress_trade(ticker, transaction_type="Sale (Full)", **given) for _ in range(times)]


@pytest.mark.parametrize(
    ("trades", "score", "wins"),
    [
        # Ten bought and none sold: all won.
        (bought("AAPL", 10), "10", 10),
        # Three of five: two that were kept, and of three with a sale round(2 x 0.6).
        (bought("AAPL", 2) + bought("MSFT", 3) + sold("MSFT", 1), "5.27", 3),
        # Too few to say.
        (bought("AAPL", 4), "5", None),
        (bought("AAPL", 4) + sold("AAPL", 9), "5", None),
        # More sold than bought wins nothing, and never less than nothing.
        (bought("AAPL", 5) + sold("AAPL", 6), "0", 0),
        (bought("AAPL", 5) + sold("AAPL", 60), "0", 0),
        # What was sold without having been bought loses nothing either.
        (bought("AAPL", 5) + sold("MSFT", 3), "10", 5),
        # One share under two spellings is one.
        (bought("BRK.B", 5) + sold("BRK/B", 5), "0", 0),
        # A kind that is neither counts for nothing.
        (bought("AAPL", 5) + bought("AAPL", 1, transaction_type="Exchange"), "10", 5),
    ],
)
def test_scores(trades, score, wins):
    (found,) = scores(known(*trades))

    assert (found.score, found.wins) == (d(score), wins)


def test_a_year_counts_and_nothing_before_it():
    old = bought("AAPL", 3, transaction_date=TODAY - timedelta(days=366))
    oldest_that_counts = bought("AAPL", 5, transaction_date=TODAY - timedelta(days=365))

    (found,) = scores(known(*old, *oldest_that_counts))

    assert found.purchases == 5


def test_a_score_names_all_that_the_person_traded_in_the_year_and_nothing_else():
    ours = bought("AAPL", 5) + sold("MSFT", 2) + bought("AAPL", 1, transaction_type="Exchange")
    seldom = bought("AAPL", 2, politician="B")
    old = bought("AAPL", 1, transaction_date=TODAY - timedelta(days=366))
    later = bought("AAPL", 1, known_at=NOW + timedelta(days=1))

    found = {one.politician: one.trades for one in scores(known(*reversed(ours), *seldom, *old, *later))}

    assert found == {"P000197": tuple(one.ref for one in ours), "B": tuple(one.ref for one in seldom)}


def test_a_score_knows_nothing_that_came_later():
    later = sold("AAPL", 5, known_at=NOW + timedelta(days=1))

    (found,) = scores(known(*bought("AAPL", 5), *later))

    assert (found.score, found.scored_at) == (d(10), NOW)


def test_everybody_is_scored_alone_and_in_order():
    found = scores(known(*bought("AAPL", 5, politician="B"), *bought("AAPL", 2, politician="A")))

    assert [(one.politician, one.score) for one in found] == [("A", d(5)), ("B", d(10))]


def test_a_person_is_the_number_and_a_name_only_where_it_can_be_nobody_else():
    by_number = congress_trade(bioguide_id="P000197", politician_name="Nancy Pelosi")
    by_name = congress_trade(bioguide_id=None, politician_name="nancy  pelosi")
    unknown = congress_trade(bioguide_id="", politician_name="Jane Roe")
    one_smith = congress_trade(bioguide_id="S000001", politician_name="John Smith")
    other_smith = congress_trade(bioguide_id="S000002", politician_name="John Smith")
    some_smith = congress_trade(bioguide_id=None, politician_name="John Smith")

    found = identities([by_name, by_number, unknown, one_smith, other_smith, some_smith])

    assert found == {
        by_number.ref: "P000197",
        by_name.ref: "P000197",
        unknown.ref: "name:jane roe",
        one_smith.ref: "S000001",
        other_smith.ref: "S000002",
        some_smith.ref: "name:john smith",
    }


@settings(deadline=None)
@given(
    purchases=st.dictionaries(st.sampled_from(["A", "B", "C"]), st.integers(0, 12)),
    sales=st.dictionaries(st.sampled_from(["A", "B", "C"]), st.integers(0, 20)),
)
def test_no_history_scores_outside_0_to_10_or_wins_what_was_not_bought(purchases, sales):
    trades = [trade for ticker, times in purchases.items() for trade in bought(ticker, times)]
    trades += [trade for ticker, times in sales.items() for trade in sold(ticker, times)]

    for found in scores(known(*trades)):
        assert Decimal(0) <= found.score <= Decimal(10)
        assert found.wins is None or 0 <= found.wins <= found.purchases

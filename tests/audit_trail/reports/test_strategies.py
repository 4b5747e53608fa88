"""Strategy performance: rates, reasons, and the quality of signals apart from trouble in carrying them out."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from audit_trail.reports.moves import newest_prices, origins_in
from audit_trail.reports.outcomes import outcomes, percent
from audit_trail.reports.periods import Period
from audit_trail.reports.strategies import strategy_performance
from audit_trail.sources.alpaca.models import HistoricalBar
from tests.audit_trail.reports.rows import CANCELLED, DAY, IN_PART, PENDING, SUBMITTED, UNKNOWN, filled
from tests.support import decided, ingested
from tests.support import factories as make
from tests.support.commands import run
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
BOTH = '{"source_data":{"strategies":[{"name":"congressional"},{"name":"insider"}]}}'


def of(name, **facts):
    return {"strategy_name": name, "symbol": f"S{make.number()}"} | facts


def told(**asked):
    return {(row.strategy, row.within): row for row in strategy_performance(period=DAY, **asked).strategies}


@pytest.mark.parametrize(
    ("part", "whole", "rate"),
    [(0, 0, "0"), (0, 7, "0"), (7, 7, "100"), (2, 3, "66.67"), (1, 3, "33.33"), (1, 8, "12.5"), (1, 800, "0.13")],
)
def test_a_rate_has_two_decimals_and_of_nothing_it_is_zero(part, whole, rate):
    assert percent(part, whole) == Decimal(rate)


def test_each_strategy_is_told_with_what_became_of_its_decisions():
    for became in ({}, {}, IN_PART, CANCELLED, PENDING, SUBMITTED, UNKNOWN):
        decided.decision(**of("insider") | became)
    filled(**of("insider"))
    filled(**of("congressional"))
    decided.decision(**of("congressional", failure_kind="market_closed"))
    decided.decision(**of("congressional", decided_at=datetime(2026, 3, 3, 5, tzinfo=UTC)))  # Of the next day.

    first, second = strategy_performance(period=DAY).strategies

    # The highest rate first.
    assert (first.strategy, first.summary.success_rate_percent) == ("congressional", 50)
    assert first.failures == {"market_closed": 1}
    assert second.summary == outcomes(
        {
            "executed": 1,
            "failed": 2,
            "partially_executed": 1,
            "cancelled": 1,
            "pending": 1,
            "submitted": 1,
            "unknown": 1,
        }
    )
    # Pending and under way are in the denominator of the one rate, and not in that of the other.
    assert (second.summary.success_rate_percent, second.summary.success_rate_of_ended_percent) == (Decimal("12.5"), 20)
    assert second.failures == {"insufficient_buying_power": 2}
    assert (second.within, list(told(strategy="insider"))) == (None, [("insider", None)])


def test_the_strength_of_signals_is_a_mean_of_all_decisions_however_they_ended():
    decided.decision(**of("insider", strength_order=10_000_000))
    decided.decision(**of("insider", strength_order=5_000_001) | PENDING)
    decided.decision(**of("insider", strength_order=999_999_999_999_999))

    (row,) = told().values()

    assert row.signals.mean_signal_strength == Decimal("333333338.333333")


def test_a_portfolios_decision_counts_for_each_strategy_that_had_a_part_in_it():
    filled(**of("portfolio", decision_rationale=BOTH))
    decided.decision(**of("portfolio", decision_rationale='{"source_data":{"strategies":[{"name":"insider"}]}}'))
    decided.decision(**of("portfolio", decision_rationale='{"source_data":{"strategies":[]}}'))
    decided.decision(**of("portfolio", decision_rationale='{"source_data":{"strategies":"none"}}'))
    decided.decision(**of("portfolio"))

    rows = told()

    assert rows["portfolio", None].summary.decisions == 5
    assert rows["congressional", "portfolio"].summary.success_rate_percent == 100
    assert (rows["insider", "portfolio"].summary.decisions, rows["insider", "portfolio"].summary.failed) == (2, 1)
    assert rows["insider", "portfolio"].signals.moves_unknown == 1
    assert list(told(strategy="insider")) == [("insider", "portfolio")]


@pytest.mark.parametrize("text", ["{", "[]", '{"source_data":{"strategies":[1]}}', '{"source_data":null}', "{}"])
def test_of_a_rationale_that_says_no_strategies_there_are_none(text):
    assert origins_in(text) == ()


def test_a_move_is_told_where_a_later_price_was_seen_and_else_it_is_unknown():
    for symbol, side in (("AAPL", "BUY"), ("MSFT", "SELL"), ("TSLA", "BUY"), ("F", "BUY")):
        filled("100", strategy_name="insider", symbol=symbol, side=side)
        decided.holding(symbol=symbol)
    make.profit_row(symbol="AAPL", at=NOON + HOUR, price_usd=Decimal(110))
    make.profit_row(symbol="AAPL", at=NOON + 48 * HOUR, price_usd=Decimal(900))  # After the period.
    filled("130", strategy_name="later", symbol="MSFT", executed_at=NOON + HOUR, decided_at=NOON + HOUR)
    make.profit_row(symbol="TSLA", at=NOON, price_usd=Decimal(110))  # Not later than the fill.
    quoted = {"symbol": "F", "bid_usd": None, "ask_usd": None, "last_usd": "105"}
    quoted |= {"quoted_at": "2026-03-02T13:00:00Z", "as_of": "2026-03-02T13:00:05Z"}
    make.broker_fact(kind="quote", subject="F", body=json.dumps(quoted), as_of=NOON + HOUR)

    signals = told()["insider", None].signals

    # +10, -30 and +5 percent.
    assert (signals.moves_known, signals.moves_unknown, signals.moved_as_bet) == (3, 1, 2)
    assert signals.mean_move_percent == -5


def test_the_close_of_a_daily_bar_is_a_later_price_once_it_is_known():
    filled("100", strategy_name="insider", symbol="AAPL")
    decided.holding(symbol="AAPL")
    period = Period(DAY.since, DAY.until + 24 * HOUR)
    prices = {name: Decimal(110) for name in ("open_usd", "high_usd", "low_usd", "close_usd")}
    for day, known_at in ((date(2026, 3, 2), DAY.until + HOUR), (date(2026, 3, 3), period.until + HOUR)):
        record = ingested.record(kind="daily_bar", known_at=known_at)
        HistoricalBar.objects.create(
            record=record, symbol="AAPL", day=day, began_at=DAY.since, volume=1, feed="iex", **prices
        )

    (row,) = strategy_performance(period=period).strategies

    assert (row.signals.moves_known, row.signals.mean_move_percent) == (1, 10)
    assert newest_prices(["AAPL"], before=period.until)["AAPL"].at == datetime(2026, 3, 2, 21, tzinfo=UTC)
    assert told()["insider", None].signals.moves_unknown == 1


def test_an_execution_without_a_price_has_no_known_move():
    filled(None, **of("insider"))
    assert told()["insider", None].signals.mean_move_percent is None


def test_the_newest_price_is_of_whoever_saw_it_last():
    decided.holding(symbol="AAPL")
    filled("100", symbol="AAPL", executed_at=NOON + HOUR)
    make.profit_row(symbol="AAPL", at=NOON, price_usd=Decimal(110))

    prices = newest_prices(["AAPL", "NONE"], before=DAY.until)

    assert prices == {"AAPL": (NOON + HOUR, Decimal(100))}


def test_it_takes_as_many_statements_for_many_as_for_few(django_assert_num_queries):
    for count in (2, 6):
        for _ in range(count):
            filled(**of(f"strategy-{make.number()}"))
        with django_assert_num_queries(5):
            strategy_performance(period=DAY)


def test_the_command_tells_each_strategy():
    filled(**of("portfolio", decision_rationale=BOTH))
    decided.decision(**of("insider"))
    asked = ("strategy_performance", "--since", "2026-03-02", "--until", "2026-03-02")

    text = run(*asked)

    assert "insider, in decisions of the portfolio\n  1 decisions: 1 executed" in text
    assert "success rate 0% of all, 0% of those that have ended\n" in text
    assert "signals: mean strength 8.5; of 1 fills no later price is known" in text
    assert "failed by insufficient_buying_power 1" in text
    rows = list(csv.DictReader(io.StringIO(run(*asked, "--csv", "-"))))
    assert [(row["strategy"], row["within"], row["executed"]) for row in rows] == [
        ("congressional", "portfolio", "1"),
        ("insider", "portfolio", "1"),
        ("portfolio", "", "1"),
        ("insider", "", "0"),
    ]
    assert json.loads(run(*asked, "--json"))["strategies"][0]["summary"]["success_rate_percent"] == "100"
    assert run("strategy_performance", "nobody").endswith("none\n")

"""A day's sizes go by the daily bars that were fetched before it, and say so where there are none."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit_trail.decisions.lineage import Role, TradeDecisionRecord
from audit_trail.decisions.models import TradeDecision
from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord
from audit_trail.sources.alpaca.ingesting import last_finished_day
from audit_trail.sources.alpaca.models import HistoricalBar
from config.environment import SettingError
from config.sources import ingest_on_schedule
from config.trading_day import parts
from config.venues.alpaca_bars import bar_json
from config.venues.faults import refuse
from config.venues.quiver_rows import congress_row, insider_row
from tests.support import ingested
from tests.support.commands import refused, run
from tests.support.pipeline import opened_pipeline
from trading.market_hours.calendar import NEW_YORK, session_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venues(monkeypatch):
    # A quarter of it is the insiders' part.
    with opened_pipeline(monkeypatch, cash_usd=Decimal(400_000)) as opened:
        yield opened


@pytest.fixture
def one_signal(venues):
    """One executive bought Amazon's shares for 50,000 dollars: a score of 0.6. Its price is 120."""
    alpaca, quiver = venues
    day = f"{timezone.now().date() - timedelta(days=2)}T00:00:00.000"
    quiver.insiders[:] = [
        insider_row(
            Ticker="AMZN", Date=day, fileDate=day, uploaded=day, Shares=Decimal(500), PricePerShare=Decimal(100)
        )
    ]
    quiver.congress[:] = [congress_row(Transaction="Sale (Full)", Traded=day, Filed=day, last_modified=day)]
    alpaca.exchange.book.instruments["AMZN"].price_usd = Decimal(120)
    run("ingest", "congress")
    run("ingest", "insider")
    return alpaca


def sessions(count):
    """So many sessions before today's, each of 2.5 dollars from low to high, that end at 120."""
    now = timezone.now()
    # In the evening today's has a bar too, by which today is not decided.
    day = min(last_finished_day(now), now.astimezone(NEW_YORK).date() - timedelta(days=1))
    while count:
        if session_of(day) is not None:
            yield bar_json(day, low="118.5", high="121", opened="120", close="120")
            count -= 1
        day -= timedelta(days=1)


def the_decision():
    run("run_strategy", "portfolio")
    decision = TradeDecision.objects.get()
    return decision, json.loads(decision.decision_rationale)["market_context"]


def test_with_bars_the_size_goes_by_the_average_true_range(one_signal):
    """Equity of the part 100,000, risk 0.001, ATR 2.5, score 0.6, price 120: 24 shares, 2,880 dollars."""
    one_signal.bars.told["AMZN"] = list(sessions(20))
    assert "bars: 20 records of" in run("ingest", "bars")

    decision, market = the_decision()

    assert (decision.symbol, decision.notional_usd) == ("AMZN", Decimal(2880))
    assert (market["atr_source"], market["atr"], market["sessions"]) == ("atr_14", "2.5", 20)
    assert (market["current_price"], market["volume_20d_avg"]) == ("120", "1000000")


def test_the_bars_and_their_run_are_the_lineage_of_the_price(one_signal):
    one_signal.bars.told["AMZN"] = list(sessions(20))
    run("ingest", "bars")

    decision, _ = the_decision()

    prices = TradeDecisionRecord.objects.filter(trade_decision=decision, role=Role.PRICE)
    rows = HistoricalBar.objects.filter(record__in=prices.values("record"))
    assert (rows.count(), set(rows.values_list("symbol", flat=True))) == (20, {"AMZN"})
    runs = DataIngestionRunRecord.objects.filter(record__in=prices.values("record")).values_list("run", flat=True)
    assert set(runs) == {DataIngestionRun.objects.get(data_source="alpaca_bars").pk}
    traced = json.loads(run("trade_lineage", str(decision.decision_id), "--json"))
    assert len([one for one in traced["records"] if one["used_for"] == "price"]) == 20
    assert {one["source"] for one in traced["runs"]} == {"quiverquant_congress", "quiverquant_insider", "alpaca_bars"}


@pytest.mark.parametrize("count", [0, 14])
def test_without_enough_bars_the_size_is_a_guess_that_is_told(one_signal, count):
    """Equity of the part 100,000, risk 0.001, ATR 3 % of 120, score 0.6: 16 shares, 1,920 dollars."""
    one_signal.bars.told["AMZN"] = list(sessions(count)) or [bar_json(timezone.now().date(), **TODAY)]
    run("ingest", "bars")

    planned = run("run_strategy", "portfolio", "--plan")
    decision, market = the_decision()

    assert "AMZN: expected 15 daily bars, found fewer, so the size goes by fallback_atr_pct: ingest bars" in planned
    assert decision.notional_usd == Decimal(1920)
    assert market["atr_source"] == ("percent_of_last_close" if count else "percent_of_latest_price")


TODAY = {"low": "1", "high": "2", "opened": "1", "close": "2"}


def test_what_is_fetched_is_what_is_signalled_or_held_and_nothing_else(one_signal):
    run("ingest", "bars")
    assert set(HistoricalBar.objects.values_list("symbol", flat=True)) == {"AMZN"}

    run("ingest", "bars", "--ticker", "BRK.B", "--since", "2026-01-05", "--until", "2026-01-09")

    rows = HistoricalBar.objects.filter(symbol="BRK.B")
    assert [row.day.isoformat() for row in rows.order_by("day")] == [f"2026-01-0{day}" for day in range(5, 10)]


def test_a_run_of_bars_that_fails_leaves_the_day_to_be_decided_by_a_guess(one_signal):
    one_signal.faults.add(refuse(403, "bars", message="subscription does not permit querying recent SIP data"))

    _, told = refused("ingest", "bars")

    assert "ALPACA_FEED=iex" in told
    _, market = the_decision()
    assert market["atr_source"] == "percent_of_latest_price"


def test_whoever_trades_elsewhere_needs_keys_for_bars_alone(one_signal, monkeypatch):
    monkeypatch.setenv("BROKER", "dry_run")
    monkeypatch.delenv("ALPACA_ACCOUNT")
    assert "bars:" in run("ingest", "bars")

    monkeypatch.delenv("ALPACA_API_SECRET")
    with pytest.raises((SettingError, CommandError), match="ALPACA_API_SECRET"):
        call_command("ingest", "bars")


def test_the_schedule_fetches_bars_where_there_are_keys(one_signal, monkeypatch):
    assert ingest_on_schedule("bars").startswith("bars: ")

    monkeypatch.delenv("ALPACA_API_KEY")

    assert ingest_on_schedule("bars") == "ALPACA_API_KEY is not set: nothing was fetched"


@pytest.mark.parametrize("left_out", [0, 5], ids=["the last session", "one between"])
def test_a_session_without_a_bar_is_told_with_the_plan(one_signal, left_out):
    told = list(sessions(21))
    missing = told.pop(left_out)
    one_signal.bars.told["AMZN"] = told
    run("ingest", "bars")

    planned = run("run_strategy", "portfolio", "--plan")

    assert f"AMZN: expected a bar of each of the last 15 sessions, found none of {missing['t'][:10]}" in planned


def test_a_run_of_bars_under_way_elsewhere_does_not_end_the_day(one_signal):
    ingested.running(task_name="bars", alive_until=timezone.now() + timedelta(minutes=5))

    with pytest.raises(SystemExit):
        call_command("trade_day", "--follow", "5")

    assert TradeDecision.objects.exists()


def test_a_day_without_the_secret_of_bars_does_not_ask_for_them(one_signal, monkeypatch):
    monkeypatch.delenv("ALPACA_API_SECRET")

    assert ("ingest", "bars") not in [part.command for part in parts(ingests=True, seconds=5)]

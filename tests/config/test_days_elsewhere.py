"""A day is decided at Schwab and at the dry run as it is at Alpaca, by the prices that each of them has."""

import secrets
from decimal import Decimal

import pytest
from django.utils import timezone

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.models import TradeExecution
from audit_trail.sources.alpaca.models import HistoricalBar
from config.days import wired_day
from config.demo.account import log_in
from config.venue_environment import environment_of
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.hours import Door, Hours
from config.venues.quiver import QuiverVenue
from config.venues.schwab import SchwabVenue
from config.wiring import make_ledger
from tests.support.commands import refused, run
from trading.conductor.reconciling.identity import confirm_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quiver(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    with QuiverVenue() as venue:
        go_to(venue, monkeypatch)
        yield venue


def go_to(venue, monkeypatch, *names):
    for name, value in environment_of(venue).items():
        if not names or name in names:
            monkeypatch.setenv(name, value)


def ingest(*more):
    for task in ("congress", "insider", *more):
        run("ingest", task)


@pytest.fixture
def schwab(quiver, monkeypatch):
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", secrets.token_hex(32))
    exchange = Exchange(
        fill_seconds=0, hours=Hours(door=Door.OPEN), accounts=[Account(cash_usd=Decimal(100_000), shorting=False)]
    )
    with SchwabVenue(exchange) as venue:
        go_to(venue, monkeypatch)
        log_in(make_ledger())
        with wired_day() as wired:
            there = wired.broker.account()
        confirm_account("schwab", there, actor="tests", reason="a test", now=timezone.now())
        yield venue


def test_a_day_at_schwab_buys_whole_shares(schwab):
    ingest()

    run("run_strategy", "portfolio")
    with pytest.raises(SystemExit):  # Half a share of Berkshire is not to be had there.
        run("execute_decisions", "--follow", "5")

    decisions = list(TradeDecision.objects.all())
    assert {decision.trading_mode for decision in decisions} == {"paper"}
    executed = [decision for decision in decisions if decision.status == "executed"]
    assert len(executed) > 1, [(one.symbol, one.status, one.reason) for one in decisions]
    filled = TradeExecution.objects.filter(status="filled")
    assert all(row.filled_shares == row.filled_shares.to_integral_value() for row in filled)
    held = schwab.exchange.account().holdings
    assert {symbol: one.shares for symbol, one in held.items()} == {
        row.trade_decision.symbol: row.filled_shares for row in filled
    }
    left = [decision for decision in decisions if decision.status != "executed"]
    assert [(one.symbol, one.failure_kind) for one in left] == [("BRK.B", "not_fractionable")]


@pytest.fixture
def dry_run(quiver, monkeypatch):
    monkeypatch.setenv("BROKER", "dry_run")
    monkeypatch.setenv("DRY_RUN_FILL_SECONDS", "0")
    monkeypatch.setenv("DRY_RUN_EQUITY_USD", "400000")
    with wired_day() as wired:
        here = wired.broker.account()
    confirm_account("dry_run", here, actor="tests", reason="a test", now=timezone.now())
    with AlpacaVenue() as alpaca:
        go_to(alpaca, monkeypatch, "ALPACA_DATA_URL", "ALPACA_API_KEY", "ALPACA_API_SECRET")
        yield alpaca


def test_at_the_dry_run_a_day_is_decided_and_traded_by_bars(dry_run):
    ingest("bars")

    planned = run("run_strategy", "portfolio")
    executed = run("execute_decisions", "--follow", "5")

    assert "fallback_atr_pct" not in planned
    assert set(TradeDecision.objects.values_list("status", flat=True)) == {"executed"}, executed
    # It fills at the last close that was fetched.
    closes = {row.symbol: row.close_usd for row in HistoricalBar.objects.order_by("day")}
    for row in TradeExecution.objects.all():
        assert row.average_price_usd == closes[row.trade_decision.symbol]


def test_at_the_dry_run_nothing_is_decided_without_any_price(dry_run):
    ingest()
    told, _ = refused("run_strategy", "portfolio", "--plan")
    assert told.startswith("no_prices: ")


def test_at_the_dry_run_nothing_is_decided_where_nobody_said_what_it_is_worth(dry_run, monkeypatch):
    monkeypatch.delenv("DRY_RUN_EQUITY_USD")
    ingest("bars")
    told, _ = refused("run_strategy", "portfolio", "--plan")
    assert told.startswith("equity_unknown: ")

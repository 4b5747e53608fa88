"""A whole day by one command: fetched, decided, sold, bought, told; and by schedule, where that is asked for."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit_trail.decisions.models import TradeDecision
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.records import SourceRecord
from config import trading_day
from config.venues.faults import refuse
from config.venues.filling import FillRule
from tests.support.commands import refused, run
from tests.support.pipeline import opened_pipeline

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venues(monkeypatch):
    with opened_pipeline(monkeypatch) as opened:
        yield opened


def test_a_day_fetches_decides_sells_buys_and_tells(venues):
    told = run("trade_day", "--follow", "5")

    headings = [line for line in told.splitlines() if line.startswith("--- ")]
    assert headings[0] == "--- ingest congress"
    assert headings[-3:] == [
        "--- run_strategy portfolio",
        "--- execute_decisions --follow 5 --side sell",
        "--- execute_decisions --follow 5 --side buy",
    ]
    assert set(TradeDecision.objects.values_list("status", flat=True)) == {"executed"}
    for decision in TradeDecision.objects.filter(side="BUY"):
        assert f" {decision.symbol}\n" in told.partition("equity:")[2]


def test_a_day_that_is_done_again_trades_nothing_again(venues):
    run("trade_day", "--follow", "5")
    before = list(TradeDecision.objects.order_by("id").values())
    alpaca, _ = venues
    sent = len(alpaca.asked("submit"))

    told = run("trade_day", "--follow", "5")

    assert list(TradeDecision.objects.order_by("id").values()) == before
    assert len(alpaca.asked("submit")) == sent
    assert "0 of them new" in told


def test_a_source_that_fails_ends_the_day_before_anything_is_decided(venues):
    alpaca, quiver = venues
    quiver.faults.add(refuse(403))

    _, told = refused("trade_day")

    assert "ingest congress" in told
    assert "The day ends here; nothing after it was done" in told
    assert not TradeDecision.objects.exists()
    assert alpaca.asked("submit") == []


def test_one_that_fails_is_told_by_the_exit_code_and_the_rest_is_traded(venues):
    alpaca, _ = venues
    alpaca.faults.add(refuse(422, "submit", message="this asset is not tradable"))
    out = StringIO()

    with pytest.raises(SystemExit) as left:
        call_command("trade_day", "--follow", "5", stdout=out)

    assert left.value.code == 1
    statuses = list(TradeDecision.objects.values_list("status", flat=True))
    assert statuses.count("failed") == 1
    assert statuses.count("executed") == len(statuses) - 1 > 0
    assert "equity:" in out.getvalue()


def test_a_day_that_is_done_says_so_where_the_account_can_not_be_asked_for_in_the_end(venues, monkeypatch):
    """It ended in a backtrace, as if the day had failed."""
    alpaca, _ = venues
    told = trading_day.standing

    def at_the_end():
        alpaca.faults.add(refuse(429, "account"))
        return told()

    monkeypatch.setattr("config.management.commands.trade_day.standing", at_the_end)

    _, refusal = refused("trade_day", "--follow", "5")

    assert "the day is done, and how the account stands could not be asked" in refusal
    assert set(TradeDecision.objects.values_list("status", flat=True)) == {"executed"}


def test_a_planned_day_stores_and_sends_nothing(venues):
    told = run("trade_day", "--plan")

    assert "orders are meant as of" in told
    assert DataIngestionRun.objects.exists()
    assert not TradeDecision.objects.exists()


def test_seconds_that_are_none_are_refused():
    with pytest.raises(CommandError, match="expected 0 to 3600 seconds"):
        call_command("trade_day", "--follow", "1.5")


def test_nothing_is_bought_while_a_sale_that_pays_for_it_is_under_way(venues):
    """B-str-6: purchases were sent before the sales had filled, and failed for want of money."""
    alpaca, quiver = venues
    run("trade_day", "--follow", "5")
    first = TradeDecision.objects.filter(side="BUY").first()
    bought = alpaca.exchange.account().shares_of(first.symbol)
    TradeDecision.objects.update(trading_day=datetime(2026, 1, 5, tzinfo=UTC).date())
    for rows in (quiver.congress, quiver.insiders):
        rows[:] = [row for row in rows if row["Ticker"] != first.symbol]
    SourceRecord.objects.filter(symbol=first.symbol).exclude(kind="daily_bar").update(superseded_at=timezone.now())
    alpaca.exchange.rule = FillRule(seconds=None)  # Nothing is filled by itself from now on.

    printed, told = refused("trade_day", "--follow", "1")

    assert f"expected the sales that pay for it to have ended, found {first.symbol} under way" in told
    assert "--side buy" not in printed
    assert alpaca.exchange.account().shares_of(first.symbol) == bought > 0
    assert not TradeDecision.objects.filter(side="BUY", trading_day__gte=timezone.now().date()).exclude(
        status="pending"
    )


# By schedule.


@pytest.fixture
def at(monkeypatch):
    def move(moment):
        monkeypatch.setattr(trading_day.timezone, "now", lambda: moment)

    monkeypatch.setattr(trading_day, "parts", lambda **_: iter(()))
    monkeypatch.setattr(trading_day, "trade", lambda _, out, errors: out.write("traded\n") and 0)
    return move


SUMMER, WINTER = datetime(2026, 7, 7, 14, 0, tzinfo=UTC), datetime(2026, 12, 8, 15, 0, tzinfo=UTC)


def test_nothing_is_traded_on_schedule_unless_it_is_asked_for(at):
    at(SUMMER)
    assert trading_day.trade_on_schedule().startswith("TRADE_DAILY is off")


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (SUMMER, "traded\n"),
        (WINTER, "traded\n"),
        (SUMMER.replace(hour=15), "it is 11:00 in New York"),
        (WINTER.replace(hour=14), "it is 09:00 in New York"),
        (datetime(2026, 11, 26, 15, 0, tzinfo=UTC), "there is no session on 2026-11-26"),
        (datetime(2026, 7, 4, 14, 0, tzinfo=UTC), "there is no session on 2026-07-04"),
    ],
)
def test_it_is_traded_at_ten_in_new_york_on_days_with_a_session(at, monkeypatch, moment, told):
    monkeypatch.setenv("TRADE_DAILY", "on")
    at(moment)

    assert trading_day.trade_on_schedule().startswith(told)


def test_what_pays_for_purchases_is_sold_first():
    commands = [str(part) for part in trading_day.parts(ingests=False, seconds=7)]
    assert commands == [
        "run_strategy portfolio",
        "execute_decisions --follow 7 --side sell",
        "execute_decisions --follow 7 --side buy",
    ]

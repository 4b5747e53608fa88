"""The commands for decisions, as an operator runs them, at a venue that speaks Alpaca's protocol."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit_trail.decisions.models import TradeDecision
from audit_trail.decisions.storing import store, traded_account
from audit_trail.executions.legacy import AlpacaOrder
from config.decision_environment import USE_AUDIT_TRAIL, uses_audit_trail
from config.decision_watch import compare_once
from config.documented import documented_variables
from config.environment import SettingError
from config.venue_environment import environment_of
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import cut_after
from config.venues.hours import Door, Hours
from tests.audit_trail.decisions.drafts import draft
from tests.support.commands import refused, run
from tests.support.facts import account
from tests.support.stations import notices
from trading.conductor.leases import lease
from trading.conductor.reconciling.identity import confirm_account
from trading.risk.reading import day_began

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venue(monkeypatch):
    exchange = Exchange(fill_seconds=0, hours=Hours(door=Door.OPEN), accounts=[Account(cash_usd=Decimal(10_000))])
    with AlpacaVenue(exchange) as venue:
        for name, value in environment_of(venue).items():
            monkeypatch.setenv(name, value)
        yield venue


@pytest.fixture
def confirmed(venue):
    there = account(timezone.now(), number=venue.exchange.account().number)
    confirm_account("alpaca", there, actor="tests", reason="a test", now=timezone.now())
    return venue


def decide(*symbols, **changes):
    now = timezone.now()
    drafts = [
        draft(symbol, known_at=now - timedelta(days=1), strength=str(9 - n), **changes)
        for n, symbol in enumerate(symbols)
    ]
    return list(
        store(drafts, account=traded_account("alpaca"), trading_day=day_began(now).date(), decided_at=now).decisions
    )


def lines(output):
    return [line.split("\t") for line in output.splitlines()]


def test_decisions_are_executed_followed_and_told(confirmed):
    first, second = decide("AAPL", "F")

    told = lines(run("execute_decisions", "--follow", "30"))

    assert told == [
        ["decision", "strategy", "side", "symbol", "status", "reason"],
        [str(first.decision_id), "congressional", "BUY", "AAPL", "executed", "none"],
        [str(second.decision_id), "congressional", "BUY", "F", "executed", "none"],
    ]
    assert run("execute_decisions") == "no decision of today is pending at this account\n"
    assert run("recheck_decisions") == "no order of a decision is open\n"
    assert "is executed; its order htd-" in run("recheck_decisions", str(first.decision_id))
    assert run("compare_orders") == "2 orders, no difference\n"


def test_decisions_for_another_account_are_told_and_end_the_command_with_1(confirmed):
    decide("AAPL")
    TradeDecision.objects.update(broker="schwab", account_number="87654321")
    out, errors = StringIO(), StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("execute_decisions", stdout=out, stderr=errors)

    assert ended.value.code == 1
    assert out.getvalue() == "no decision of today is pending at this account\n"
    assert "1 decisions of today are pending for the paper account ending in 4321 at schwab, and alpaca is" in (
        errors.getvalue()
    )
    assert confirmed.asked("submit") == []


def test_what_went_wrong_at_first_is_no_reason_of_one_that_was_executed(confirmed):
    decide("AAPL")
    confirmed.faults.add(cut_after())

    told = lines(run("execute_decisions", "--follow", "30"))

    assert told[1][-2:] == ["executed", "none"]


def test_a_failure_ends_the_command_with_1_after_all_had_their_turn(confirmed):
    decide("AAPL", "F", shares=Decimal(100))

    with pytest.raises(SystemExit) as ended:
        run("execute_decisions")

    assert ended.value.code == 1
    assert dict(TradeDecision.objects.values_list("symbol", "status"))["AAPL"] == "failed"
    assert len(confirmed.exchange.orders) == 1


def test_nothing_is_executed_before_the_account_was_confirmed(venue):
    _, told = refused("execute_decisions")

    assert "not the one that was confirmed" in told
    assert "nothing was executed" in told


def test_two_runs_are_one_too_many(confirmed):
    with lease("decisions at alpaca", now=timezone.now(), lasts=timedelta(minutes=1)):
        _, told = refused("execute_decisions")

    assert told == "another process executes decisions at alpaca"


def test_a_decision_is_cancelled_with_a_reason(confirmed):
    (decision,) = decide("AAPL")

    told = run("cancel_decision", str(decision.decision_id), "--reason", "a split")

    assert told.endswith("is cancelled; nothing had been sent\n")
    row = TradeDecision.objects.get()
    assert (row.status, row.reason) == ("cancelled", "a split")
    assert row.cancelled_by
    assert (
        "is cancelled; only what has not ended"
        in refused("cancel_decision", str(decision.decision_id), "--reason", "again")[1]
    )


def test_a_reason_is_asked_for_and_a_decision_that_is_there(confirmed):
    assert refused("cancel_decision", str(uuid4()), "--reason", " ")[1] == "expected a reason, was empty"
    assert "there is no decision" in refused("cancel_decision", str(uuid4()), "--reason", "x")[1]
    assert "there is no decision" in refused("recheck_decisions", str(uuid4()))[1]


def test_a_difference_between_the_tables_is_told_and_is_a_notice(confirmed):
    decide("AAPL")
    run("execute_decisions", "--follow", "30")
    AlpacaOrder.objects.update(status="accepted")

    with pytest.raises(SystemExit) as ended:
        run("compare_orders")
    assert ended.value.code == 1
    assert compare_once() == "1 orders, 1 differences"
    assert notices() == [("legacy_orders_differ", "alpaca_orders")]

    AlpacaOrder.objects.update(status="filled")
    assert compare_once() == "1 orders, no difference"
    assert notices() == []


# The flag.


def test_without_the_audit_trail_there_are_no_decisions_to_execute(confirmed, monkeypatch):
    monkeypatch.setenv("USE_AUDIT_TRAIL", "off")
    decide("AAPL")

    _, told = refused("execute_decisions")

    assert told.startswith("USE_AUDIT_TRAIL is off")
    assert len(confirmed.exchange.orders) == 0


@pytest.mark.parametrize(("text", "is_used"), [("on", True), ("off", False), (None, True)])
def test_the_flag_is_on_or_off_and_on_by_default(text, is_used):
    assert uses_audit_trail({} if text is None else {"USE_AUDIT_TRAIL": text}) is is_used


@pytest.mark.parametrize("text", ["yes", "1", "ON"])
def test_the_flag_is_nothing_else(text):
    with pytest.raises(SettingError, match="USE_AUDIT_TRAIL"):
        uses_audit_trail({"USE_AUDIT_TRAIL": text})


def test_the_flag_is_among_the_documented_variables():
    assert USE_AUDIT_TRAIL in documented_variables()


@pytest.mark.parametrize("seconds", ["-1", "x", "3601"])
def test_how_long_to_follow_is_a_number_of_seconds(confirmed, seconds):
    assert "seconds" in refused("execute_decisions", f"--follow={seconds}")[1]

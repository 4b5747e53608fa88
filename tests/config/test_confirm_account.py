"""Another account is confirmed once nothing is open in the former one, or where an operator says that it may be."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit_trail.decisions.models import TradeDecision
from audit_trail.decisions.storing import store, traded_account
from audit_trail.executions.models import TradeExecution
from config.trading_day import sales_under_way
from config.venue_environment import environment_of
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange, FillRule
from config.venues.hours import Door, Hours
from tests.audit_trail.decisions.drafts import draft
from tests.support.commands import refused, run
from tests.support.stations import Clock, with_a_placed_order
from tests.support.venue import Venue
from trading.brokers.dry_run.broker import DryRunBroker
from trading.conductor.reconciling.identity import TradingAccount, confirm_account
from trading.risk.reading import day_began

pytestmark = pytest.mark.django_db(transaction=True)

FORMER = "PA-FORMER-1111"


@pytest.fixture
def venue(monkeypatch):
    exchange = Exchange(fill_seconds=0, hours=Hours(door=Door.OPEN), accounts=[Account(cash_usd=Decimal(10_000))])
    with AlpacaVenue(exchange) as venue:
        for name, value in environment_of(venue).items():
            monkeypatch.setenv(name, value)
        run("confirm_account", "--reason", "first day", "--yes")
        exchange.rule = FillRule(seconds=None)  # Nothing is filled by itself.
        yield venue


@pytest.fixture
def left(venue):
    """A decision whose order is open in an account that was traded in before the keys were changed."""
    now = timezone.now()
    (decision,) = store(
        [draft(known_at=now - timedelta(days=1))],
        account=traded_account("alpaca"),
        trading_day=day_began(now).date(),
        decided_at=now,
    ).decisions
    run("execute_decisions")
    assert TradeExecution.objects.get().status == "submitted"
    TradeDecision.objects.update(account_number=FORMER)
    TradingAccount.objects.update(account_number=FORMER)
    return decision


def confirm(*arguments):
    return ("confirm_account", "--reason", "it moves", "--yes", *arguments)


def confirmed():
    return TradingAccount.objects.get().account_number


def test_an_order_of_a_decision_that_is_open_in_the_former_account_is_named_and_nothing_is_changed(left):
    _, told = refused(*confirm())

    order = TradeExecution.objects.get().client_order_id
    assert "expected no order open in the paper account ending in 1111 at alpaca, found" in told
    assert f"order {order} of decision {left.decision_id} (submitted, BUY AAPL)" in told
    assert "--leave-open" in told
    assert confirmed() == FORMER


def test_it_may_be_left_open_and_the_operator_is_told_that_nobody_asks_about_it(left):
    told = run(*confirm("--leave-open"))

    order = TradeExecution.objects.get().client_order_id
    assert (
        "left open in the paper account ending in 1111 at alpaca, and asked about no more until that account is "
        f"confirmed again: order {order} of decision {left.decision_id} (submitted, BUY AAPL)\n"
    ) in told
    assert confirmed() != FORMER
    assert "which does not have it" in run("recheck_decisions")


@pytest.mark.parametrize("flag", [(), ("--leave-open",)])
def test_where_nothing_is_open_another_account_is_confirmed_and_nothing_is_said_of_the_former_one(venue, flag):
    TradingAccount.objects.update(account_number=FORMER)

    assert "left open" not in run(*confirm(*flag))
    assert confirmed() != FORMER


def test_the_same_account_is_confirmed_again_whatever_is_open_in_it(left, venue):
    here = venue.exchange.account().number
    TradeDecision.objects.update(account_number=here)
    TradingAccount.objects.update(account_number=here)

    assert "left open" not in run(*confirm())


def test_a_paper_account_is_not_the_real_one_of_its_number(left, venue):
    number = venue.exchange.account().number
    TradeDecision.objects.update(account_number=number, trading_mode="live")
    TradingAccount.objects.update(account_number=number, paper=False)

    _, told = refused(*confirm())

    assert "expected no order open in the live account" in told


@pytest.mark.parametrize("flag", [(), ("--leave-open",)])
def test_a_hedge_that_is_open_keeps_another_account_from_being_confirmed_in_any_case(monkeypatch, flag):
    """It does not know its account: looked for in the new one, it would be held for never there, and sent again."""
    monkeypatch.setenv("BROKER", "dry_run")
    clock = Clock()
    venue = Venue(clock)
    assert venue.name == DryRunBroker.name
    confirm_account("dry_run", venue.account(), actor="tests", reason="a test", now=clock())
    stations = with_a_placed_order(venue, clock)
    stations.run(stations.dispatcher)
    order = stations.only_order()

    _, told = refused(*confirm(*flag))

    assert (
        f"expected no hedge open in the paper account ending in UE-1 at dry_run, found hedge {order.order_id}" in told
    )
    assert "(submitted, BUY 2 AAPL)" in told
    assert confirmed() == "VENUE-1"


def test_a_hedge_of_which_nothing_was_sent_goes_to_the_account_that_is_confirmed_then(monkeypatch):
    """It was placed after the keys were changed, and can't be sent before somebody confirms the account."""
    monkeypatch.setenv("BROKER", "dry_run")
    clock = Clock()
    venue = Venue(clock)
    confirm_account("dry_run", venue.account(), actor="tests", reason="a test", now=clock())
    with_a_placed_order(venue, clock)

    run(*confirm())

    assert confirmed() != "VENUE-1"


def test_a_sale_in_another_account_keeps_no_purchase_of_this_one_waiting(left):
    TradeDecision.objects.update(side="SELL")
    assert sales_under_way() == ["AAPL"]

    run(*confirm("--leave-open"))

    assert sales_under_way() == []

"""Decisions are stored whole, once, before anything is done about them."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from audit_trail.decisions.drafts import NotADraft, TradedAccount
from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.decisions.storing import NoAccount, store, traded_account
from tests.audit_trail.decisions.drafts import ACCOUNT, AT, TODAY, decided, draft, stored, why
from tests.flows.test_concurrency import at_once
from tests.support.facts import account
from trading.conductor.reconciling.identity import confirm_account
from trading.values.sides import Side
from trading.values.symbols import NotASymbol

pytestmark = pytest.mark.django_db


def test_a_decision_says_who_decided_what_for_which_account_and_why():
    row = TradeDecision.objects.get(pk=decided("BRK.B", shares=Decimal("0.123456789012345678901")).pk)

    assert (row.strategy_name, row.symbol, row.side) == ("congressional", "BRK.B", Side.BUY)
    assert row.shares == Decimal("0.123456789012345678901")
    assert (row.broker, row.account_number, row.trading_mode, row.trading_day) == ("dry_run", "DRY-RUN", "paper", TODAY)
    assert (row.known_at, row.decided_at) == (AT, AT)
    assert row.status == Status.PENDING
    assert (row.signal_strength, row.order_type) == (Decimal("8.5"), "market")
    assert json.loads(row.decision_rationale)["source_data"]["politician_names"] == ["A. Senator"]


def test_storing_a_run_again_makes_nothing_twice_and_changes_nothing():
    first = stored(draft("AAPL"), draft("MSFT"))

    again = store(
        [draft("MSFT", shares=Decimal(9)), draft("AAPL"), draft("TSLA")],
        account=ACCOUNT,
        trading_day=TODAY,
        decided_at=AT + timedelta(hours=1),
    )

    assert again.new == 1
    assert [row.symbol for row in again.decisions] == ["MSFT", "AAPL", "TSLA"]
    assert again.decisions[0].decision_id == first[1].decision_id
    assert again.decisions[0].shares == 4
    assert TradeDecision.objects.count() == 3


@pytest.mark.parametrize(
    "other",
    [
        {"day": date(2026, 3, 3)},
        {"account": TradedAccount("dry_run", "ANOTHER", True)},
        {"account": TradedAccount("alpaca", "DRY-RUN", True)},
    ],
)
def test_another_day_or_account_is_another_decision(other):
    stored(draft())
    stored(draft(), **other)

    assert TradeDecision.objects.count() == 2


def test_another_strategy_decides_for_itself():
    stored(draft(), draft(strategy="insider", side=Side.SELL))

    assert TradeDecision.objects.count() == 2


def test_the_database_itself_lets_no_second_one_in():
    row = decided()
    row.pk = None
    row.decision_id = "7d0e7a16-5f2b-4c52-9a3e-3d63c52f2f7e"

    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_all_of_a_run_is_stored_or_none():
    with pytest.raises(NotADraft, match="several of congressional AAPL"):
        stored(draft("MSFT"), draft("AAPL"), draft("AAPL", side=Side.SELL))

    assert not TradeDecision.objects.exists()


def test_l14_what_was_not_known_yet_is_nothing_to_decide_by():
    with pytest.raises(NotADraft, match="known by"):
        stored(draft(known_at=AT + timedelta(microseconds=1)))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"shares": Decimal(1), "notional_usd": Decimal(5)}, "either shares"),
        ({"shares": Decimal(1), "closes_position": True}, "either shares"),
        ({"shares": None}, "either shares"),
        ({"shares": Decimal(0)}, "more than 0 shares"),
        ({"shares": 1.5}, "more than 0 shares"),
        ({"notional_usd": Decimal("1.001")}, "whole cents"),
        ({"closes_position": True}, "a sale to close"),
        ({"limit_price_usd": Decimal(-1)}, "USD a share at worst"),
        ({"strategy": ""}, "name of a strategy"),
        ({"strategy": "s" * 65}, "name of a strategy"),
        ({"strategy_version": " 1"}, "version of a strategy"),
        ({"known_at": AT.replace(tzinfo=None)}, "a time with a zone"),
    ],
)
def test_what_can_not_be_traded_on_is_refused(given, told):
    with pytest.raises(NotADraft, match=told):
        draft(**given)


@pytest.mark.parametrize("name", ["", "BRK B", "ÄPPLE", "X" * 33])
def test_a_symbol_is_one(name):
    with pytest.raises(NotASymbol):
        draft(name)


def test_l16_symbols_with_dots_and_dashes_are_symbols():
    assert {decided(name).symbol for name in ("BRK.B", "BF-B", "A")} == {"BRK.B", "BF-B", "A"}


@pytest.mark.parametrize(
    "change",
    [
        {"shares": None},
        {"notional_usd": Decimal(5)},
        {"closes_position": True},
        {"shares": Decimal(-1)},
        {"side": "HOLD"},
        {"decision_rationale": ""},
        {"decision_rationale": "{}"},
        {"known_at": AT + timedelta(seconds=1)},
        {"status": "lost"},
        {"status": "failed"},
        {"status": "cancelled"},
    ],
)
def test_the_database_refuses_what_no_decision_can_be(change):
    row = decided()

    with pytest.raises(IntegrityError), transaction.atomic():
        TradeDecision.objects.filter(pk=row.pk).update(**change)


def test_a_decision_is_for_the_account_that_was_confirmed():
    with pytest.raises(NoAccount, match="confirm_account"):
        traded_account("alpaca")

    confirmed = account(AT, number="PA-1", paper=True)
    confirm_account("alpaca", confirmed, actor="operator", reason="a test", now=AT)

    known = traded_account("alpaca")
    assert (known.number, known.mode) == ("PA-1", "paper")
    assert known.differs_from(confirmed) is None
    assert "…" not in str(known.differs_from(account(AT, number="PA-2", paper=True)))
    assert known.differs_from(account(AT, number="PA-1", paper=False)) == "expected a paper account, was a live one"


def test_the_strongest_has_the_greatest_order():
    rows = stored(*(draft(f"S{n}", rationale=why(signal_strength=Decimal(n))) for n in (7, 10, 8)))

    assert sorted(rows, key=lambda row: -row.strength_order) == [rows[1], rows[2], rows[0]]


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_store_the_same_run_store_it_once():
    drafts = [draft(f"S{n}") for n in range(20)]

    first, second = at_once(*[lambda: stored(*drafts)] * 2)

    assert TradeDecision.objects.count() == 20
    assert [row.decision_id for row in first] == [row.decision_id for row in second]

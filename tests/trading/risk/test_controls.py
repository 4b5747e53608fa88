"""Controls: every change is kept with who and why, and is effective for the very next order."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.support.stations import notices
from tests.trading.risk.asking import NOW, limit, restriction, switch
from trading.notices.models import Notice
from trading.risk.checking import controls_in_force
from trading.risk.controls import (
    KillSwitch,
    NoReason,
    RestrictedSymbol,
    RiskChange,
    RiskLimit,
    change,
    lock_controls,
    standing_switch,
    throw,
)
from trading.risk.rules import LimitRule
from trading.risk.scopes import NotASubject, Scope
from trading.risk.situation import Controls
from trading.values.symbols import NotASymbol

pytestmark = pytest.mark.django_db

WHY = {"reason": "something is wrong", "actor": "operator", "at": NOW}


def set_limit(value, rule="max_order_shares", scope="global", subject="", **why):
    number = None if value is None else Decimal(value)
    change(RiskLimit(rule=rule, scope=scope, subject=subject, value=number), **WHY | why)


def restrict(symbol="AAPL", side="", expires_at=None, **why):
    change(RestrictedSymbol(symbol=symbol, side=side, expires_at=expires_at), **WHY | why)


def changes():
    rows = RiskChange.objects.order_by("id")
    return [
        (row.control, row.subject, row.before and msgspec.json.decode(row.before), msgspec.json.decode(row.after))
        for row in rows
    ]


def test_of_every_change_it_is_kept_what_was_what_is_who_and_why():
    set_limit("100")
    set_limit("50.000000000000000000001", reason="too much", actor="anna", at=NOW + timedelta(hours=1))
    set_limit(None, reason="not needed")

    assert changes() == [
        ("limit", "max_order_shares, global", None, {"value": "100"}),
        ("limit", "max_order_shares, global", {"value": "100"}, {"value": "50.000000000000000000001"}),
        ("limit", "max_order_shares, global", {"value": "50.000000000000000000001"}, {"value": None}),
    ]
    second = RiskChange.objects.order_by("id")[1]
    assert (second.reason, second.actor, second.at) == ("too much", "anna", NOW + timedelta(hours=1))
    assert RiskLimit.objects.count() == 1


@pytest.mark.parametrize("why", [{"reason": " "}, {"actor": ""}])
def test_nothing_is_changed_without_a_reason_and_a_name(why):
    with pytest.raises(NoReason, match="expected a reason and who changes"):
        set_limit("100", **why)

    assert not RiskLimit.objects.exists()
    assert not RiskChange.objects.exists()


def test_a_reason_is_no_longer_than_somebody_reads():
    with pytest.raises(NoReason, match="expected a reason of at most 2000 letters, was one of 2001"):
        set_limit("100", reason="x" * 2001)

    assert not RiskLimit.objects.exists()


def test_a_kill_switch_has_a_notice_for_as_long_as_it_is_on():
    throw(Scope.GLOBAL, "", on=True, **WHY)
    throw(Scope.SYMBOL, "aapl", on=True, **WHY)
    assert notices() == [("kill_switch", "global"), ("kill_switch", "symbol AAPL")]
    assert "thrown by operator: something is wrong" in Notice.objects.get(subject="global").text

    throw(Scope.GLOBAL, "", on=False, **WHY | {"reason": "mended"})

    assert notices() == [("kill_switch", "symbol AAPL")]
    assert changes() == [
        ("kill_switch", "global", {"is_on": False}, {"is_on": True}),
        ("kill_switch", "symbol AAPL", None, {"is_on": True}),
        ("kill_switch", "global", {"is_on": True}, {"is_on": False}),
    ]


@pytest.mark.parametrize("on", ["true", "false", 1, 0, None, "on"])
def test_q8_a_switch_is_on_or_off_and_nothing_that_looks_like_it(on):
    with pytest.raises(TypeError, match="expected on as True or False"):
        throw(Scope.GLOBAL, "", on=on, **WHY)
    assert not KillSwitch.objects.exists()


@pytest.mark.parametrize(
    ("scope", "subject", "error"),
    [
        (Scope.GLOBAL, "AAPL", NotASubject),
        (Scope.BROKER, "", NotASubject),
        (Scope.BROKER, "etrade", NotASubject),
        (Scope.SYMBOL, "", NotASymbol),
        (Scope.SYMBOL, "A B", NotASymbol),
        (Scope.STRATEGY, " ", NotASubject),
        (Scope.STRATEGY, "x" * 65, NotASubject),
    ],
)
def test_a_scope_names_something_that_there_is(scope, subject, error):
    with pytest.raises(error):
        throw(scope, subject, on=True, **WHY)
    with pytest.raises(ValidationError):
        RiskLimit(rule="max_order_shares", scope=scope, subject=subject, value=1, **WHY).full_clean()


@pytest.mark.parametrize(
    "row",
    [
        lambda: KillSwitch(scope="symbol", subject="", is_on=True, **WHY),
        lambda: KillSwitch(scope="global", subject="AAPL", is_on=True, **WHY),
        lambda: RiskLimit(rule="max_order_shares", scope="global", subject="", value=Decimal(-1), **WHY),
    ],
)
def test_the_database_refuses_a_control_that_can_not_be(row):
    with pytest.raises(IntegrityError), transaction.atomic():
        row().save()


def test_what_is_in_force_is_read_in_one_query():
    throw(Scope.GLOBAL, "", on=False, **WHY)
    throw(Scope.STRATEGY, "congress", on=True, **WHY)
    restrict("AAPL", reason="earnings")
    restrict("MSFT", "BUY", NOW + timedelta(hours=1), reason="earnings")
    restrict("TSLA", expires_at=NOW)
    set_limit("100.000000000000000000000000000001", scope="symbol", subject="AAPL")
    set_limit("0", rule="orders_per_minute")
    set_limit(None, rule="daily_notional_usd")

    with CaptureQueriesContext(connection) as captured:
        controls = controls_in_force(NOW)

    assert len(captured) == 1
    assert controls == Controls(
        switches=(switch("strategy", "congress"),),
        restrictions=(
            restriction("AAPL"),
            restriction("MSFT", "BUY", NOW + timedelta(hours=1)),
        ),
        limits=(
            limit("max_order_shares", "100.000000000000000000000000000001", "symbol", "AAPL"),
            limit("orders_per_minute", "0"),
        ),
    )


def test_with_no_rows_nothing_is_in_force():
    assert controls_in_force(NOW) == Controls()


def test_the_lock_is_there_on_a_fresh_database_and_says_nothing():
    with transaction.atomic():
        lock_controls()
        lock_controls()

    assert [(row.named(), row.is_on) for row in KillSwitch.objects.all()] == [("global", False)]
    assert controls_in_force(NOW) == Controls()
    assert notices() == []


@pytest.mark.django_db(transaction=True)
def test_the_lock_belongs_in_the_transaction_of_the_order():
    with pytest.raises(RuntimeError, match="locked in the transaction"):
        lock_controls()


@pytest.mark.parametrize(
    ("scope", "subject", "reaches"),
    [
        (Scope.GLOBAL, "", True),
        (Scope.BROKER, "alpaca", True),
        (Scope.BROKER, "schwab", False),
        (Scope.SYMBOL, "AAPL", True),
        (Scope.SYMBOL, "MSFT", False),
        (Scope.STRATEGY, "hedge", True),
        (Scope.STRATEGY, "congress", False),
    ],
)
def test_a_switch_that_reaches_an_order_is_found(scope, subject, reaches):
    order = {"broker": "alpaca", "symbol": "AAPL", "strategy": "hedge"}
    thrown = throw(scope, subject, on=True, **WHY)
    assert standing_switch(**order) == (thrown if reaches else None)

    throw(scope, subject, on=False, **WHY)
    assert standing_switch(**order) is None


def test_every_rule_of_a_limit_can_be_stored():
    for rule in LimitRule:
        set_limit("1", rule=rule.value)
    assert {each.rule for each in controls_in_force(NOW).limits} == set(LimitRule)

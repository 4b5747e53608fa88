"""Asking the gate: an order as a test names it, against what it names, everything else being as it should."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.support.facts import fresh_facts
from trading.brokers.port import Capabilities
from trading.risk.gate import Allowed, Denied, decide
from trading.risk.intents import Intent
from trading.risk.rules import LimitRule
from trading.risk.scopes import Scope
from trading.risk.situation import Controls, Limit, Placed, Request, Restriction, Switch, Terms
from trading.values.identifiers import ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

# A Monday, 11:00 in New York.
NOW = datetime(2026, 3, 2, 16, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def usd(text: str) -> Usd:
    return Usd(Decimal(text))


def order(side="BUY", shares="10", **changes) -> Request:
    given = {"broker": "alpaca", "strategy": "hedge", "symbol": "AAPL"} | changes
    return Request(**given | {"side": Side(side), "shares": Shares(Decimal(shares))})


def terms(*, paper=True, account_number=None, calendar=False, **capabilities) -> Terms:
    can = {"fractional_digits": 9, "client_order_id": True, "shorting": True, "fractional_shorting": False}
    return Terms(
        capabilities=Capabilities(**can | capabilities),
        paper=paper,
        account_number=account_number,
        calendar=calendar,
    )


def limit(rule: str, value: str, scope="global", subject="") -> Limit:
    return Limit(rule=LimitRule(rule), scope=Scope(scope), subject=subject, value=Decimal(value))


def switch(scope="global", subject="") -> Switch:
    return Switch(scope=Scope(scope), subject=subject, reason="something is wrong")


def restriction(symbol="AAPL", side=None, expires_at=None) -> Restriction:
    return Restriction(
        symbol=Symbol(symbol), side=None if side is None else Side(side), expires_at=expires_at, reason="earnings"
    )


def intent(side="BUY", shares="10", **changes) -> Intent:
    given = {
        "client_order_id": ClientOrderId("ht-test-1-1"),
        "broker": "alpaca",
        "symbol": "AAPL",
        "side": Side(side),
        "requested_shares": Shares(Decimal(shares)),
        "filled_shares": Shares(Decimal(0)),
        "submitted_at": None,
        "ended_at": None,
        "price_usd": usd("200"),
    }
    return Intent(**given | changes)


def placed(notional="2000", seconds_ago=1.0, **changes) -> Placed:
    given = {"broker": "alpaca", "strategy": "hedge", "symbol": "AAPL"} | changes
    return Placed(**given | {"notional_usd": usd(notional), "placed_at": ago(seconds_ago)})


def asked(request=None, *, at=NOW, under=None, switches=(), restrictions=(), limits=(), **facts) -> Allowed | Denied:
    """Ask for an order. Facts that are not named are fresh, and there is nothing else under way."""
    request = request or order()
    return decide(
        request,
        terms=under or terms(),
        controls=Controls(switches=tuple(switches), restrictions=tuple(restrictions), limits=tuple(limits)),
        facts=fresh_facts(request.symbol, NOW, **facts),
        now=at,
    )


def answer(verdict: Allowed | Denied) -> str:
    """The shares that are allowed, or the rule that denied them."""
    return str(verdict.shares) if isinstance(verdict, Allowed) else verdict.rule.value

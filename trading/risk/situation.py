"""Situation: what an order is held against: what was asked, what an operator set, what is known and under way."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from trading.brokers.market import Account, Asset, Holdings, MarketClock, Quote
from trading.brokers.port import Capabilities
from trading.risk.intents import Intent
from trading.risk.rules import LimitRule
from trading.risk.scopes import Scope
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

# What is asked for.


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An order that a strategy would place."""

    broker: str
    strategy: str
    symbol: Symbol
    side: Side
    shares: Shares
    fractional_digits: int | None = None
    """How many decimals of a share the strategy orders at most; None for as many as the broker takes."""

    reference_price_usd: Usd | None = None
    """The price at which it was decided on; what a price collar is held against."""

    limit_price_usd: Usd | None = None
    """The worst price that it takes; None for a market order."""

    def named(self, scope: Scope) -> str:
        """What it is called in a scope; a control of that scope and name reaches it."""
        return _named(scope, self.broker, self.symbol, self.strategy)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What holds of a broker for as long as the process runs: what it can do, and which account is meant."""

    capabilities: Capabilities
    paper: bool | None
    """Whether the account must be a paper one, or must not be; None where that is not asked."""

    account_number: str | None = None
    """The account's number, or the last digits of it; None where that is not asked."""

    calendar: bool = False
    """The market's calendar must say the same as the broker's clock."""


# What an operator set.


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """A kill switch that is on."""

    scope: Scope
    subject: str
    reason: str


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol that is not traded, or on one side only, for a time or until further notice."""

    symbol: Symbol
    side: Side | None
    expires_at: datetime | None
    reason: str


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A number that no order, or no sum of orders, may exceed."""

    rule: LimitRule
    scope: Scope
    subject: str
    value: Decimal


class Controls(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an operator has in force."""

    switches: tuple[Switch, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    limits: tuple[Limit, ...] = ()

    def limits_on(self, request: Request, rule: LimitRule) -> list[Limit]:
        return [limit for limit in self.limits if limit.rule is rule and request.named(limit.scope) == limit.subject]


# What is known.


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was let through: what daily sums and rates count, whatever became of it."""

    broker: str
    strategy: str
    symbol: Symbol
    notional_usd: Usd
    placed_at: datetime

    def named(self, scope: Scope) -> str:
        return _named(scope, self.broker, self.symbol, self.strategy)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker said last, and what is under way; None is what it never said."""

    account: Account | None = None
    holdings: Holdings | None = None
    clock: MarketClock | None = None
    quote: Quote | None = None
    asset: Asset | None = None
    session_open: bool | None = None
    """What the market's calendar says; None where it can't tell."""

    troubles: Mapping[str, str] = {}
    """Why a fact could not be had when it was last asked for, by its kind."""

    intents: tuple[Intent, ...] = ()
    placed: tuple[Placed, ...] = ()


def _named(scope: Scope, broker: str, symbol: Symbol, strategy: str) -> str:
    match scope:
        case Scope.GLOBAL:
            return ""
        case Scope.BROKER:
            return broker
        case Scope.SYMBOL:
            return symbol
        case Scope.STRATEGY:
            return strategy

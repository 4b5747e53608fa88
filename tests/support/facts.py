"""Facts as a test wants them: an open market, an account without limits, a price of 200, all as fresh as can be."""

from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.brokers.market import Account, Asset, Holding, Holdings, MarketClock, Quote
from trading.brokers.port import Capabilities
from trading.risk.checking import KnownFacts
from trading.risk.situation import Facts
from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol


def account(as_of: datetime, **changes: Any) -> Account:
    facts = {
        "number": "TEST-1234",
        "paper": True,
        "blocked": None,
        "cash_usd": None,
        "buying_power_usd": None,
        "equity_usd": None,
        "shorting": True,
    }
    return Account(**facts | {"as_of": as_of} | changes)


def holdings(as_of: datetime, **shares: str) -> Holdings:
    held = (Holding(symbol=Symbol(name), net_shares=Shares(Decimal(net))) for name, net in shares.items())
    return Holdings(held=tuple(held), as_of=as_of)


def market_clock(as_of: datetime, **changes: Any) -> MarketClock:
    facts = {"is_open": True, "broker_time": as_of, "next_open_at": None, "next_close_at": None, "as_of": as_of}
    return MarketClock(**facts | changes)


def quote(symbol: str, as_of: datetime, *, last: str | None = "200", **changes: Any) -> Quote:
    facts = {"bid_usd": None, "ask_usd": None, "quoted_at": as_of, "as_of": as_of}
    price = None if last is None else Usd(Decimal(last))
    return Quote(**facts | {"symbol": Symbol(symbol), "last_usd": price} | changes)


def asset(symbol: str, as_of: datetime, **changes: Any) -> Asset:
    facts = {"tradable": True, "fractionable": True, "shortable": True}
    return Asset(**facts | {"symbol": Symbol(symbol), "as_of": as_of} | changes)


def fresh_facts(symbol: str, as_of: datetime, **changes: Any) -> Facts:
    """Everything that the gate asks for of one symbol, as of a moment."""
    facts = {
        "account": account(as_of),
        "holdings": holdings(as_of),
        "clock": market_clock(as_of),
        "quote": quote(symbol, as_of),
        "asset": asset(symbol, as_of),
    }
    return Facts(**facts | changes)


def given_facts(capabilities: Capabilities, clock: Callable[[], datetime]) -> KnownFacts:
    """Facts that are as fresh as the test's clock, for stations that are driven without a refresher."""

    def given(broker: str, symbols: Collection[Symbol]) -> dict[Symbol, Facts]:
        fractions = bool(capabilities.fractional_digits)
        return {
            symbol: fresh_facts(symbol, clock(), asset=asset(symbol, clock(), fractionable=fractions))
            for symbol in symbols
        }

    return given

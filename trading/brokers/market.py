"""Market: what a broker says of an account, of prices, of symbols and of its hours; each with the time it was asked."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account that orders are placed in."""

    number: str
    paper: bool | None
    """It trades nothing real; None where the broker does not say."""

    blocked: str | None
    """Why the broker takes no orders for it; None where it takes them."""

    cash_usd: Usd | None
    buying_power_usd: Usd | None
    """What may be bought for now, open orders counted; None: no limit is known to the broker (the dry run)."""

    equity_usd: Usd | None
    shorting: bool
    as_of: datetime
    """When the question was begun, so never later than the answer was true."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one symbol in the account."""

    symbol: Symbol
    net_shares: Shares
    """Negative where they are owed."""

    available_shares: Shares | None = None
    """What no open order of the account holds; None where the broker does not say."""

    average_entry_price_usd: Usd | None = None


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the account holds: complete, or there would be no answer, so that who is absent holds none."""

    held: tuple[Holding, ...]
    as_of: datetime

    def of(self, symbol: Symbol) -> Holding:
        found = [holding for holding in self.held if holding.symbol == symbol]
        return found[0] if found else Holding(symbol=symbol, net_shares=Shares(Decimal(0)))


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The latest price of a symbol."""

    symbol: Symbol
    bid_usd: Usd | None
    ask_usd: Usd | None
    last_usd: Usd | None
    quoted_at: datetime
    """When the price was true, by the market's clock; the newest of its parts."""

    as_of: datetime


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """What may be done with a symbol at this broker."""

    symbol: Symbol
    tradable: bool
    fractionable: bool
    shortable: bool
    as_of: datetime


class MarketClock(msgspec.Struct, frozen=True, kw_only=True):
    """The broker's word on whether market orders execute now."""

    is_open: bool
    broker_time: datetime
    next_open_at: datetime | None
    next_close_at: datetime | None
    as_of: datetime


class TradingSession(msgspec.Struct, frozen=True, kw_only=True):
    """One day's regular session; a day without one is absent from a calendar."""

    day: date
    opens_at: datetime
    closes_at: datetime

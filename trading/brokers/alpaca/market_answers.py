"""Market answers: what Alpaca says of the account, of prices, of symbols and of its hours, in our words.

Each raises Unreadable.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from trading.brokers.alpaca.answers import (
    Json,
    Unreadable,
    flag_of,
    flag_or_none,
    inner_of,
    shares_of,
    shares_or_none,
    symbol_of,
    text_of,
    time_of,
    time_or_none,
    usd_of,
    usd_or_none,
)
from trading.brokers.alpaca.order_reports import EQUITY, is_equity
from trading.brokers.market import Account, Asset, Holding, Holdings, MarketClock, Quote, TradingSession
from trading.values.arithmetic import plain
from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol

NEW_YORK = ZoneInfo("America/New_York")

_BLOCKS = {
    "account_blocked": "Alpaca has blocked the account",
    "trading_blocked": "Alpaca has blocked trading in the account",
    "trade_suspended_by_user": "the account's own settings at Alpaca suspend trading",
}


# The account.


def account_of(row: Json, *, paper: bool | None, as_of: datetime) -> Account:
    currency = row.get("currency", "USD")
    if currency != "USD":
        raise Unreadable(f"expected an account in USD, was {currency!r}")
    return Account(
        number=text_of(row, "account_number"),
        paper=paper,
        blocked=_block(row),
        cash_usd=usd_or_none(row, "cash"),
        # The figure that Alpaca holds an order in a stock against, open orders counted. The others are of other things:
        # non_marginable_buying_power is for what can't be lent on (a peer skipped hedges over it with cash at hand),
        # regt_ and daytrading_buying_power are two of the figures that this one is made of.
        buying_power_usd=usd_or_none(row, "buying_power"),
        equity_usd=usd_or_none(row, "equity"),
        shorting=flag_or_none(row, "shorting_enabled") is True,
        as_of=as_of,
    )


def _block(row: Json) -> str | None:
    reasons = [words for name, words in _BLOCKS.items() if flag_or_none(row, name)]
    if (status := text_of(row, "status")) != "ACTIVE":
        reasons.append(f"the account is {status} at Alpaca, not ACTIVE")
    return "; ".join(reasons) or None


def holdings_of(rows: list[Json], *, as_of: datetime) -> Holdings:
    """Read everything that is held of stocks; options and coins are none of ours."""
    held = tuple(_holding(row) for row in rows if is_equity(row))
    twice = {holding.symbol for holding in held if sum(other.symbol == holding.symbol for other in held) > 1}
    if twice:
        raise Unreadable(f"expected each symbol once, was {', '.join(sorted(twice))} twice")
    return Holdings(held=held, as_of=as_of)


def _holding(row: Json) -> Holding:
    symbol, side = symbol_of(row), text_of(row, "side")
    net, available = shares_of(row, "qty"), shares_or_none(row, "qty_available")
    if side not in ("long", "short") or (side == "long" and net < 0):
        raise Unreadable(f"expected {symbol} as held long or short, was {side!r} with {plain(net)} shares")
    return Holding(
        symbol=symbol,
        net_shares=net if side == "long" else _owed(net),
        available_shares=available if side == "long" or available is None else _owed(available),
        average_entry_price_usd=usd_or_none(row, "avg_entry_price"),
    )


def _owed(shares: Shares) -> Shares:
    """Alpaca tells shares that are owed with a minus, which the word short makes sure of."""
    return Shares(shares.copy_abs().copy_negate())


# Prices and symbols.


def prices_of(symbol: Symbol, quoted: Json | None, traded: Json | None, *, as_of: datetime) -> Quote | None:
    """Put the latest quote and the latest trade together; None where neither names a price.

    Alpaca tells 0 where nobody bids or asks. Where the bid is above the ask, neither can be relied on.
    """
    bid = ask = last = None
    times = []
    if quoted is not None:
        inner = _of_symbol(quoted, "quote", symbol)
        bid, ask = _price(inner, "bp"), _price(inner, "ap")
        if bid is not None and ask is not None and bid > ask:
            bid = ask = None
        if bid is not None or ask is not None:
            times.append(time_of(inner, "t"))
    if traded is not None:
        inner = _of_symbol(traded, "trade", symbol)
        last = _price(inner, "p")
        if last is not None:
            times.append(time_of(inner, "t"))
    if not times:
        return None
    return Quote(symbol=symbol, bid_usd=bid, ask_usd=ask, last_usd=last, quoted_at=max(times), as_of=as_of)


def _of_symbol(row: Json, name: str, symbol: Symbol) -> Json:
    _same_symbol(row, symbol)
    return inner_of(row, name)


def _same_symbol(row: Json, symbol: Symbol) -> None:
    if (told := text_of(row, "symbol")) != symbol:
        raise Unreadable(f"expected an answer about {symbol}, was about {told!r}")


def _price(row: Json, name: str) -> Usd | None:
    price = usd_of(row, name)
    if price < 0:
        raise Unreadable(f"expected {name} as a price, was {plain(price)}")
    return price or None


def asset_of(row: Json, symbol: Symbol, *, as_of: datetime) -> Asset:
    _same_symbol(row, symbol)
    if (name := text_of(row, "class")) != EQUITY:
        raise Unreadable(f"expected {symbol} as {EQUITY}, was {name!r}")
    return Asset(
        symbol=symbol,
        tradable=flag_of(row, "tradable") and text_of(row, "status") == "active",
        fractionable=flag_of(row, "fractionable"),
        # Only what is easy to borrow is lent.
        shortable=flag_of(row, "shortable") and flag_or_none(row, "easy_to_borrow") is not False,
        as_of=as_of,
    )


# Hours.


def clock_of(row: Json, *, as_of: datetime) -> MarketClock:
    return MarketClock(
        is_open=flag_of(row, "is_open"),
        broker_time=time_of(row, "timestamp"),
        next_open_at=time_or_none(row, "next_open"),
        next_close_at=time_or_none(row, "next_close"),
        as_of=as_of,
    )


def sessions_of(rows: list[Json], *, first: date, last: date) -> list[TradingSession]:
    sessions = sorted((_session(row) for row in rows), key=lambda session: session.day)
    days = [session.day for session in sessions]
    if days and (days[0] < first or days[-1] > last):
        raise Unreadable(f"expected days from {first} to {last}, was {days[0]} to {days[-1]}")
    if len(set(days)) < len(days):
        raise Unreadable("expected each day once, was one twice")
    return sessions


def _session(row: Json) -> TradingSession:
    try:
        day = date.fromisoformat(text_of(row, "date"))
        opens, closes = (
            datetime.combine(day, time.fromisoformat(text_of(row, name)), tzinfo=NEW_YORK).astimezone(UTC)
            for name in ("open", "close")
        )
    except ValueError as error:
        raise Unreadable(f"expected a day with its hours, was {dict(row)} ({error})") from None
    if opens >= closes:
        raise Unreadable(f"expected a session that opens before it closes, was {dict(row)}")
    return TradingSession(day=day, opens_at=opens, closes_at=closes)

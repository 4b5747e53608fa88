"""Alpaca's words: orders, accounts, positions and prices as its answers have them. Decimals are text, except prices of
market data; times carry up to nine digits of a second, with no zeros at the end.
"""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from config.venues.accounts import Account, Held
from config.venues.hours import EASTERN, Hours, Session
from config.venues.instruments import Instrument
from config.venues.orders import Order, State
from config.venues.shapes import shape
from trading.values.arithmetic import ZERO, add, canonical, multiply, plain, quotient, subtract
from trading.values.sides import Side

_IDS = uuid.UUID("f1bd9e2c-0a3d-5b37-9a55-6d1f6a1f9f5e")
PRICE_DIGITS = 6
_ROUNDED = Context(prec=320, rounding=ROUND_HALF_EVEN)
LOT = 100

ENDS = {
    State.FILLED: ("filled", "filled_at"),
    State.CANCELLED: ("canceled", "canceled_at"),
    State.EXPIRED: ("expired", "expired_at"),
    State.REJECTED: ("rejected", "failed_at"),
    State.REPLACED: ("replaced", "replaced_at"),
}
"""What an order that ended is called, and where the time of its end stands."""


def id_of(kind: str, what: object) -> str:
    """Make an id that is the same in every run."""
    return str(uuid.uuid5(_IDS, f"{kind}/{what}"))


def asset_id(symbol: str) -> str:
    return id_of("asset", symbol)


def nanoseconds_of(order: Order) -> int:
    """Tell when an order was entered; two of one microsecond are told apart by the rest."""
    return nanoseconds(order.entered_at) + order.number % 1000


def nanoseconds(at: datetime) -> int:
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*(Z|[+-]\d\d:?\d\d)?)?")


def parsed_nanoseconds(text: str) -> int | None:
    """Read a time as clients send it, with up to nine digits of a second, or a day; None where it is neither."""
    # A plus sign that was not escaped arrives as a space.
    found = _TIME.fullmatch(re.sub(r" (\d\d:?\d\d)$", r"+\1", text.strip()))
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{zone or '+00:00'}")
    except ValueError:
        return None
    return nanoseconds(at.astimezone(UTC)) + int((fraction or "0").ljust(9, "0"))


def moment(at: datetime, extra_nanoseconds: int = 0) -> str:
    """Write a time in UTC."""
    fraction = f"{at.microsecond * 1000 + extra_nanoseconds:09d}".rstrip("0")
    return f"{at:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}Z"


def eastern(at: datetime) -> str:
    return at.astimezone(EASTERN).isoformat()


def price_text(price: Decimal) -> str:
    return plain(price.quantize(Decimal(1).scaleb(-PRICE_DIGITS), context=_ROUNDED))


def status_of(order: Order, *, is_open: bool, just_sent: bool = False) -> str:
    if order.state in ENDS:
        return ENDS[order.state][0]
    if order.cancel_due_at is not None:
        return "pending_cancel"
    if order.fills:
        return "partially_filled"
    if not is_open:
        return "accepted"
    return "pending_new" if just_sent else "new"


def order_json(order: Order, series: int, *, is_open: bool, just_sent: bool) -> dict[str, Any]:
    ask, extra = order.ask, order.number % 1000
    # Where a test placed it at the exchange itself, nothing was said besides.
    kind = ask.words.get("type", "market" if ask.limit_price_usd is None else "limit")

    def other(number: int | None) -> str | None:
        return None if number is None else order_id_of(number, series)

    body = shape(
        "alpaca_order",
        id=order_id(order, series),
        client_order_id=ask.client_id or id_of("client", f"{series}/{order.number}"),
        created_at=moment(order.entered_at, extra),
        submitted_at=moment(order.entered_at, extra),
        updated_at=moment(order.updated_at, extra),
        asset_id=asset_id(ask.symbol),
        symbol=ask.symbol,
        notional=_text(ask.notional_usd),
        qty=_text(ask.shares),
        filled_qty=plain(order.filled),
        filled_avg_price=None if order.average_price is None else price_text(order.average_price),
        order_type=kind,
        type=kind,
        side=ask.side.lower(),
        time_in_force=ask.words.get("time_in_force", "day" if ask.good_for_day else "gtc"),
        limit_price=_text(ask.limit_price_usd),
        extended_hours=ask.words.get("extended_hours", False),
        position_intent=ask.words.get("position_intent"),
        status=status_of(order, is_open=is_open, just_sent=just_sent),
        replaces=other(order.replaces),
        replaced_by=other(order.replaced_by),
    )
    if order.ended_at is not None:
        body[ENDS[order.state][1]] = moment(order.ended_at, extra)
    return body


def order_id(order: Order, series: int) -> str:
    return order_id_of(order.number, series)


def order_id_of(number: int, series: int) -> str:
    return id_of("order", f"{series}/{number}")


def activities(orders: list[Order], series: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each leg of each fill, oldest first."""
    rows = sorted((fill.at, fill.number, order, fill) for order in orders for fill in order.fills)
    done: dict[int, Decimal] = {}
    for at, number, order, fill in rows:
        for place, (shares, price) in enumerate(fill.legs):
            done[order.number] = cumulative = add(done.get(order.number, ZERO), shares)
            left = max(subtract(order.shares or ZERO, cumulative), ZERO)
            # The day and the moment first, so that ids sort as time does.
            eastern_at = at.astimezone(EASTERN)
            stamp = f"{eastern_at:%Y%m%d%H%M%S}{eastern_at.microsecond // 1000:03d}"
            yield {
                "activity_type": "FILL",
                "id": f"{stamp}::{id_of('fill', f'{series}/{number}/{place}')}",
                "transaction_time": moment(at, number % 1000),
                "type": "partial_fill" if left else "fill",
                "price": plain(price),
                "qty": plain(shares),
                "side": order.ask.side.lower() if order.ask.side is Side.BUY else _sold(order),
                "symbol": order.ask.symbol,
                "leaves_qty": plain(left),
                "order_id": order_id(order, series),
                "cum_qty": plain(cumulative),
                "order_status": "partially_filled" if left else "filled",
            }


def _sold(order: Order) -> str:
    return "sell_short" if order.ask.words.get("position_intent") == "sell_to_open" else "sell"


def account_json(account: Account, prices: dict[str, Decimal], power: Decimal, *, pdt_fields: bool) -> dict[str, Any]:
    equity, long_value = account.equity(prices), account.long_value(prices)
    held = multiply(long_value, Decimal("0.5")) if account.multiplier > 1 else long_value
    body = shape(
        "alpaca_account",
        id=id_of("account", account.number),
        account_number=account.number,
        account_blocked=account.blocked,
        shorting_enabled=account.shorting,
        cash=plain(account.cash_usd),
        buying_power=plain(power),
        regt_buying_power=plain(power),
        options_buying_power=plain(power),
        # What can't be bought on margin: cash alone, so less than may be spent on shares.
        non_marginable_buying_power=plain(quotient(power, Decimal(account.multiplier))),
        equity=plain(equity),
        last_equity=plain(equity),
        portfolio_value=plain(equity),
        long_market_value=plain(long_value),
        short_market_value=plain(account.short_value(prices)),
        initial_margin=plain(held),
        maintenance_margin=plain(multiply(long_value, Decimal("0.3"))),
        last_maintenance_margin=plain(multiply(long_value, Decimal("0.3"))),
        multiplier=str(account.multiplier),
    )
    if pdt_fields:
        body |= {"daytrading_buying_power": plain(power), "daytrade_count": 0, "pattern_day_trader": False}
    return body


def position_json(symbol: str, held: Held, on_hold: Decimal, price: Decimal) -> dict[str, Any]:
    value = multiply(held.shares, price)
    cost = multiply(held.shares, held.average_price)
    profit = subtract(value, cost)
    usd = {
        "avg_entry_price": price_text(held.average_price),
        "market_value": plain(value),
        "cost_basis": price_text(cost),
        "unrealized_pl": price_text(profit),
        "unrealized_plpc": price_text(quotient(profit, cost.copy_abs())) if cost else "0",
        "unrealized_intraday_pl": "0",
        "unrealized_intraday_plpc": "0",
        "current_price": plain(price),
        "lastday_price": plain(price),
        "change_today": "0",
    }
    available = max(subtract(held.shares.copy_abs(), on_hold), ZERO)
    return shape(
        "alpaca_position",
        asset_id=asset_id(symbol),
        symbol=symbol,
        qty=plain(held.shares),
        qty_available=plain(available if held.shares > 0 else available.copy_negate()),
        side="long" if held.shares > 0 else "short",
        usd=usd,
        **usd,
    )


def asset_json(instrument: Instrument) -> dict[str, Any]:
    return shape(
        "alpaca_asset",
        id=asset_id(instrument.symbol),
        symbol=instrument.symbol,
        name=f"{instrument.symbol} Common Stock",
        status="active",
        tradable=instrument.tradable,
        fractionable=instrument.fractionable,
        shortable=instrument.shortable,
        easy_to_borrow=instrument.shortable,
    )


def clock_json(hours: Hours, now: datetime) -> dict[str, Any]:
    return {
        "timestamp": eastern(now),
        "is_open": hours.is_open(now),
        "next_open": eastern(hours.next_open(now)),
        "next_close": eastern(hours.next_close(now)),
    }


def calendar_json(session: Session) -> dict[str, Any]:
    opens, closes = session.opens_at.astimezone(EASTERN), session.closes_at.astimezone(EASTERN)
    whole_day = closes.date() != session.day
    return {
        "date": session.day.isoformat(),
        "open": f"{opens:%H:%M}",
        "close": "23:59" if whole_day else f"{closes:%H:%M}",
        "session_open": "0000" if whole_day else "0400",
        "session_close": "2359" if whole_day else "2000" if closes.hour >= 16 else "1700",
        "settlement_date": session.day.isoformat(),
    }


def quote_json(instrument: Instrument, now: datetime) -> dict[str, Any]:
    return {
        "t": moment(instrument.quoted_at or now),
        "ax": "V",
        "ap": canonical(instrument.ask_usd),
        "as": LOT,
        "bx": "V",
        "bp": canonical(instrument.bid_usd),
        "bs": LOT,
        "c": ["R"],
        "z": "C",
    }


def trade_json(instrument: Instrument) -> dict[str, Any]:
    return {
        "t": moment(instrument.priced_at),
        "x": "V",
        "p": canonical(instrument.price_usd),
        "s": LOT,
        "c": ["@"],
        "i": 1,
        "z": "C",
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)

"""Schwab's words: orders, accounts and quotes as its answers have them. Decimals are numbers, times say `+0000`."""

import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from config.venues.accounts import Account, Held
from config.venues.hours import EASTERN, Session
from config.venues.instruments import Instrument
from config.venues.orders import Fill, Order, State
from config.venues.schwab_symbols import written
from config.venues.shapes import shape
from trading.values.arithmetic import ZERO, add, canonical, multiply, subtract
from trading.values.sides import Side

FIRST_ORDER_ID = 1_004_000_000_000
IDS_A_SERIES = 100_000

ENDS = {
    State.FILLED: "FILLED",
    State.CANCELLED: "CANCELED",
    State.EXPIRED: "EXPIRED",
    State.REJECTED: "REJECTED",
    State.REPLACED: "REPLACED",
}


def hash_of(account_number: str) -> str:
    """Return the text by which every address knows an account."""
    return sha256(f"venue/{account_number}".encode()).hexdigest().upper()


def order_id(order: Order, series: int) -> int:
    return order_id_of(order.number, series)


def order_id_of(number: int, series: int) -> int:
    return FIRST_ORDER_ID + series * IDS_A_SERIES + number


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}+0000"


def number(value: Decimal) -> Decimal:
    """Write a whole number as Schwab does, with a point: 3.0."""
    whole = canonical(value)
    return whole.quantize(Decimal("0.0")) if whole == whole.to_integral_value() else whole


def status_of(order: Order, *, is_open: bool) -> str:
    if order.state in ENDS:
        return ENDS[order.state]
    if order.cancel_due_at is not None:
        return "PENDING_CANCEL"
    return "WORKING" if is_open else "PENDING_ACTIVATION"


def order_json(order: Order, series: int, *, is_open: bool) -> dict[str, Any]:
    ask = order.ask
    shares = ask.shares or ZERO
    changeable = order.is_open and order.cancel_due_at is None
    body = shape(
        "schwab_order",
        # Where a test placed it at the exchange itself, nothing was said besides.
        session=ask.words.get("session", "NORMAL"),
        duration=ask.words.get("duration", "DAY" if ask.good_for_day else "GOOD_TILL_CANCEL"),
        orderType=ask.words.get("orderType", "MARKET" if ask.limit_price_usd is None else "LIMIT"),
        quantity=number(shares),
        filledQuantity=number(order.filled),
        remainingQuantity=number(order.remaining or ZERO) if order.is_open else number(ZERO),
        orderLegCollection=[
            {
                "orderLegType": "EQUITY",
                "legId": 1,
                "instrument": instrument_json(ask.symbol),
                "instruction": ask.words.get("instruction", str(ask.side)),
                "positionEffect": ask.words.get("positionEffect", "AUTOMATIC"),
                "quantity": number(shares),
            }
        ],
        orderId=order_id(order, series),
        cancelable=changeable,
        editable=changeable,
        status=status_of(order, is_open=is_open),
        enteredTime=moment(order.entered_at),
        accountNumber=int("".join(digit for digit in order.account if digit.isdecimal()) or 0),
    )
    if ask.limit_price_usd is not None:
        body["price"] = number(ask.limit_price_usd)
    if order.ended_at is not None:
        body["closeTime"] = moment(order.ended_at)
    if order.reason is not None:
        body["statusDescription"] = order.reason
    if order.fills:
        body["orderActivityCollection"] = _activities(order)
    if order.replaced_by is not None:
        body["replacingOrderCollection"] = [{"orderId": order_id_of(order.replaced_by, series)}]
    return body


def instrument_json(symbol: str) -> dict[str, Any]:
    return {
        "assetType": "EQUITY",
        "cusip": cusip(symbol),
        "symbol": written(symbol),
        "instrumentId": instrument_id(symbol),
    }


def cusip(symbol: str) -> str:
    return f"{zlib.crc32(symbol.encode()):09d}"[:9]


def instrument_id(symbol: str) -> int:
    return zlib.crc32(symbol.encode()) % 10_000_000


def account_json(account: Account, prices: dict[str, Decimal], power: Decimal, *, positions: bool) -> dict[str, Any]:
    equity, long_value = account.equity(prices), account.long_value(prices)
    worth = {"liquidationValue": number(equity), "equity": number(equity), "cashBalance": number(account.cash_usd)}
    spendable = {"buyingPower": number(power), "availableFunds": number(power)}
    held = {"positions": [_position(symbol, one, prices[symbol]) for symbol, one in sorted(account.holdings.items())]}
    return {
        "securitiesAccount": shape(
            "schwab_account",
            accountNumber=account.number,
            isClosingOnlyRestricted=account.blocked,
            # An account that holds nothing has no list of positions, not an empty one.
            **(held if positions and account.holdings else {}),
            initialBalances={**worth, "accountValue": number(equity), "isInCall": False},
            currentBalances=shape(
                "schwab_balances",
                **worth,
                **spendable,
                availableFundsNonMarginableTrade=number(power),
                buyingPowerNonMarginableTrade=number(power),
                longMarketValue=number(long_value),
                shortMarketValue=number(account.short_value(prices)),
            ),
            projectedBalances={**spendable, "isInCall": False},
        ),
        "aggregatedBalance": {"currentLiquidationValue": number(equity), "liquidationValue": number(equity)},
    }


def quote_json(instrument: Instrument, now: datetime) -> dict[str, Any]:
    at = _milliseconds(instrument.quoted_at or now)
    traded_at = _milliseconds(instrument.priced_at)
    last = canonical(instrument.price_usd)
    return shape(
        "schwab_quote",
        symbol=written(instrument.symbol),
        ssid=instrument_id(instrument.symbol),
        quote={
            "askPrice": canonical(instrument.ask_usd),
            "askSize": 100,
            "askTime": at,
            "bidPrice": canonical(instrument.bid_usd),
            "bidSize": 100,
            "bidTime": at,
            "closePrice": last,
            "lastPrice": last,
            "lastSize": 100,
            "mark": last,
            "netChange": 0,
            "quoteTime": at,
            "securityStatus": "Normal" if instrument.tradable else "Halted",
            "totalVolume": 0,
            "tradeTime": traded_at,
        },
        reference={
            "cusip": cusip(instrument.symbol),
            "description": f"{written(instrument.symbol)} COMMON STOCK",
            "exchange": "Q",
            "exchangeName": "NASDAQ",
            "isShortable": instrument.shortable,
        },
        regular={
            "regularMarketLastPrice": last,
            "regularMarketTradeTime": int(instrument.priced_at.timestamp() * 1000),
        },
    )


def hours_json(session: Session | None, day: str) -> dict[str, Any]:
    """Tell a day's hours. A closed day has another key, and no hours at all."""
    if session is None:
        return {"equity": {"equity": {"date": day, "marketType": "EQUITY", "product": "equity", "isOpen": False}}}
    opens, closes = session.opens_at.astimezone(EASTERN), session.closes_at.astimezone(EASTERN)
    before, after = opens.replace(hour=7, minute=0), closes.replace(hour=20, minute=0)
    sessions = {"regularMarket": [_span(opens, closes)]}
    if before < opens and closes < after:
        sessions = {"preMarket": [_span(before, opens)], **sessions, "postMarket": [_span(closes, after)]}
    return {
        "equity": {
            "EQ": {
                "date": day,
                "marketType": "EQUITY",
                "product": "EQ",
                "productName": "equity",
                "isOpen": True,
                "sessionHours": sessions,
            }
        }
    }


def _milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _span(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": start.isoformat(), "end": end.isoformat()}


def _activities(order: Order) -> list[dict[str, Any]]:
    left = order.shares or ZERO
    told = []
    for fill in order.fills:
        left = max(subtract(left, fill.shares), ZERO)
        told.append(_activity(fill, order.ask.symbol, left))
    return told


def _activity(fill: Fill, symbol: str, left: Decimal) -> dict[str, Any]:
    return {
        "activityType": "EXECUTION",
        "activityId": 102_102_000_000 + fill.number,
        "executionType": "FILL",
        "quantity": number(fill.shares),
        "orderRemainingQuantity": number(left),
        "executionLegs": [
            {
                "legId": 1,
                "quantity": number(shares),
                "mismarkedQuantity": number(ZERO),
                "price": canonical(price),
                "time": moment(fill.at),
                "instrumentId": instrument_id(symbol),
            }
            for shares, price in fill.legs
        ],
    }


def _position(symbol: str, held: Held, price: Decimal) -> dict[str, Any]:
    long, short = max(held.shares, ZERO), max(held.shares.copy_negate(), ZERO)
    average = canonical(held.average_price)
    return {
        "shortQuantity": number(short),
        "averagePrice": average,
        "currentDayProfitLoss": number(ZERO),
        "currentDayProfitLossPercentage": number(ZERO),
        "longQuantity": number(long),
        "settledLongQuantity": number(long),
        "settledShortQuantity": number(short),
        "instrument": {**instrument_json(symbol), "netChange": 0},
        "marketValue": number(multiply(held.shares, price)),
        "maintenanceRequirement": number(ZERO),
        "averageLongPrice" if held.shares > 0 else "averageShortPrice": average,
        "taxLotAverageLongPrice" if held.shares > 0 else "taxLotAverageShortPrice": average,
        "longOpenProfitLoss" if held.shares > 0 else "shortOpenProfitLoss": number(
            multiply(held.shares, add(price, average.copy_negate()))
        ),
        "previousSessionLongQuantity": number(ZERO),
        "currentDayCost": number(ZERO),
    }


def effect_of(side: Side, held: Decimal) -> str:
    closes = held < 0 if side is Side.BUY else held > 0
    return "CLOSING" if closes else "OPENING"

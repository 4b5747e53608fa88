"""What Schwab asks of an order before it takes it, and how it says no. It knows no id of the client's."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from config.venues.orders import Ask, Refusal, Refused
from config.venues.schwab_symbols import read, written
from config.venues.wire import Answer, Asked, Refusing
from trading.values.arithmetic import canonical
from trading.values.quantities import NotANumber, usd
from trading.values.sides import Side

SIDES = {"BUY": Side.BUY, "BUY_TO_COVER": Side.BUY, "SELL": Side.SELL, "SELL_SHORT": Side.SELL}
TYPES = ("MARKET", "LIMIT")
SESSIONS = ("NORMAL", "AM", "PM", "SEAMLESS")
DURATIONS = ("DAY", "GOOD_TILL_CANCEL")

_decoder = msgspec.json.Decoder(float_hook=Decimal)


def failure(status: int, message: str, *errors: str) -> Answer:
    return Answer(status=status, body={"message": message, "errors": list(errors)})


def ask_of(asked: Asked) -> Ask:
    """Read an order as it was sent. Raises Refusing."""
    body = _body(asked)
    kind = _one_of(body, "orderType", TYPES)
    session = _one_of(body, "session", SESSIONS)
    duration = _one_of(body, "duration", DURATIONS)
    _one_of(body, "orderStrategyType", ("SINGLE",))
    legs = body.get("orderLegCollection")
    if not isinstance(legs, list) or len(legs) != 1 or not isinstance(legs[0], dict):
        raise _invalid("orderLegCollection must have one leg")
    leg = legs[0]
    instrument = leg.get("instrument")
    if not isinstance(instrument, dict) or not isinstance(instrument.get("symbol"), str):
        raise _invalid("instrument.symbol is required")
    _one_of(instrument, "assetType", ("EQUITY",))
    instruction = _one_of(leg, "instruction", tuple(SIDES))
    shares = _number(leg, "quantity")
    if shares is None or shares <= 0 or shares != shares.to_integral_value():
        raise _invalid(f"quantity must be a whole number above 0, was {leg.get('quantity')}")
    return Ask(
        symbol=read(instrument["symbol"]),
        side=SIDES[instruction],
        shares=shares,
        limit_price_usd=_limit_price(body, kind, session),
        good_for_day=duration == "DAY",
        words={"orderType": kind, "session": session, "duration": duration, "instruction": instruction},
    )


def reason_of(refusal: Refused, ask: Ask) -> str:
    """Say why an order was taken and then rejected."""
    match refusal.refusal:
        case Refusal.BUYING_POWER:
            return "You do not have enough available cash/buying power for this order."
        case Refusal.SHARES:
            return "This order may result in an oversold/overbought position in your account."
        case Refusal.NOT_SHORTABLE:
            return f"{written(ask.symbol)} is not available to be sold short."
        case Refusal.NOT_TRADABLE:
            return f"{written(ask.symbol)} is not available for trading."
        case Refusal.BLOCKED:
            return "Your account is restricted from placing orders."
        case Refusal.NO_SUCH_SYMBOL | Refusal.SAME_ID | Refusal.OPPOSITE:
            return str(refusal)


def _limit_price(body: Mapping[str, Any], kind: str, session: str) -> Decimal | None:
    price = _number(body, "price")
    if kind == "MARKET":
        if price is not None:
            raise _invalid("price is not allowed for a MARKET order")
        if session != "NORMAL":
            raise _invalid("a MARKET order must be in the NORMAL session")
        return None
    if price is None or price <= 0:
        raise _invalid("price is required for a LIMIT order")
    exponent = canonical(price).as_tuple().exponent
    if isinstance(exponent, int) and -exponent > (2 if price >= 1 else 4):
        raise _invalid(f"price {price} has too many decimals")
    return price


def _body(asked: Asked) -> dict[str, Any]:
    try:
        body = _decoder.decode(asked.body)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        raise _invalid("the body must be an order")
    return body


def _one_of(body: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = body.get(name)
    if value not in known:
        raise _invalid(f"{name} must be one of {', '.join(known)}, was {value}")
    return str(value)


def _number(body: Mapping[str, Any], name: str) -> Decimal | None:
    value = body.get(name)
    if value is None:
        return None
    try:
        return usd(value)
    except NotANumber:
        raise _invalid(f"{name} must be a number, was {value!r}") from None


def _invalid(why: str) -> Refusing:
    return Refusing(failure(400, "A validation error occurred while processing the request.", why))

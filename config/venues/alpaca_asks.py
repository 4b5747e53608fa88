"""What Alpaca asks of an order before it takes it, and how it says no."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Never

import msgspec

from config.venues.orders import Ask, Refusal, Refused
from config.venues.wire import Answer, Asked, Refusing
from trading.values.arithmetic import canonical, plain
from trading.values.quantities import NotANumber, usd
from trading.values.sides import Side

QUANTITY_DIGITS = 9
NOTIONAL_DIGITS = 2
LONGEST_CLIENT_ID = 128
SMALLEST_NOTIONAL_USD = Decimal(1)

INVALID, UNPROCESSABLE, FORBIDDEN, MALFORMED, NOT_FOUND = 40010001, 42210000, 40310000, 40010000, 40410000

TYPES = ("market", "limit")
TIMES_IN_FORCE = ("day", "gtc", "opg", "cls", "ioc", "fok")

_decoder = msgspec.json.Decoder(float_hook=Decimal)


def refused(status: int, code: int, message: str, **figures: Any) -> Refusing:
    return Refusing(Answer(status=status, body={"code": code, "message": message, **figures}))


def body_of(asked: Asked) -> dict[str, Any]:
    try:
        body = _decoder.decode(asked.body)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        raise refused(400, MALFORMED, "request body format is invalid")
    return body


def ask_of(body: Mapping[str, Any], client_id: str) -> Ask:
    """Read an order as it was sent. Raises Refusing."""
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise refused(422, INVALID, "symbol is required")
    kind = _one_of(body, "type", TYPES)
    time_in_force = _one_of(body, "time_in_force", TIMES_IN_FORCE)
    side = Side(_one_of(body, "side", ("buy", "sell")).upper())
    shares, notional = _number(body, "qty"), _number(body, "notional")
    extended_hours = body.get("extended_hours") or False
    if body.get("order_class") not in (None, "", "simple"):
        raise refused(422, INVALID, "this venue takes simple orders only")
    if len(client_id) > LONGEST_CLIENT_ID:
        raise refused(422, INVALID, f"client_order_id must be no more than {LONGEST_CLIENT_ID} characters")
    _check_amount(shares, notional)
    limit = _limit_price(body, kind)
    fractional = notional is not None or (shares is not None and shares != shares.to_integral_value())
    if fractional and time_in_force != "day":
        raise refused(422, UNPROCESSABLE, "fractional orders must be DAY orders")
    if extended_hours and (kind != "limit" or time_in_force != "day"):
        raise refused(422, UNPROCESSABLE, "extended hours order must be DAY limit orders")
    return Ask(
        symbol=symbol,
        side=side,
        shares=shares,
        notional_usd=notional,
        limit_price_usd=limit,
        good_for_day=time_in_force != "gtc",
        client_id=client_id,
        words={"type": kind, "time_in_force": time_in_force, "extended_hours": extended_hours},
    )


def refusal_of(refusal: Refused, ask: Ask) -> Refusing:
    """Word what the exchange refused."""
    figures = refusal.figures
    match refusal.refusal:
        case Refusal.SAME_ID:
            return refused(422, INVALID, "client_order_id must be unique")
        case Refusal.BUYING_POWER:
            return refused(
                403,
                FORBIDDEN,
                "insufficient buying power",
                buying_power=plain(figures["buying_power"]),
                cost_basis=plain(figures["cost_basis"]),
            )
        case Refusal.SHARES:
            requested, available = plain(figures["requested"]), plain(figures["available"])
            return refused(
                403,
                FORBIDDEN,
                f"insufficient qty available for order (requested: {requested}, available: {available})",
                available=available,
                existing_qty=plain(figures["existing"]),
                held_for_orders=plain(figures["held_for_orders"]),
                symbol=ask.symbol,
            )
        case Refusal.BLOCKED:
            return refused(403, FORBIDDEN, "new orders are rejected by user request")
        case Refusal.OPPOSITE:
            return refused(422, UNPROCESSABLE, "potential wash trade detected. use complex orders")
        case Refusal.NO_SUCH_SYMBOL:
            return refused(422, INVALID, f'asset "{ask.symbol}" not found')
        case Refusal.NOT_TRADABLE:
            return refused(422, UNPROCESSABLE, f'asset "{ask.symbol}" is not tradable')
        case Refusal.NOT_SHORTABLE:
            whole = ask.shares is not None and ask.shares == ask.shares.to_integral_value()
            told = f'asset "{ask.symbol}" cannot be sold short' if whole else "fractional orders cannot be sold short"
            return refused(422, UNPROCESSABLE, told)


def _check_amount(shares: Decimal | None, notional: Decimal | None) -> None:
    if shares is None and notional is None:
        raise refused(422, INVALID, "qty or notional is required")
    if shares is not None and notional is not None:
        raise refused(422, INVALID, "only one of qty or notional is accepted")
    for name, value in (("qty", shares), ("notional", notional)):
        if value is not None and value <= 0:
            raise refused(422, INVALID, f"{name} must be > 0")
    if shares is not None and _digits(shares) > QUANTITY_DIGITS:
        raise refused(422, UNPROCESSABLE, f"qty must be limited to {QUANTITY_DIGITS} decimal places")
    if notional is not None and _digits(notional) > NOTIONAL_DIGITS:
        raise refused(422, UNPROCESSABLE, f"notional value must be limited to {NOTIONAL_DIGITS} decimal places")
    if notional is not None and notional < SMALLEST_NOTIONAL_USD:
        raise refused(403, FORBIDDEN, f"cost basis must be >= minimal amount of order {SMALLEST_NOTIONAL_USD}")


def _limit_price(body: Mapping[str, Any], kind: str) -> Decimal | None:
    limit = _number(body, "limit_price")
    if kind == "market":
        if limit is not None:
            raise refused(422, INVALID, "market orders require no stop or limit price")
        return None
    if limit is None:
        raise refused(422, INVALID, "limit orders require limit price")
    if limit <= 0 or _digits(limit) > (2 if limit >= 1 else 4):
        raise refused(
            422,
            UNPROCESSABLE,
            f"invalid limit_price {plain(limit)}. sub-penny increment does not fulfill minimum pricing criteria",
        )
    return limit


def _one_of(body: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = body.get(name)
    if value is None:
        raise refused(422, INVALID, f"{name} is required")
    if value not in known:
        raise refused(422, INVALID, f"invalid {name}: {value}")
    return str(value)


def _number(body: Mapping[str, Any], name: str) -> Decimal | None:
    value = body.get(name)
    if value is None:
        return None
    try:
        return usd(value)
    except NotANumber:
        _malformed(name, value)


def _malformed(name: str, value: object) -> Never:
    raise refused(400, MALFORMED, f"request body format is invalid: {name} was {value!r}") from None


def _digits(value: Decimal) -> int:
    exponent = canonical(value).as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0

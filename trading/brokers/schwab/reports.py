"""Reports: what Schwab's account of an order says in ours."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trading.brokers.orders import OrderReport, OrderStatus
from trading.brokers.outcomes import UnknownStatus, UnusableReport
from trading.brokers.schwab.answers import (
    Json,
    Unreadable,
    instant_of,
    instant_or_none,
    number_of,
    object_of,
    objects_of,
    text_of,
)
from trading.brokers.schwab.symbols import from_schwab
from trading.values.arithmetic import canonical, multiply, plain, quotient, total
from trading.values.identifiers import BrokerOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import NotASymbol, Symbol

REPLACED = "REPLACED"
"""The order ended because somebody at Schwab put another in its place: see replacements."""

STATUSES = {
    "NEW": OrderStatus.ACCEPTED,
    "ACCEPTED": OrderStatus.ACCEPTED,
    "WORKING": OrderStatus.ACCEPTED,
    "QUEUED": OrderStatus.ACCEPTED,
    "PENDING_ACTIVATION": OrderStatus.ACCEPTED,
    "PENDING_ACKNOWLEDGEMENT": OrderStatus.ACCEPTED,
    "PENDING_REVIEW": OrderStatus.ACCEPTED,
    "PENDING_CANCEL": OrderStatus.ACCEPTED,
    "PENDING_REPLACE": OrderStatus.ACCEPTED,
    "PENDING_RECALL": OrderStatus.ACCEPTED,
    "AWAITING_PARENT_ORDER": OrderStatus.ACCEPTED,
    "AWAITING_CONDITION": OrderStatus.ACCEPTED,
    "AWAITING_STOP_CONDITION": OrderStatus.ACCEPTED,
    "AWAITING_MANUAL_REVIEW": OrderStatus.ACCEPTED,
    "AWAITING_RELEASE_TIME": OrderStatus.ACCEPTED,
    "AWAITING_UR_OUT": OrderStatus.ACCEPTED,
    "FILLED": OrderStatus.FILLED,
    "REJECTED": OrderStatus.REJECTED,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
}
"""Schwab's words in ours. UNKNOWN is none of them: it tells nothing, so the order stops and an operator hears of it."""

# Words of Schwab's that no order of ours can carry. A word that stands in neither list may be ours, and stops us.
_OTHER_TYPES = {
    "STOP",
    "STOP_LIMIT",
    "TRAILING_STOP",
    "TRAILING_STOP_LIMIT",
    "CABINET",
    "NON_MARKETABLE",
    "MARKET_ON_CLOSE",
    "LIMIT_ON_CLOSE",
    "EXERCISE",
    "NET_DEBIT",
    "NET_CREDIT",
    "NET_ZERO",
}
_OTHER_INSTRUCTIONS = {
    "BUY_TO_COVER",
    "SELL_SHORT",
    "SELL_SHORT_EXEMPT",
    "BUY_TO_OPEN",
    "BUY_TO_CLOSE",
    "SELL_TO_OPEN",
    "SELL_TO_CLOSE",
    "EXCHANGE",
}
_OTHER_STRATEGIES = {"CANCEL", "RECALL", "PAIR", "FLATTEN", "TWO_DAY_SWAP", "BLAST_ALL", "OCO", "TRIGGER"}

SHARES = frozenset({"EQUITY", "COLLECTIVE_INVESTMENT", "ETF"})
"""Kinds of assets that are counted in shares and traded at an exchange: stocks and funds that are traded like them."""

OTHER_ASSETS = frozenset(
    {
        "OPTION",
        "INDEX",
        "MUTUAL_FUND",
        "CASH_EQUIVALENT",
        "FIXED_INCOME",
        "CURRENCY",
        "FUTURE",
        "FOREX",
        "PRODUCT",
    }
)


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an order's fill."""

    price_usd: Decimal
    shares: Decimal
    at: datetime


def number_of_order(raw: Json) -> BrokerOrderId:
    """Read an order's id, which is a number in Schwab's JSON. Raises UnusableReport."""
    value = raw.get("orderId")
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise UnusableReport(f"expected an order with a number as its orderId, was {value!r:.80}")
    return BrokerOrderId(str(value))


def stranger(raw: Json) -> str | None:
    """Tell why an order can't be one that we sent; None where it may be: one leg, shares, at the market or a limit.

    Options, several legs, stops, short sales: they are somebody else's, whatever else they have in common with ours.
    """
    legs, strategy, kind = raw.get("orderLegCollection"), _word(raw, "orderStrategyType"), _word(raw, "orderType")
    if strategy in _OTHER_STRATEGIES:
        return f"its strategy is {strategy}"
    if kind in _OTHER_TYPES:
        return f"its type is {kind}"
    if not isinstance(legs, list) or not legs:
        return None
    if len(legs) > 1:
        return f"it has {len(legs)} legs"
    leg = legs[0] if isinstance(legs[0], dict) else {}
    instrument = leg.get("instrument")
    asset = _word(instrument, "assetType") if isinstance(instrument, dict) else None
    for word in (_word(leg, "orderLegType"), asset):
        if word in OTHER_ASSETS:
            return f"it is for {word}"
    if _word(leg, "instruction") in _OTHER_INSTRUCTIONS:
        return f"its instruction is {leg['instruction']}"
    return "it is for dollars" if leg.get("quantityType") == "DOLLARS" else None


def _word(raw: Json, key: str) -> str | None:
    value = raw.get(key)
    return value if isinstance(value, str) else None


def is_replaced(raw: Json) -> bool:
    return raw.get("status") == REPLACED


def report_of(raw: Json) -> OrderReport:
    """Read one order. Raises UnusableReport, and UnknownStatus for a word that is not in the table."""
    number = number_of_order(raw)
    if (why := stranger(raw)) is not None:
        raise UnusableReport(f"expected order {number} to be for shares of one stock, as we send them, but {why}")
    try:
        return _report(raw, number)
    except (Unreadable, NotASymbol) as error:
        raise UnusableReport(f"order {number}: {error}") from error


def report_of_itself(raw: Json) -> OrderReport:
    """Read an order that was replaced as one that was cancelled: what it was, and not what took its place."""
    return report_of({**raw, "status": "CANCELED"})


def same_leg(raw: Json) -> tuple[str, str]:
    """Symbol and instruction as Schwab writes them, by which an order and its replacement are alike."""
    leg = _leg(raw)
    return text_of(object_of(leg.get("instrument"), name="instrument"), "symbol"), text_of(leg, "instruction")


def may_be_of(raw: Json, symbol: Symbol) -> bool:
    """Tell whether an order has to do with a symbol, as far as can be told: what can't be read may."""
    legs = raw.get("orderLegCollection")
    if not isinstance(legs, list) or not legs:
        return True
    return any(_may_be_for(leg, symbol) for leg in legs)


def _may_be_for(leg: object, symbol: Symbol) -> bool:
    instrument = leg.get("instrument") if isinstance(leg, dict) else None
    word = _word(instrument, "symbol") if isinstance(instrument, dict) else None
    try:
        return word is None or from_schwab(word) == symbol
    except NotASymbol:
        return True


def may_be_entered(raw: Json, first: datetime, last: datetime) -> bool:
    """Tell whether an order was entered in a span, as far as can be told: one without a time that is read may be."""
    try:
        return first <= instant_of(raw, "enteredTime") <= last
    except Unreadable:
        return True


def _report(raw: Json, number: BrokerOrderId) -> OrderReport:
    leg, filled = _leg(raw), number_of(raw, "filledQuantity")
    instrument = object_of(leg.get("instrument"), name="instrument")
    _expect_shares(instrument)
    entered_at, executions = instant_of(raw, "enteredTime"), executions_of(raw)
    status = _status(raw, number, filled)
    price, price_note = _price(executions, filled)
    updated_at, time_note = _updated_at(raw, status, entered_at, executions)
    return OrderReport(
        broker_order_id=number,
        client_order_id=None,
        symbol=from_schwab(text_of(instrument, "symbol")),
        side=_side(leg),
        requested_shares=Shares(number_of(raw, "quantity")),
        limit_price_usd=_limit(raw),
        filled_shares=Shares(filled),
        average_price_usd=price,
        status=status,
        reason=_reason(raw, status),
        submitted_at=entered_at,
        updated_at=updated_at,
        notes=tuple(note for note in (price_note, time_note) if note is not None),
    )


def _leg(raw: Json) -> Json:
    legs = objects_of(raw, "orderLegCollection")
    if len(legs) != 1:
        raise Unreadable(f"expected an order of one leg, was one of {len(legs)}")
    return legs[0]


def _expect_shares(instrument: Json) -> None:
    asset = text_of(instrument, "assetType")
    if asset not in SHARES:
        raise Unreadable(f"expected shares of a stock, was {asset!r:.80}, a kind of asset that we don't know")


def _side(leg: Json) -> Side:
    word = text_of(leg, "instruction")
    if word not in ("BUY", "SELL"):
        raise Unreadable(f"expected the instruction BUY or SELL, was {word!r:.80}")
    return Side(word)


def _status(raw: Json, number: BrokerOrderId, filled: Decimal) -> OrderStatus:
    word = text_of(raw, "status")
    if word not in STATUSES:
        raise UnknownStatus(f"Schwab reports order {number} as {word!r:.80}")
    status = STATUSES[word]
    return OrderStatus.PARTIALLY_FILLED if status is OrderStatus.ACCEPTED and filled > 0 else status


def _limit(raw: Json) -> Usd | None:
    kind = text_of(raw, "orderType")
    if kind == "MARKET":
        return None
    if kind != "LIMIT":
        raise Unreadable(f"expected an order of type MARKET or LIMIT, was {kind!r:.80}")
    return Usd(number_of(raw, "price"))


def _reason(raw: Json, status: OrderStatus) -> str | None:
    if not status.is_end or status is OrderStatus.FILLED:
        return None
    told = raw.get("statusDescription")
    return told if isinstance(told, str) and told else f"{status.lower()} at Schwab, which names no reason"


# Fills.


def executions_of(raw: Json) -> list[Execution]:
    """List the parts of an order's fill; what else happened to the order is no execution."""
    found = []
    for activity in objects_of(raw, "orderActivityCollection"):
        if activity.get("activityType") == "EXECUTION" and activity.get("executionType") in ("FILL", None):
            found += [_execution(leg) for leg in objects_of(activity, "executionLegs")]
    return found


def _execution(leg: Json) -> Execution:
    execution = Execution(
        price_usd=number_of(leg, "price"), shares=number_of(leg, "quantity"), at=instant_of(leg, "time")
    )
    if execution.price_usd < 0 or execution.shares < 0:
        raise Unreadable(
            f"expected an execution above zero, was {plain(execution.shares)} shares at {plain(execution.price_usd)}"
        )
    return execution


def _price(executions: list[Execution], filled: Decimal) -> tuple[Usd | None, str | None]:
    """Average the executions, where they tell of everything that is filled: exact where it divides, else 40 digits.

    An average of a part would be booked as that of the whole, so a part tells no price, and a note says why.
    """
    told = total([execution.shares for execution in executions])
    if told != filled:
        return None, f"no price: the executions tell of {plain(told)} shares, and {plain(filled)} are filled"
    if filled == 0:
        return None, None
    worth = total([multiply(execution.price_usd, execution.shares) for execution in executions])
    return Usd(canonical(quotient(worth, filled))), None


def _updated_at(
    raw: Json, status: OrderStatus, entered_at: datetime, executions: list[Execution]
) -> tuple[datetime, str | None]:
    closed_at = instant_or_none(raw, "closeTime")
    if status.is_end and closed_at is not None:
        return closed_at, None
    last_at = max([execution.at for execution in executions], default=None)
    if not status.is_end:
        return last_at or entered_at, None
    if last_at is not None:
        return last_at, "no close time; taken from the last execution"
    return entered_at, "no close time and no execution; taken from when the order was entered"

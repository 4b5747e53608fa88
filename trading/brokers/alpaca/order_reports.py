"""Order reports: what Alpaca says of an order, in our words."""

from datetime import datetime, timedelta

import msgspec

from trading.brokers.alpaca.answers import (
    Json,
    Unreadable,
    shares_of,
    shares_or_none,
    symbol_of,
    text_of,
    text_or_none,
    time_of,
    time_or_none,
    usd_or_none,
)
from trading.brokers.orders import OrderReport, OrderStatus
from trading.brokers.outcomes import UnknownStatus, UnusableReport
from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side

SETTLES_WITHIN = timedelta(seconds=60)
"""So long after the last word on an order that is done for the day, its last fills may still be on their way."""

EQUITY = "us_equity"
# What the account may also hold and trade. None of it is ours, and none of it is a stock.
OTHER_CLASSES = ("us_option", "crypto", "crypto_perp")

_SIDES = {"buy": Side.BUY, "sell": Side.SELL}

_OPEN = frozenset(
    {
        "new",
        "accepted",
        "pending_new",
        "accepted_for_bidding",
        "held",
        "pending_review",
        "stopped",  # A trade is guaranteed and not done yet.
        "pending_cancel",
        "pending_replace",
        "suspended",
        "calculated",
    }
)
_TOLD = {
    "suspended": "Alpaca has suspended the order; it is open until Alpaca says otherwise",
    "calculated": "Alpaca is still reckoning the order up; it is open until Alpaca says otherwise",
}
# How an order ended, when, and why; the reason is the same each time, so that refusals can be counted.
_ENDS = {
    "filled": (OrderStatus.FILLED, "filled_at", None),
    "canceled": (OrderStatus.CANCELLED, "canceled_at", "cancelled at Alpaca"),
    "expired": (OrderStatus.EXPIRED, "expired_at", "expired at Alpaca"),
    "rejected": (OrderStatus.REJECTED, "failed_at", "rejected after Alpaca had taken it"),
    "replaced": (OrderStatus.CANCELLED, "replaced_at", "replaced by another order at Alpaca"),
}


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """A report, and whether there is another to ask for."""

    report: OrderReport
    replaced: bool
    replaced_by: str | None


class _Standing(msgspec.Struct, frozen=True):
    """How far an order has come, since when, and what is to be said of it."""

    status: OrderStatus
    updated_at: datetime
    reason: str | None = None
    notes: tuple[str, ...] = ()


def is_equity(row: Json) -> bool:
    """Tell whether an order or a holding is of a stock. Raises Unreadable on a class that we don't know."""
    name = text_of(row, "asset_class")
    if name != EQUITY and name not in OTHER_CLASSES:
        raise Unreadable(f"expected asset_class as {EQUITY} or {', '.join(OTHER_CLASSES)}, was {name!r}")
    return name == EQUITY


def read_order(row: Json, *, asked_at: datetime) -> Reported:
    """Read one order, as it stood when it was asked for. Raises UnusableReport, UnknownStatus."""
    try:
        if not is_equity(row):
            raise Unreadable("expected an order in a stock")
        return _read(row, asked_at)
    except Unreadable as error:
        raise unreadable(row, error) from None


def unreadable(row: Json, error: Unreadable) -> UnusableReport:
    return UnusableReport(f"Alpaca's order {row.get('id')!r} can't be read: {error}")


def _read(row: Json, asked_at: datetime) -> Reported:
    filled = shares_of(row, "filled_qty")
    price = _average_price(row, filled)
    standing = _standing(row, filled, asked_at)
    requested = shares_or_none(row, "qty")
    client_order_id = text_or_none(row, "client_order_id")
    report = OrderReport(
        broker_order_id=BrokerOrderId(text_of(row, "id")),
        client_order_id=None if client_order_id is None else ClientOrderId(client_order_id),
        symbol=symbol_of(row),
        side=_side(row),
        requested_shares=requested,
        requested_notional_usd=usd_or_none(row, "notional"),
        limit_price_usd=usd_or_none(row, "limit_price"),
        filled_shares=filled,
        average_price_usd=price,
        status=standing.status,
        reason=standing.reason,
        submitted_at=_entered_at(row),
        updated_at=standing.updated_at,
        notes=(*standing.notes, *_oddities(standing.status, requested, filled, price)),
    )
    replaced = text_of(row, "status") == "replaced"
    return Reported(report=report, replaced=replaced, replaced_by=text_or_none(row, "replaced_by"))


def _side(row: Json) -> Side:
    name = text_of(row, "side")
    if name not in _SIDES:
        raise Unreadable(f"expected side as buy or sell, was {name!r}")
    return _SIDES[name]


def _average_price(row: Json, filled: Shares) -> Usd | None:
    price = usd_or_none(row, "filled_avg_price")
    return None if price == 0 and filled == 0 else price


def _entered_at(row: Json) -> datetime:
    # created_at stands still. submitted_at moves: to the open, where the market was closed when the order came, and by
    # a microsecond between one question and the next.
    return time_or_none(row, "created_at") or time_of(row, "submitted_at")


def _standing(row: Json, filled: Shares, asked_at: datetime) -> _Standing:
    word = text_of(row, "status")
    if word in _ENDS:
        status, field, reason = _ENDS[word]
        if word == "rejected":
            reason = text_or_none(row, "reject_reason") or reason
        return _ended(row, status, field, reason)
    changed_at = time_or_none(row, "updated_at") or _entered_at(row)
    if word == "partially_filled":
        return _Standing(OrderStatus.PARTIALLY_FILLED, changed_at)
    still_open = OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.ACCEPTED
    if word in _OPEN:
        return _Standing(still_open, changed_at, notes=(_TOLD[word],) if word in _TOLD else ())
    if word == "done_for_day":
        return _done_for_day(row, still_open, changed_at, asked_at)
    raise UnknownStatus(f"Alpaca's order {row.get('id')!r} has the status {word!r}, which we don't know")


def _ended(row: Json, status: OrderStatus, field: str, reason: str | None) -> _Standing:
    ended_at = time_or_none(row, field)
    if ended_at is not None:
        return _Standing(status, ended_at, reason)
    return _Standing(status, time_of(row, "updated_at"), reason, (f"no {field}; taken from updated_at",))


def _done_for_day(row: Json, still_open: OrderStatus, changed_at: datetime, asked_at: datetime) -> _Standing:
    """An order for the day gets nothing more; it ends once it was asked for again. A longer one goes on tomorrow."""
    if text_of(row, "time_in_force") != "day":
        return _Standing(still_open, changed_at, notes=("done for the day; it goes on with the next session",))
    if asked_at - changed_at < SETTLES_WITHIN:
        return _Standing(still_open, changed_at, notes=("done for the day; the last fills may be on their way",))
    return _Standing(OrderStatus.EXPIRED, changed_at, "done for the day at Alpaca")


def _oddities(status: OrderStatus, requested: Shares | None, filled: Shares, price: Usd | None) -> list[str]:
    told = []
    if filled and price is None:
        told.append("no average price")
    if status is OrderStatus.FILLED and requested is not None and filled != requested:
        told.append(f"told as filled with {plain(filled)} of {plain(requested)} shares")
    return told

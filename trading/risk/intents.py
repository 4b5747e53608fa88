"""Intents: orders of ours that a broker's figures may not hold yet."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from trading.brokers.orders import CLOCK_SKEW
from trading.values.arithmetic import ZERO, add, multiply
from trading.values.identifiers import ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is open, or ended a moment ago, whichever pipeline placed it."""

    client_order_id: ClientOrderId | None
    broker: str
    symbol: Symbol
    side: Side
    requested_shares: Shares
    filled_shares: Shares
    submitted_at: datetime | None
    ended_at: datetime | None
    """Both times are the broker's."""

    price_usd: Usd | None = None
    """What a share was reckoned at when it was placed; None where that was not written down."""


def unseen_shares(intent: Intent, *, as_of: datetime, open_orders_counted: bool) -> Decimal:
    """How many of its shares the figures of a moment may leave out: too many rather than too few.

    `open_orders_counted` says that the figures hold back what the broker's open orders need. An order that the broker
    had for a minute by then, clocks being what they are, is among those; so is what became of it.
    """
    by = as_of - CLOCK_SKEW
    if intent.ended_at is not None and intent.ended_at <= by:
        return ZERO
    if open_orders_counted and intent.submitted_at is not None and intent.submitted_at <= by:
        return ZERO
    if intent.ended_at is not None:
        return intent.filled_shares
    return max(intent.requested_shares, intent.filled_shares)


def unseen_sells(intents: Iterable[Intent], symbol: Symbol, *, as_of: datetime, open_orders_counted: bool) -> Decimal:
    """The shares of a symbol that are being sold, or were sold just now, beside a figure of holdings."""
    shares = ZERO
    for intent in intents:
        if intent.side is Side.SELL and intent.symbol == symbol:
            shares = add(shares, unseen_shares(intent, as_of=as_of, open_orders_counted=open_orders_counted))
    return shares


class Unpriced(ValueError):
    """An order is under way of which nobody knows what it may cost. Wait for its end; nothing is guessed."""


def unseen_cost_usd(intents: Iterable[Intent], *, as_of: datetime, prices: dict[Symbol, Usd]) -> Decimal:
    """The dollars that orders to buy may cost beside a figure of buying power. Raises Unpriced."""
    dollars = ZERO
    for intent in intents:
        shares = unseen_shares(intent, as_of=as_of, open_orders_counted=True) if intent.side is Side.BUY else ZERO
        if not shares:
            continue
        price = intent.price_usd if intent.price_usd is not None else prices.get(intent.symbol)
        if price is None:
            raise Unpriced(f"order {intent.client_order_id} to buy {intent.symbol} has no price")
        dollars = add(dollars, multiply(shares, price))
    return dollars

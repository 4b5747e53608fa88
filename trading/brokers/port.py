"""The port: what a broker is to us, whichever it is.

An adapter translates, makes one call, translates back. It repeats nothing by itself: what may be repeated is for the
caller to know, and the error's name tells it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

Clock = Callable[[], datetime]
"""Tells an adapter the time, in UTC; no adapter reads a clock of its own."""

CLOCK_SKEW = timedelta(seconds=60)
"""How much earlier than our intent a broker's clock may date our order."""


class BrokerError(Exception):
    """A broker's answer, or none, that is no report."""


class OrderRejected(BrokerError):
    """The broker said no. The order never existed there and never will; a new attempt needs a new id."""


class BrokerUnavailable(BrokerError):
    """Nothing was sent, or nothing was changed. Send the same again."""


class OutcomeUnknown(BrokerError):
    """Something was sent, or may have been, and no answer came. Ask for the order by our id before anything else."""


class UnusableReport(BrokerError):
    """The broker reports what can't be. Stop this order, alert, and book nothing of it."""


class UnknownStatus(UnusableReport):
    """The broker used a word that we don't know. Stop this order and alert; the word goes into the adapter's table."""


class NoSuchOrder(BrokerError):
    """The broker has no order of this id of its own. Ask by our id; the order is not failed by this alone."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker can do."""

    fractional_digits: int | None
    """How many decimals of a share it takes; None or 0: whole shares only."""

    client_order_id: bool
    """It knows orders by our id, and never makes two of one id."""


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What we ask for: a market order for the day, under our own id."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    shares: Shares
    created_at: datetime
    """When our intent was stored, which comes before anything is sent."""

    def __post_init__(self) -> None:
        if not _is_number(self.shares) or self.shares <= 0:
            raise ValueError(f"expected an order for more than 0 shares, was {self.shares!r}")
        if self.created_at.tzinfo is None:
            raise ValueError(f"expected a time with a zone, was {self.created_at!r}")


class OrderStatus(StrEnum):
    """How far an order has come at the broker."""

    ACCEPTED = "ACCEPTED"
    """Open, and nothing is filled."""

    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    """Open, and something is filled."""

    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_end(self) -> bool:
        """Tell whether the broker does nothing more about the order. What was filled by then stays filled."""
        return self not in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker says about one order. Raises UnusableReport where that can't be."""

    broker_order_id: BrokerOrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    side: Side
    requested_shares: Shares
    filled_shares: Shares
    """In all so far; new fills are the difference from what was booked. It may be more than was requested."""

    average_price_usd: Usd | None
    """Of everything filled so far; None while nothing is, or where the broker names no price."""

    status: OrderStatus
    reason: str | None
    submitted_at: datetime
    updated_at: datetime
    """Both times are the broker's, not ours."""

    def __post_init__(self) -> None:
        if wrong := self._impossible():
            raise UnusableReport(f"order {self.broker_order_id} ({self.symbol}) is reported with {wrong}")

    def _impossible(self) -> str | None:
        price, filled = self.average_price_usd, self.filled_shares
        if not self.broker_order_id:
            return "no id"
        if not _is_number(self.requested_shares) or self.requested_shares <= 0:
            return f"{self.requested_shares!r} shares requested"
        if not _is_number(filled) or filled < 0:
            return f"{filled!r} shares filled"
        if price is not None and (not _is_number(price) or price <= 0):
            return f"an average price of {price!r}"
        if price is not None and filled == 0:
            return f"an average price of {plain(price)} and nothing filled"
        if filled == 0 and self.status in (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED):
            return f"status {self.status} and nothing filled"
        if filled > 0 and self.status is OrderStatus.ACCEPTED:
            return f"status {self.status} and {plain(filled)} shares filled"
        for time in (self.submitted_at, self.updated_at):
            if time.tzinfo is None:
                return f"a time without a zone, {time}"
        return None


class Broker(Protocol):
    """A venue that takes our orders. Every method may raise BrokerUnavailable."""

    @property
    def name(self) -> str:
        """Which broker this is, as stored with every order: dry_run, alpaca or schwab."""

    @property
    def capabilities(self) -> Capabilities: ...

    def submit(self, request: OrderRequest) -> OrderReport:
        """Send an order. Raises OrderRejected, BrokerUnavailable, OutcomeUnknown; after UnusableReport it is there too.

        Where the broker knows our ids, an order that it has already is returned if it is the same, else OrderRejected.
        """

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """Look an order up by our id; None only where the broker says that it has none."""

    def report(self, broker_order_id: BrokerOrderId) -> OrderReport:
        """Look an order up by the broker's id. Raises NoSuchOrder."""

    def open_orders(self) -> list[OrderReport]:
        """List all open orders, oldest first, or raise: never a part of them. Some may not be ours."""

    def market_is_open(self, at: datetime) -> bool:
        """Tell whether market orders execute at a time."""


def same_order(request: OrderRequest, report: OrderReport) -> str | None:
    """Tell how a reported order differs from ours; None if it is ours. Only then is an order that was found adopted."""
    if report.client_order_id is not None and report.client_order_id != request.client_order_id:
        return f"expected an order of ours named {request.client_order_id}, was {report.client_order_id}"
    if report.symbol != request.symbol:
        return f"expected an order in {request.symbol}, was {report.symbol}"
    if report.side != request.side:
        return f"expected an order to {request.side}, was {report.side}"
    if report.requested_shares != request.shares:
        return f"expected an order for {plain(request.shares)} shares, was {plain(report.requested_shares)}"
    if report.submitted_at < request.created_at - CLOCK_SKEW:
        return (
            f"expected an order submitted after {request.created_at.isoformat()}, was {report.submitted_at.isoformat()}"
        )
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()

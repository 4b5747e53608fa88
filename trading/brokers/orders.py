"""Orders: what is asked of a broker, and what it says of it."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from trading.brokers.outcomes import UnusableReport
from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

CLOCK_SKEW = timedelta(seconds=60)
"""How much earlier than our intent a broker's clock may date our order."""


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What we ask for: an order for the day, under our own id, for shares or, where the broker can, for dollars."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    shares: Shares | None = None
    notional_usd: Usd | None = None
    """Dollars to buy or sell for; the broker finds the shares. Either these or shares, never both."""

    limit_price_usd: Usd | None = None
    """The worst price that is taken; None for a market order."""

    extended_hours: bool = False
    """The order may be filled before the open and after the close. Only with a limit."""

    created_at: datetime
    """When our intent was stored, which comes before anything is sent."""

    def __post_init__(self) -> None:
        if (self.shares is None) == (self.notional_usd is None):
            raise ValueError(
                f"expected an order for shares or for dollars, was {self.shares!r} shares and {self.notional_usd!r} USD"
            )
        for name, value in (
            ("shares", self.shares),
            ("USD", self.notional_usd),
            ("USD a share", self.limit_price_usd),
        ):
            if value is not None and (not _is_number(value) or value <= 0):
                raise ValueError(f"expected an order for more than 0 {name}, was {value!r}")
        if self.extended_hours and self.limit_price_usd is None:
            raise ValueError("expected a limit price on an order outside the regular session")
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
    requested_shares: Shares | None
    """None only for an order that was asked for in dollars."""

    requested_notional_usd: Usd | None = None
    limit_price_usd: Usd | None = None
    filled_shares: Shares
    """In all so far; new fills are the difference from what was booked. It may be more than was requested."""

    average_price_usd: Usd | None
    """Of everything filled so far; None while nothing is, or where the broker names no price."""

    status: OrderStatus
    reason: str | None
    submitted_at: datetime
    updated_at: datetime
    """Both times are the broker's, not ours."""

    notes: tuple[str, ...] = ()
    """What an operator should know of how this was read, as in "no close time; taken from the last fill"."""

    doubt: str | None = None
    """Why nobody but a person can tell whose order this is or what became of it; None where there is no such doubt."""

    def __post_init__(self) -> None:
        if wrong := self._impossible():
            raise UnusableReport(f"order {self.broker_order_id} ({self.symbol}) is reported with {wrong}")

    def _impossible(self) -> str | None:
        price, filled = self.average_price_usd, self.filled_shares
        if not self.broker_order_id:
            return "no id"
        if (asked := self._impossible_request()) is not None:
            return asked
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

    def _impossible_request(self) -> str | None:
        if self.requested_shares is None and self.requested_notional_usd is None:
            return "neither shares nor dollars requested"
        for name, value in (
            ("shares", self.requested_shares),
            ("USD", self.requested_notional_usd),
            ("USD a share at most", self.limit_price_usd),
        ):
            if value is not None and (not _is_number(value) or value <= 0):
                return f"{value!r} {name} requested"
        return None


def same_order(request: OrderRequest, report: OrderReport) -> str | None:
    """Tell how a reported order differs from ours; None if it is ours. Only then is an order that was found adopted."""
    if report.client_order_id is not None and report.client_order_id != request.client_order_id:
        return f"expected an order of ours named {request.client_order_id}, was {report.client_order_id}"
    if report.symbol != request.symbol:
        return f"expected an order in {request.symbol}, was {report.symbol}"
    if report.side != request.side:
        return f"expected an order to {request.side}, was {report.side}"
    if request.shares is not None and report.requested_shares != request.shares:
        return f"expected an order for {plain(request.shares)} shares, was {_told(report.requested_shares)}"
    if request.notional_usd is not None and report.requested_notional_usd != request.notional_usd:
        return f"expected an order for {plain(request.notional_usd)} USD, was {_told(report.requested_notional_usd)}"
    if report.limit_price_usd != request.limit_price_usd:
        return f"expected a limit of {_told(request.limit_price_usd)} USD, was {_told(report.limit_price_usd)}"
    if report.submitted_at < request.created_at - CLOCK_SKEW:
        return (
            f"expected an order submitted after {request.created_at.isoformat()}, was {report.submitted_at.isoformat()}"
        )
    return None


def _told(value: Decimal | None) -> str:
    return "none" if value is None else plain(value)


def _is_number(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()

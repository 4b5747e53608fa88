"""The port: what a broker is to us, whichever it is.

An adapter translates, makes one call, translates back. It repeats nothing by itself: what may be repeated is for the
caller to know, and the error's name (see outcomes) tells it.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

import msgspec

from trading.brokers.market import Account, Asset, Holdings, MarketClock, Quote, TradingSession
from trading.brokers.orders import OrderReport, OrderRequest
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.symbols import Symbol

Clock = Callable[[], datetime]
"""Tells an adapter the time, in UTC; no adapter reads a clock of its own."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker can do."""

    fractional_digits: int | None
    """How many decimals of a share it takes; None or 0: whole shares only."""

    client_order_id: bool
    """It knows orders by our id, and never makes two of one id."""

    notional: bool = False
    """It takes orders for dollars."""

    shorting: bool = False
    """It sells shares that the account does not hold, where the account may."""

    fractional_shorting: bool = False
    extended_hours: bool = False
    """It takes limit orders that may fill before the open and after the close."""


class Broker(Protocol):
    """A venue that takes our orders. Every method may raise BrokerUnavailable, or its RateLimited or NotAuthorised."""

    @property
    def name(self) -> str:
        """Which broker this is, as stored with every order: dry_run, alpaca or schwab."""

    @property
    def capabilities(self) -> Capabilities: ...

    # Orders.

    def submit(self, request: OrderRequest) -> OrderReport:
        """Send an order. Raises OrderRejected, BrokerUnavailable, OutcomeUnknown; after UnusableReport it is there too.

        Where the broker knows our ids, an order that it has already is returned if it is the same, else UnusableReport.
        """

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """Look an order up by our id; None only where the broker says that it has none.

        Raises NotOffered where the broker knows no ids of ours: there `orders` is gone through instead.
        """

    def report(self, broker_order_id: BrokerOrderId) -> OrderReport:
        """Look an order up by the broker's id. Raises NoSuchOrder.

        One that somebody replaced there is reported under its own ids, as its newest replacement stands, with a note.
        """

    def cancel(self, broker_order_id: BrokerOrderId) -> None:
        """Ask that an open order be cancelled; whether it was is in its report.

        Raises NoSuchOrder, NotCancellable, OutcomeUnknown.
        """

    def open_orders(self) -> list[OrderReport]:
        """List all open orders, oldest first, or raise: never a part of them. Some may not be ours."""

    def orders(self, *, since: datetime, until: datetime, symbol: Symbol | None = None) -> list[OrderReport]:
        """List every order entered in the span, ended ones and rejected ones too, oldest first, or raise.

        With a symbol, only its orders; what is wrong with those of others is not in the way then. Raises NotOffered
        where the broker has forgotten a part of the span.
        """

    # The market and the account.

    def account(self) -> Account: ...

    def holdings(self) -> Holdings:
        """List everything that is held, or raise: never a part of it."""

    def quote(self, symbol: Symbol) -> Quote:
        """Ask for the latest price. Raises NoSuchAsset, UnusableAnswer."""

    def asset(self, symbol: Symbol) -> Asset:
        """Ask what may be done with a symbol. Raises NoSuchAsset."""

    def clock(self) -> MarketClock: ...

    def sessions(self, *, first: date, last: date) -> list[TradingSession]:
        """List the regular sessions from one day to another, both included, oldest first."""

"""A venue: a broker that does with an order what a test tells it, and remembers all that it was asked."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from trading.brokers.market import Account, Asset, Holding, Holdings, MarketClock, Quote, TradingSession
from trading.brokers.orders import OrderReport, OrderRequest, OrderStatus
from trading.brokers.outcomes import BrokerError, NoSuchOrder, NotCancellable, NotOffered
from trading.brokers.port import Capabilities, Clock
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol


class Venue:
    """A broker in memory. An order stays accepted until the test says otherwise."""

    name = "dry_run"

    def __init__(self, clock: Clock, *, fractional_digits: int | None = None, our_ids: bool = True) -> None:
        """Without `our_ids` it makes an order of whatever it is sent, however often, as Schwab does."""
        self.capabilities = Capabilities(
            fractional_digits=fractional_digits, client_order_id=our_ids, shorting=True, fractional_shorting=True
        )
        self.now = clock
        self.orders_taken: dict[ClientOrderId, OrderReport] = {}
        self.held: dict[Symbol, Decimal] = {}
        self.price_usd = Decimal(200)
        self.buying_power_usd: Usd | None = None
        self.is_open = True
        self.asked: list[tuple[str, str]] = []
        """Every question: which, and about which order."""
        self.submitted: list[OrderRequest] = []
        self.meanwhile: Callable[[str, str], None] | None = None
        """Called after a question was answered, before the answer is given: for what happens in between."""
        self._errors: list[tuple[str, BrokerError, bool]] = []

    # What a test does.

    def fail(self, question: str, error: BrokerError, *, times: int = 1, taken: bool = False) -> None:
        """Raise at the next questions of this kind; `taken` lets an order be taken first."""
        self._errors += [(question, error, taken)] * times

    def tell(
        self,
        status: OrderStatus,
        filled: str = "0",
        *,
        price: str | None = "200",
        order: int = -1,
        reason: str | None = None,
        **changes: Any,
    ) -> OrderReport:
        """Let an order stand so from now on; the newest, unless another is named by its place."""
        name = list(self.orders_taken)[order]
        self.orders_taken[name] = report = msgspec.structs.replace(
            self.orders_taken[name],
            status=status,
            filled_shares=Shares(Decimal(filled)),
            average_price_usd=Usd(Decimal(price)) if price is not None and Decimal(filled) else None,
            reason=reason,
            updated_at=self.now(),
            **changes,
        )
        return report

    def questions(self, which: str) -> list[str]:
        return [about for question, about in self.asked if question == which]

    # The port.

    def submit(self, request: OrderRequest) -> OrderReport:
        error = self._error("submit", request.client_order_id)
        name = request.client_order_id
        if not self.capabilities.client_order_id:
            name = ClientOrderId(f"{name} #{len(self.orders_taken) + 1}")
        if error is None or error[1]:
            self.submitted.append(request)
            self.orders_taken.setdefault(name, self.taken(request))
        if error is not None:
            raise error[0]
        return self._answered("submit", request.client_order_id, self.orders_taken[name])

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        if not self.capabilities.client_order_id:
            raise NotOffered("the venue knows no ids of ours")
        if (error := self._error("find", client_order_id)) is not None:
            raise error[0]
        return self._answered("find", client_order_id, self.orders_taken.get(client_order_id))

    def report(self, broker_order_id: BrokerOrderId) -> OrderReport:
        if (error := self._error("report", broker_order_id)) is not None:
            raise error[0]
        for report in self.orders_taken.values():
            if report.broker_order_id == broker_order_id:
                return self._answered("report", broker_order_id, report)
        raise NoSuchOrder(f"the venue has no order {broker_order_id}")

    def open_orders(self) -> list[OrderReport]:
        self._ask("open_orders", "")
        return [report for report in self.orders_taken.values() if not report.status.is_end]

    def orders(self, *, since: datetime, until: datetime, symbol: Symbol | None = None) -> list[OrderReport]:
        self._ask("orders", "")
        return [
            report
            for report in self.orders_taken.values()
            if since <= report.submitted_at <= until and symbol in (None, report.symbol)
        ]

    def cancel(self, broker_order_id: BrokerOrderId) -> None:
        report = self.report(broker_order_id)
        if report.status.is_end:
            raise NotCancellable(f"order {broker_order_id} is {report.status}")
        place = [each.broker_order_id for each in self.orders_taken.values()].index(broker_order_id)
        self.tell(OrderStatus.CANCELLED, str(report.filled_shares), order=place, reason="cancelled")

    def account(self) -> Account:
        self._ask("account", "")
        return Account(
            number="VENUE-1",
            paper=True,
            blocked=None,
            cash_usd=None,
            buying_power_usd=self.buying_power_usd,
            equity_usd=None,
            shorting=True,
            as_of=self.now(),
        )

    def holdings(self) -> Holdings:
        self._ask("holdings", "")
        return Holdings(
            held=tuple(Holding(symbol=symbol, net_shares=Shares(net)) for symbol, net in self.held.items() if net != 0),
            as_of=self.now(),
        )

    def quote(self, symbol: Symbol) -> Quote:
        self._ask("quote", symbol)
        return Quote(
            symbol=symbol,
            bid_usd=None,
            ask_usd=None,
            last_usd=Usd(self.price_usd),
            quoted_at=self.now(),
            as_of=self.now(),
        )

    def asset(self, symbol: Symbol) -> Asset:
        self._ask("asset", symbol)
        fractionable = bool(self.capabilities.fractional_digits)
        return Asset(symbol=symbol, tradable=True, fractionable=fractionable, shortable=True, as_of=self.now())

    def clock(self) -> MarketClock:
        self._ask("clock", "")
        return MarketClock(
            is_open=self.is_open, broker_time=self.now(), next_open_at=None, next_close_at=None, as_of=self.now()
        )

    def sessions(self, *, first: date, last: date) -> list[TradingSession]:
        days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
        return [
            TradingSession(
                day=day,
                opens_at=datetime(day.year, day.month, day.day, tzinfo=UTC),
                closes_at=datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1),
            )
            for day in days
        ]

    def _ask(self, question: str, about: str) -> None:
        if (error := self._error(question, about)) is not None:
            raise error[0]

    def taken(self, request: OrderRequest, **changes: Any) -> OrderReport:
        """The report of an order that was just taken."""
        report = OrderReport(
            broker_order_id=BrokerOrderId(f"V-{len(self.orders_taken) + 1}"),
            client_order_id=request.client_order_id if self.capabilities.client_order_id else None,
            symbol=Symbol(request.symbol),
            side=request.side,
            requested_shares=request.shares,
            requested_notional_usd=request.notional_usd,
            limit_price_usd=request.limit_price_usd,
            filled_shares=Shares(Decimal(0)),
            average_price_usd=None,
            status=OrderStatus.ACCEPTED,
            reason=None,
            submitted_at=self.now(),
            updated_at=self.now(),
        )
        return msgspec.structs.replace(report, **changes) if changes else report

    def _error(self, question: str, about: str) -> tuple[BrokerError, bool] | None:
        self.asked.append((question, about))
        for place, (which, error, taken) in enumerate(self._errors):
            if which == question:
                del self._errors[place]
                return error, taken
        return None

    def _answered(self, question: str, about: str, answer: Any) -> Any:
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            meanwhile(question, about)
        return answer

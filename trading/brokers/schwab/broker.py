"""The Schwab broker: an account with real money, behind the port."""

from datetime import date, datetime

from trading.brokers.http import BrokerHttp
from trading.brokers.market import Account, Asset, Holdings, MarketClock, Quote, TradingSession
from trading.brokers.orders import OrderReport, OrderRequest
from trading.brokers.outcomes import NotOffered
from trading.brokers.port import Capabilities, Clock
from trading.brokers.schwab.accounts import SchwabAccount
from trading.brokers.schwab.holdings import SchwabHoldings
from trading.brokers.schwab.hours import SchwabHours
from trading.brokers.schwab.orders import SchwabOrders
from trading.brokers.schwab.quotes import SchwabQuotes
from trading.brokers.schwab.session import SchwabSession
from trading.brokers.schwab.tokens import AccessTokens
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.symbols import Symbol


class SchwabBroker:
    """Orders for whole shares, for the day. Schwab knows no ids of ours: an order of unknown outcome is found by looks.

    Where Schwab lists orders, those that we could not have sent (options, several legs, stops, short sales) are left
    out and named in the log; what may be ours and can't be read is an error.
    """

    name = "schwab"
    capabilities = Capabilities(fractional_digits=None, client_order_id=False, extended_hours=True)

    def __init__(
        self,
        *,
        http: BrokerHttp,
        tokens: AccessTokens,
        account_number: str,
        clock: Clock,
        paper: bool | None = False,
    ) -> None:
        """Schwab has no paper accounts: `paper` is None only where `http` leads to a stand-in for Schwab."""
        session = SchwabSession(http=http, tokens=tokens)
        account = SchwabAccount(session=session, number=account_number)
        self._orders = SchwabOrders(account=account, clock=clock)
        self._holdings = SchwabHoldings(account=account, paper=paper)
        self._quotes, self._hours = SchwabQuotes(session=session), SchwabHours(session=session)
        self._http = http

    def close(self) -> None:
        self._http.close()

    # Orders.

    def submit(self, request: OrderRequest) -> OrderReport:
        return self._orders.submit(request)

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        raise NotOffered(f"Schwab knows no ids of ours: {client_order_id} is looked for in the list of orders")

    def report(self, broker_order_id: BrokerOrderId) -> OrderReport:
        return self._orders.report(broker_order_id)

    def cancel(self, broker_order_id: BrokerOrderId) -> None:
        self._orders.cancel(broker_order_id)

    def open_orders(self) -> list[OrderReport]:
        return self._orders.open_orders()

    def orders(self, *, since: datetime, until: datetime, symbol: Symbol | None = None) -> list[OrderReport]:
        return self._orders.entered(since=since, until=until, symbol=symbol)

    # The market and the account.

    def account(self) -> Account:
        return self._holdings.account()

    def holdings(self) -> Holdings:
        return self._holdings.holdings()

    def quote(self, symbol: Symbol) -> Quote:
        return self._quotes.quote(symbol)

    def asset(self, symbol: Symbol) -> Asset:
        return self._quotes.asset(symbol)

    def clock(self) -> MarketClock:
        return self._hours.clock()

    def sessions(self, *, first: date, last: date) -> list[TradingSession]:
        return self._hours.sessions(first=first, last=last)

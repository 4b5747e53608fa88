"""The broker Alpaca: each method makes its call, and tells what came back in the port's words.

Nothing is repeated here. An order's id is ours and unique for ever at Alpaca, so an order that was sent twice is there
once: the second time Alpaca says so, and the order is looked up and compared.
"""

from datetime import date, datetime
from urllib.parse import quote

from trading.brokers.alpaca.answers import Json, Unreadable, object_of, objects_of, text_of
from trading.brokers.alpaca.identity import Identity
from trading.brokers.alpaca.market_answers import (
    account_of,
    asset_of,
    clock_of,
    holdings_of,
    prices_of,
    sessions_of,
)
from trading.brokers.alpaca.order_finder import OrderFinder, must_be_theirs
from trading.brokers.alpaca.order_reports import Reported, read_order
from trading.brokers.alpaca.order_requests import SHARE_DIGITS, order_json
from trading.brokers.alpaca.refusals import refusal_of
from trading.brokers.alpaca.session import AlpacaSession, is_success, must_be_an_answer, readable, refused
from trading.brokers.http import Answer, BrokerHttp, refuse_by_status
from trading.brokers.market import Account, Asset, Holdings, MarketClock, Quote, TradingSession
from trading.brokers.orders import OrderReport, OrderRequest, same_order
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NoSuchAsset,
    NoSuchOrder,
    NotAuthorised,
    NotCancellable,
    OrderRejected,
    OutcomeUnknown,
    UnusableAnswer,
    UnusableReport,
)
from trading.brokers.port import Capabilities
from trading.brokers.recording import Reference
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.symbols import Symbol

FEED = "iex"
"""The prices that every account may ask for; those of all exchanges are refused without a subscription."""

REFUSES = (400, 403, 404, 422)
"""With these Alpaca says no to an order, as long as the words are its own."""


class AlpacaBroker:
    """One account at Alpaca. Safe for use by many threads at once."""

    name = "alpaca"
    capabilities = Capabilities(
        fractional_digits=SHARE_DIGITS,
        client_order_id=True,
        notional=True,
        shorting=True,
        fractional_shorting=False,
        extended_hours=True,
    )

    def __init__(self, *, identity: Identity, trading: BrokerHttp, data: BrokerHttp) -> None:
        """Take the service that trades and the one that tells prices, which are two hosts."""
        self._session = AlpacaSession(identity=identity, trading=trading, data=data)
        self._finder = OrderFinder(self._session)
        self._confirmed = False

    def close(self) -> None:
        self._session.close()

    # Orders.

    def submit(self, request: OrderRequest) -> OrderReport:
        order, body = request.client_order_id, order_json(request)
        self._confirm_identity()
        what = f"submitting {order}"
        answer = self._session.call("POST", "/v2/orders", Reference(order=order, purpose="submit"), json=body)
        if is_success(answer):
            return _taken(request, answer)
        refuse_by_status(answer, changes=True, what=what)
        refusal = refusal_of(answer)
        if refusal is None or answer.status not in REFUSES:
            raise OutcomeUnknown(f"{what}: expected an answer of Alpaca's, was {answer.status}: {answer.told()}")
        if refusal.repeats_an_id:
            return self._found_again(request)
        if refusal.is_of_the_account:
            raise NotAuthorised(f"{what}: Alpaca takes no orders of this account or key: {refusal.told()}")
        # This may be the second try, and the first one's order be there, unanswered, holding what this one lacks.
        if (found := self._finder.named(order, purpose="find after a refusal")) is not None:
            return self._adopted(request, found)
        raise OrderRejected(f"Alpaca rejected {order}: {refusal.told()}")

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        found = self._finder.named(client_order_id, purpose="find")
        return None if found is None else self._finder.newest(found)

    def report(self, broker_order_id: BrokerOrderId) -> OrderReport:
        return self._finder.newest(self._finder.numbered(broker_order_id, purpose="report"))

    def cancel(self, broker_order_id: BrokerOrderId) -> None:
        must_be_theirs(broker_order_id)
        what = f"cancelling {broker_order_id}"
        answer = self._session.call("DELETE", f"/v2/orders/{broker_order_id}", Reference(purpose="cancel"))
        if is_success(answer):
            return
        refuse_by_status(answer, changes=True, what=what)
        refusal = refusal_of(answer)
        if refusal is not None and refusal.finds_nothing:
            raise NoSuchOrder(f"Alpaca has no order {broker_order_id}: {refusal.told()}")
        if refusal is not None and answer.status == 422:
            raise NotCancellable(f"order {broker_order_id} can't be cancelled any more: {refusal.told()}")
        raise refused(answer, what)

    def open_orders(self) -> list[OrderReport]:
        return self._finder.open_orders()

    def orders(self, *, since: datetime, until: datetime, symbol: Symbol | None = None) -> list[OrderReport]:
        listed = self._finder.entered(since=since, until=until)
        return [report for report in listed if symbol in (None, report.symbol)]

    # The market and the account.

    def account(self) -> Account:
        what = "asking for the account"
        answer = self._session.ask("/v2/account", Reference(purpose="account"), what=what)
        paper = self._session.identity.paper
        return readable(lambda: account_of(object_of(answer), paper=paper, as_of=answer.asked_at), what)

    def holdings(self) -> Holdings:
        what = "listing what is held"
        answer = self._session.ask("/v2/positions", Reference(purpose="holdings"), what=what)
        return readable(lambda: holdings_of(objects_of(answer), as_of=answer.asked_at), what)

    def quote(self, symbol: Symbol) -> Quote:
        what = f"asking for the price of {symbol}"
        quoted, traded = self._latest(symbol, "quotes", what), self._latest(symbol, "trades", what)
        found = readable(
            lambda: prices_of(symbol, _if_found(quoted), _if_found(traded), as_of=quoted.asked_at),
            what,
        )
        if found is None:
            self.asset(symbol)  # It may be that there is no such symbol.
            raise UnusableAnswer(f"{what}: Alpaca knows no price of it now")
        return found

    def asset(self, symbol: Symbol) -> Asset:
        what = f"asking for {symbol}"
        answer = self._session.call("GET", f"/v2/assets/{_in_a_path(symbol)}", Reference(purpose="asset"))
        if (refusal := refusal_of(answer)) is not None and refusal.finds_nothing:
            raise NoSuchAsset(f"Alpaca does not list {symbol}: {refusal.told()}")
        must_be_an_answer(answer, what)
        return readable(lambda: asset_of(object_of(answer), symbol, as_of=answer.asked_at), what)

    def clock(self) -> MarketClock:
        what = "asking for the clock"
        answer = self._session.ask("/v2/clock", Reference(purpose="clock"), what=what)
        return readable(lambda: clock_of(object_of(answer), as_of=answer.asked_at), what)

    def sessions(self, *, first: date, last: date) -> list[TradingSession]:
        what = f"asking for the sessions from {first} to {last}"
        span = {"start": first.isoformat(), "end": last.isoformat()}
        answer = self._session.ask("/v2/calendar", Reference(purpose="sessions"), what=what, params=span)
        return readable(lambda: sessions_of(objects_of(answer), first=first, last=last), what)

    # How it is done.

    def _confirm_identity(self) -> None:
        """Before the first order: are these the keys of the mode, and do they open the account that is meant?"""
        if self._confirmed:
            return
        identity = self._session.identity
        identity.refuse_wrong_keys()
        what = "asking which account the keys open, before the first order"
        answer = self._session.ask("/v2/account", Reference(purpose="account check"), what=what)
        try:
            number = text_of(object_of(answer), "account_number")
        except Unreadable as error:
            raise BrokerUnavailable(f"{what}: {error}. Nothing was sent") from None
        identity.refuse_wrong_account(number)
        self._confirmed = True

    def _found_again(self, request: OrderRequest) -> OrderReport:
        """Find the order that Alpaca says it has under our id already."""
        found = self._finder.named(request.client_order_id, purpose="find an order sent before")
        if found is None:
            raise OutcomeUnknown(
                f"Alpaca says that {request.client_order_id} was used before, and has no order of that id. "
                "Look for it at Alpaca; it is not sent under another id"
            )
        return self._adopted(request, found)

    def _adopted(self, request: OrderRequest, found: Reported) -> OrderReport:
        """Take an order that Alpaca has under our id for ours, if it is the same that we ask for."""
        if difference := same_order(request, found.report):
            # It is there under our id, so it can't be held to be refused: it may fill.
            raise UnusableReport(f"Alpaca has another order {request.client_order_id}: {difference}")
        return self._finder.newest(found)

    def _latest(self, symbol: Symbol, kind: str, what: str) -> Answer:
        """Ask for the latest quote or trade. A no that may mean that there is none is an answer too."""
        path = f"/v2/stocks/{_in_a_path(symbol)}/{kind}/latest"
        answer = self._session.call_data(path, Reference(purpose=f"latest {kind}"), params={"feed": FEED})
        refusal = refusal_of(answer)
        if refusal is not None and answer.status == 403 and not refusal.is_of_the_account:
            raise UnusableAnswer(f"{what}: Alpaca does not tell this account: {refusal.told()}")
        if refusal is None or answer.status not in (400, 404, 422):
            must_be_an_answer(answer, what)
        return answer


def _taken(request: OrderRequest, answer: Answer) -> OrderReport:
    """Read what Alpaca says of an order that it took. It is there whatever else its report says."""
    order = request.client_order_id
    try:
        row = object_of(answer)
        if text_of(row, "client_order_id") != order or not text_of(row, "id"):
            raise Unreadable(f"expected the order {order}, was {row.get('client_order_id')!r}")
    except Unreadable as error:
        raise OutcomeUnknown(
            f"submitting {order}: Alpaca answered {answer.status}, and not about the order: {error}"
        ) from None
    report = read_order(row, asked_at=answer.asked_at).report
    if difference := same_order(request, report):
        raise UnusableReport(f"Alpaca took another order for {order} than was sent: {difference}")
    return report


def _if_found(answer: Answer) -> Json | None:
    return object_of(answer) if is_success(answer) else None


def _in_a_path(symbol: Symbol) -> str:
    return quote(symbol, safe="")

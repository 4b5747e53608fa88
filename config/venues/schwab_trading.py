"""Schwab's orders and accounts: taking, finding, listing, cancelling and replacing orders; balances and positions."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from config.venues import schwab_words as words
from config.venues.accounts import Account
from config.venues.exchange import Exchange
from config.venues.orders import Ask, NotOpen, Order, Refusal, Refused
from config.venues.schwab_asks import ask_of, failure, reason_of
from config.venues.schwab_symbols import written
from config.venues.venue import Route
from config.venues.wire import Answer, Asked, Refusing
from trading.values.arithmetic import ZERO, subtract

LISTED_FOR = timedelta(days=60)
MOST_LISTED = 3000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)")


class Trading:
    """Answers what is asked about orders and accounts."""

    def __init__(self, exchange: Exchange, series: int, *, address: str) -> None:
        self._exchange, self._series, self._address = exchange, series, address

    def routes(self) -> list[Route]:
        orders = "/trader/v1/accounts/{hash}/orders"
        return [
            Route("GET", "/trader/v1/accounts/accountNumbers", "accounts", self.numbers),
            Route("POST", orders, "submit", self.submit),
            Route("GET", orders, "list", self.list),
            Route("GET", orders + "/{id}", "report", self.report),
            Route("DELETE", orders + "/{id}", "cancel", self.cancel),
            Route("PUT", orders + "/{id}", "replace", self.replace),
            Route("GET", "/trader/v1/orders", "list", self.list),
            Route("GET", "/trader/v1/accounts", "account", self.accounts),
            Route("GET", "/trader/v1/accounts/{hash}", "account", self.account),
        ]

    # Orders.

    def submit(self, asked: Asked, hash: str) -> Answer:
        account = self._account(hash)
        ask = self._with_effect(ask_of(asked), account)
        order = self._placed(ask, account)
        return Answer(status=201, headers={"Location": self.location(order)}, order=order)

    def list(self, asked: Asked, hash: str | None = None) -> Answer:
        account = None if hash is None else self._account(hash)
        since, until = self._time(asked, "fromEnteredTime"), self._time(asked, "toEnteredTime")
        # By the day: the vendor's clients ask from sixty days ago to the second, and arrive a little later.
        if since.date() < self._exchange.clock.now().date() - LISTED_FOR:
            raise Refusing(failure(400, "fromEnteredTime must be within 60 days of today"))
        if until < since:
            raise Refusing(failure(400, "toEnteredTime must not be before fromEnteredTime"))
        most = asked.query.get("maxResults") or str(MOST_LISTED)
        if not most.isdecimal() or int(most) < 1:
            raise Refusing(failure(400, f"maxResults must be a whole number above 0, was {most}"))
        found = [
            order
            for order in reversed(self._exchange.orders)
            if (account is None or order.account == account.number)
            # The second that is told begins a span, the true time ends it: who leaves no room misses orders.
            and since <= order.entered_at.replace(microsecond=0)
            and order.entered_at <= until
            and asked.query.get("status") in (None, "", self._status(order))
            and order.shows_in("list")
        ]
        return Answer(body=[self._json(order) for order in found[: int(most)]])

    def report(self, asked: Asked, hash: str, id: str) -> Answer:
        order = self._order(hash, id)
        if not order.shows_in("report"):
            raise _no_order()
        return Answer(body=self._json(order), order=order)

    def cancel(self, asked: Asked, hash: str, id: str) -> Answer:
        order = self._order(hash, id)
        try:
            self._exchange.cancel(order)
        except NotOpen:
            raise self._not_open(order) from None
        return Answer(status=200, order=order)

    def replace(self, asked: Asked, hash: str, id: str) -> Answer:
        account, order = self._account(hash), self._order(hash, id)
        ask = self._with_effect(ask_of(asked), account)
        try:
            self._check_instruction(ask, account, besides=order)
            successor = self._exchange.replace(order, ask)
        except NotOpen:
            raise self._not_open(order) from None
        except Refused as refusal:
            raise Refusing(failure(400, reason_of(refusal, ask))) from None
        return Answer(status=201, headers={"Location": self.location(successor)}, order=successor)

    def location(self, order: Order) -> str:
        hash = words.hash_of(order.account)
        return f"{self._address}/trader/v1/accounts/{hash}/orders/{words.order_id(order, self._series)}"

    # Accounts.

    def numbers(self, asked: Asked) -> Answer:
        return Answer(
            body=[{"accountNumber": number, "hashValue": words.hash_of(number)} for number in self._exchange.accounts]
        )

    def accounts(self, asked: Asked) -> Answer:
        return Answer(body=[self._account_json(account, asked) for account in self._exchange.accounts.values()])

    def account(self, asked: Asked, hash: str) -> Answer:
        return Answer(body=self._account_json(self._account(hash), asked))

    # How it is done.

    def _placed(self, ask: Ask, account: Account) -> Order:
        """Take an order; what speaks against it, but for a symbol that is not listed, is said only afterwards."""
        try:
            self._check_instruction(ask, account)
            return self._exchange.place(ask, account=account.number)
        except Refused as refusal:
            if refusal.refusal is Refusal.NO_SUCH_SYMBOL:
                raise Refusing(failure(400, f"Invalid symbol: {written(ask.symbol)}")) from None
            return self._exchange.take_and_reject(ask, reason_of(refusal, ask), account=account.number)

    def _check_instruction(self, ask: Ask, account: Account, *, besides: Order | None = None) -> None:
        """Raise Refused where an instruction does not fit what is held: SELL sells what is there and no more."""
        held = account.shares_of(ask.symbol)
        wanted = ask.shares or ZERO
        on_hold = self._exchange.book.held_by_sells(ask.symbol, account.number)
        if besides is not None and besides.ask.side is ask.side:
            on_hold = subtract(on_hold, besides.remaining or ZERO)
        available = {
            "SELL": max(subtract(held, on_hold), ZERO),
            "BUY_TO_COVER": max(held.copy_negate(), ZERO),
            "SELL_SHORT": wanted if held <= 0 and account.shorting else ZERO,
        }.get(ask.words["instruction"], wanted)
        if wanted > available:
            raise Refused(Refusal.SHARES, requested=wanted, available=available)

    def _with_effect(self, ask: Ask, account: Account) -> Ask:
        effect = words.effect_of(ask.side, account.shares_of(ask.symbol))
        return replace(ask, words={**ask.words, "positionEffect": effect})

    def _account(self, hash: str) -> Account:
        for account in self._exchange.accounts.values():
            if words.hash_of(account.number) == hash:
                return account
        raise Refusing(failure(404, "Account not found"))

    def _order(self, hash: str, id: str) -> Order:
        account = self._account(hash)
        if not id.isdecimal():
            raise Refusing(failure(400, f"orderId must be a number, was {id}"))
        number = int(id) - words.order_id_of(0, self._series)
        if not 1 <= number <= len(self._exchange.orders):
            raise _no_order()
        order = self._exchange.book.order(number)
        if order.account != account.number:
            raise _no_order()
        return order

    def _time(self, asked: Asked, name: str) -> datetime:
        # A plus sign that was not escaped arrives as a space.
        text = asked.query.get(name, "").replace(" ", "+")
        if not _TIME.fullmatch(text):
            raise Refusing(failure(400, f"{name} is required as yyyy-MM-dd'T'HH:mm:ss.SSSZ, was {text!r}"))
        return datetime.fromisoformat(text).astimezone(UTC)

    def _status(self, order: Order) -> str:
        return words.status_of(order, is_open=self._exchange.hours.is_open(self._exchange.clock.now()))

    def _not_open(self, order: Order) -> Refusing:
        return Refusing(failure(400, f"Order cannot be canceled/replaced in status {self._status(order)}"))

    def _json(self, order: Order) -> dict[str, Any]:
        is_open = self._exchange.hours.is_open(self._exchange.clock.now())
        return words.order_json(order, self._series, is_open=is_open)

    def _account_json(self, account: Account, asked: Asked) -> dict[str, Any]:
        power = self._exchange.book.buying_power(account)
        positions = "positions" in asked.query.get("fields", "").split(",")
        return words.account_json(account, self._exchange.prices(), power, positions=positions)


def _no_order() -> Refusing:
    return Refusing(failure(404, "Order not found"))

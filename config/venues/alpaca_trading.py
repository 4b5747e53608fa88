"""Alpaca's orders: taking, finding, listing, cancelling and replacing them."""

from dataclasses import replace
from typing import Any

from config.venues import alpaca_query as query
from config.venues import alpaca_words as words
from config.venues.alpaca_asks import INVALID, NOT_FOUND, UNPROCESSABLE, ask_of, body_of, refusal_of, refused
from config.venues.exchange import Exchange
from config.venues.orders import Ask, NotOpen, Order, Refused
from config.venues.venue import Route
from config.venues.wire import Answer, Asked, Refusing
from trading.values.arithmetic import subtract
from trading.values.sides import Side

MOST_LISTED, USUALLY_LISTED = 500, 50


class Trading:
    """Answers what is asked about orders."""

    def __init__(self, exchange: Exchange, series: int) -> None:
        self._exchange, self._series = exchange, series
        self._numbers: dict[str, int] = {}
        """Which order each id is, as far as somebody asked."""

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v2/orders", "submit", self.submit),
            Route("GET", "/v2/orders", "list", self.list),
            Route("DELETE", "/v2/orders", "cancel", self.cancel_all),
            Route("GET", "/v2/orders:by_client_order_id", "find", self.find),
            Route("GET", "/v2/orders/{id}", "report", self.report),
            Route("DELETE", "/v2/orders/{id}", "cancel", self.cancel),
            Route("PATCH", "/v2/orders/{id}", "replace", self.replace),
        ]

    def submit(self, asked: Asked) -> Answer:
        body = body_of(asked)
        ask = self._with_intent(ask_of(body, self._client_id(body)))
        instrument = self._exchange.book.instruments.get(ask.symbol)
        whole = ask.shares is not None and ask.shares == ask.shares.to_integral_value()
        if instrument is not None and not whole and not instrument.fractionable:
            raise refused(422, UNPROCESSABLE, f'asset "{ask.symbol}" is not fractionable')
        try:
            order = self._exchange.place(ask)
        except Refused as refusal:
            raise refusal_of(refusal, ask) from None
        return self._told(order, just_sent=True)

    def list(self, asked: Asked) -> Answer:
        wanted = asked.query.get("status") or "open"
        if wanted not in ("open", "closed", "all"):
            raise refused(422, INVALID, f"invalid status: {wanted}")
        limit = query.count(asked, "limit", usually=USUALLY_LISTED, most=MOST_LISTED)
        after, until = query.moment(asked, "after"), query.moment(asked, "until")
        symbols = asked.query["symbols"].split(",") if asked.query.get("symbols") else None
        found = [
            order
            for order in self._exchange.orders
            if (wanted == "all" or order.is_open == (wanted == "open"))
            and query.within(words.nanoseconds_of(order), after, until)
            and (symbols is None or order.ask.symbol in symbols)
            and order.shows_in("list")
        ]
        found.sort(key=words.nanoseconds_of, reverse=asked.query.get("direction") != "asc")
        return Answer(body=[self._json(order) for order in found[:limit]])

    def find(self, asked: Asked) -> Answer:
        client_id = asked.query.get("client_order_id", "")
        order = self._exchange.book.by_client_id(client_id)
        if order is None or not order.shows_in("find"):
            raise _no_order(client_id)
        return self._told(order)

    def report(self, asked: Asked, id: str) -> Answer:
        order = self._by_id(id)
        if not order.shows_in("report"):
            raise _no_order(id)
        return self._told(order)

    def cancel(self, asked: Asked, id: str) -> Answer:
        order = self._by_id(id)
        try:
            self._exchange.cancel(order)
        except NotOpen:
            raise self._not_cancelable(order) from None
        return Answer(status=204, order=order)

    def cancel_all(self, asked: Asked) -> Answer:
        done: list[dict[str, Any]] = []
        for order in self._exchange.open_orders():
            id = words.order_id(order, self._series)
            try:
                self._exchange.cancel(order)
                done.append({"id": id, "status": 200, "body": self._json(order)})
            except NotOpen:
                refusal = self._not_cancelable(order).answer
                done.append({"id": id, "status": refusal.status, "body": refusal.body})
        return Answer(status=207, body=done)

    def replace(self, asked: Asked, id: str) -> Answer:
        order, body = self._by_id(id), body_of(asked)
        before = order.ask
        if before.shares is None:
            raise refused(422, UNPROCESSABLE, "notional orders cannot be replaced")
        # What is filled stays with the order that ends; its successor is for the rest.
        changed = {
            "symbol": before.symbol,
            "side": before.side.lower(),
            "type": before.words.get("type", "market"),
            "qty": body.get("qty") or subtract(before.shares, order.filled),
            "limit_price": body.get("limit_price") or before.limit_price_usd,
            "time_in_force": body.get("time_in_force") or before.words.get("time_in_force", "day"),
            "extended_hours": before.words.get("extended_hours", False),
        }
        ask = ask_of(changed, self._client_id(body))
        ask = replace(ask, words={**before.words, **ask.words})
        try:
            successor = self._exchange.replace(order, ask)
        except NotOpen:
            raise self._not_cancelable(order) from None
        except Refused as refusal:
            raise refusal_of(refusal, ask) from None
        return self._told(successor, just_sent=True)

    def _client_id(self, body: dict[str, Any]) -> str:
        """Return the client's id, or one that is made up where it gave none."""
        return str(body.get("client_order_id") or words.id_of("client", f"{self._series}/{len(self._exchange.orders)}"))

    def _with_intent(self, ask: Ask) -> Ask:
        held = self._exchange.account().shares_of(ask.symbol)
        closes = held < 0 if ask.side is Side.BUY else held > 0
        intent = f"{ask.side.lower()}_to_{'close' if closes else 'open'}"
        return replace(ask, words={**ask.words, "position_intent": intent})

    def _by_id(self, id: str) -> Order:
        for number in range(len(self._numbers) + 1, len(self._exchange.orders) + 1):
            self._numbers[words.order_id_of(number, self._series)] = number
        if id not in self._numbers:
            raise _no_order(id)
        return self._exchange.book.order(self._numbers[id])

    def _not_cancelable(self, order: Order) -> Refusing:
        status = words.status_of(order, is_open=True)
        return refused(422, UNPROCESSABLE, f'order is already in "{status}" state')

    def _told(self, order: Order, *, just_sent: bool = False) -> Answer:
        return Answer(body=self._json(order, just_sent=just_sent), order=order)

    def _json(self, order: Order, *, just_sent: bool = False) -> dict[str, Any]:
        is_open = self._exchange.hours.is_open(self._exchange.clock.now())
        return words.order_json(order, self._series, is_open=is_open, just_sent=just_sent)


def _no_order(id: str) -> Refusing:
    return refused(404, NOT_FOUND, f"order not found for {id}")

"""Schwab's market data: quotes, and the hours of the market for shares."""

from datetime import date, timedelta
from typing import Any

from config.venues import schwab_words as words
from config.venues.exchange import Exchange
from config.venues.hours import EASTERN
from config.venues.schwab_asks import failure
from config.venues.schwab_symbols import read
from config.venues.venue import Route
from config.venues.wire import Answer, Asked, Refusing

TOLD_AHEAD = timedelta(days=365)


class MarketData:
    """Answers what is asked about the market."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/marketdata/v1/quotes", "quote", self.quotes),
            Route("GET", "/marketdata/v1/{symbol}/quotes", "quote", self.quote),
            Route("GET", "/marketdata/v1/markets", "hours", self.markets),
            Route("GET", "/marketdata/v1/markets/{market}", "hours", self.market),
        ]

    def quotes(self, asked: Asked) -> Answer:
        symbols = [symbol for symbol in asked.query.get("symbols", "").split(",") if symbol]
        if not symbols:
            raise Refusing(failure(400, "symbols is required"))
        told: dict[str, Any] = {}
        unknown = []
        for symbol in symbols:
            instrument = self._exchange.book.instruments.get(read(symbol))
            if instrument is None:
                unknown.append(symbol)
            else:
                told[symbol] = words.quote_json(instrument, self._exchange.clock.now())
        return Answer(body={**told, **({"errors": {"invalidSymbols": unknown}} if unknown else {})})

    def quote(self, asked: Asked, symbol: str) -> Answer:
        instrument = self._exchange.book.instruments.get(read(symbol))
        if instrument is None:
            error = {"id": "0", "status": 404, "title": "Not Found", "detail": f"Symbol not found: {symbol}"}
            return Answer(status=404, body={"errors": [error]})
        return Answer(body={symbol: words.quote_json(instrument, self._exchange.clock.now())})

    def markets(self, asked: Asked) -> Answer:
        wanted = asked.query.get("markets", "").split(",")
        if wanted != ["equity"]:
            raise Refusing(failure(400, f"this venue tells the hours of equity only, was {wanted}"))
        return self.market(asked, "equity")

    def market(self, asked: Asked, market: str) -> Answer:
        if market != "equity":
            raise Refusing(failure(404, f"market not found: {market}"))
        now = self._exchange.clock.now()
        today = now.astimezone(EASTERN).date()
        try:
            day = date.fromisoformat(asked.query["date"]) if asked.query.get("date") else today
        except ValueError:
            raise Refusing(failure(400, f"date must be yyyy-MM-dd, was {asked.query['date']}")) from None
        if not today <= day <= today + TOLD_AHEAD:
            raise Refusing(failure(400, "date must be between today and one year from today"))
        return Answer(body=words.hours_json(self._exchange.hours.session(day, now), day.isoformat()))

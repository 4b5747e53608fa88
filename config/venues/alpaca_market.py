"""Alpaca's account and market: what is held, what may be spent, what is listed, when it trades and at what price."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from config.venues import alpaca_query as query
from config.venues import alpaca_words as words
from config.venues.alpaca_asks import NOT_FOUND, refused
from config.venues.exchange import Exchange
from config.venues.hours import EASTERN
from config.venues.instruments import Instrument
from config.venues.venue import Route
from config.venues.wire import Answer, Asked

LARGEST_PAGE = 100
USUALLY_DAYS = 30


class AccountAndMarket:
    """Answers what is asked about anything but orders."""

    def __init__(self, exchange: Exchange, series: int, *, pdt_fields: bool) -> None:
        self._exchange, self._series, self._pdt_fields = exchange, series, pdt_fields

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/account", "account", self.account),
            Route("GET", "/v2/account/activities", "activities", self.activities),
            Route("GET", "/v2/account/activities/{kind}", "activities", self.activities),
            Route("GET", "/v2/positions", "positions", self.positions),
            Route("GET", "/v2/positions/{symbol}", "positions", self.position),
            Route("GET", "/v2/assets/{symbol}", "asset", self.asset),
            Route("GET", "/v2/clock", "clock", self.clock),
            Route("GET", "/v2/calendar", "calendar", self.calendar),
            Route("GET", "/v2/stocks/quotes/latest", "quote", self.quotes),
            Route("GET", "/v2/stocks/trades/latest", "quote", self.trades),
            Route("GET", "/v2/stocks/{symbol}/quotes/latest", "quote", self.quote),
            Route("GET", "/v2/stocks/{symbol}/trades/latest", "quote", self.trade),
        ]

    def account(self, asked: Asked) -> Answer:
        account = self._exchange.account()
        power = self._exchange.book.buying_power(account)
        prices = self._exchange.prices()
        return Answer(body=words.account_json(account, prices, power, pdt_fields=self._pdt_fields))

    def activities(self, asked: Asked, kind: str | None = None) -> Answer:
        wanted = kind or asked.query.get("activity_types") or "FILL"
        page = query.count(asked, "page_size", usually=LARGEST_PAGE, most=LARGEST_PAGE)
        after, until = query.moment(asked, "after"), query.moment(asked, "until")
        rows = [
            row
            for row in words.activities(self._exchange.orders, self._series)
            if "FILL" in wanted.split(",")
            and query.within(words.parsed_nanoseconds(row["transaction_time"]) or 0, after, until)
        ]
        if asked.query.get("direction") != "asc":
            rows.reverse()
        if (token := asked.query.get("page_token")) is not None:
            places = [place for place, row in enumerate(rows) if row["id"] == token]
            rows = rows[places[0] + 1 :] if places else []
        return Answer(body=rows[:page])

    def positions(self, asked: Asked) -> Answer:
        return Answer(body=[self._position(symbol) for symbol in sorted(self._exchange.account().holdings)])

    def position(self, asked: Asked, symbol: str) -> Answer:
        named = self._symbol(symbol)
        if named not in self._exchange.account().holdings:
            raise refused(404, NOT_FOUND, "position does not exist")
        return Answer(body=self._position(named))

    def asset(self, asked: Asked, symbol: str) -> Answer:
        instrument = self._exchange.book.instruments.get(self._symbol(symbol))
        if instrument is None:
            raise refused(404, NOT_FOUND, f"asset not found for {symbol}")
        return Answer(body=words.asset_json(instrument))

    def clock(self, asked: Asked) -> Answer:
        return Answer(body=words.clock_json(self._exchange.hours, self._exchange.clock.now()))

    def calendar(self, asked: Asked) -> Answer:
        now = self._exchange.clock.now()
        first = query.day(asked, "start", now.astimezone(EASTERN).date())
        last = query.day(asked, "end", first + timedelta(days=USUALLY_DAYS))
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        sessions = [self._exchange.hours.session(day, now) for day in days]
        return Answer(body=[words.calendar_json(session) for session in sessions if session is not None])

    def quote(self, asked: Asked, symbol: str) -> Answer:
        return Answer(body={"symbol": symbol, "quote": self._quote(self._listed(symbol))})

    def trade(self, asked: Asked, symbol: str) -> Answer:
        return Answer(body={"symbol": symbol, "trade": words.trade_json(self._listed(symbol))})

    def quotes(self, asked: Asked) -> Answer:
        return Answer(body={"quotes": self._of_many(asked, self._quote)})

    def trades(self, asked: Asked) -> Answer:
        return Answer(body={"trades": self._of_many(asked, words.trade_json)})

    def _of_many(self, asked: Asked, told: Callable[[Instrument], dict[str, Any]]) -> dict[str, Any]:
        """Tell of every listed symbol of those that were asked for; the others are left out."""
        listed = self._exchange.book.instruments
        return {name: told(listed[name]) for name in asked.query.get("symbols", "").split(",") if name in listed}

    def _quote(self, instrument: Instrument) -> dict[str, Any]:
        return words.quote_json(instrument, self._exchange.clock.now())

    def _position(self, symbol: str) -> dict[str, Any]:
        account = self._exchange.account()
        on_hold = self._exchange.book.held_by_sells(symbol, account.number)
        return words.position_json(symbol, account.holdings[symbol], on_hold, self._exchange.book.price(symbol))

    def _listed(self, symbol: str) -> Instrument:
        instrument = self._exchange.book.instruments.get(symbol)
        if instrument is None:
            raise refused(404, NOT_FOUND, f"no quote found for {symbol}")
        return instrument

    def _symbol(self, named: str) -> str:
        """Return the symbol of an asset that is named by its symbol or its id."""
        for symbol in self._exchange.book.instruments:
            if named in (symbol, words.asset_id(symbol)):
                return symbol
        return named

"""Alpaca's Trading API v2, and the calls of its market data that a hedger needs, on one server.

What it answers follows the vendor's samples where there are any; docs/venues.md lists where it guesses.
"""

from collections.abc import Sequence

from config.venues import alpaca_words as words
from config.venues.alpaca_asks import FORBIDDEN, MALFORMED, NOT_FOUND, UNPROCESSABLE
from config.venues.alpaca_bars import DailyBars
from config.venues.alpaca_market import AccountAndMarket
from config.venues.alpaca_trading import Trading
from config.venues.exchange import Exchange
from config.venues.faults import Fault, FaultPlan, Kind
from config.venues.keys import ALPACA_KEY, ALPACA_SECRET
from config.venues.orders import Order
from config.venues.rates import RateLimit
from config.venues.venue import Route, Venue, with_status
from config.venues.wire import Answer, Asked, Refusing

TOO_MANY = 42910000


class AlpacaVenue(Venue):
    """One paper account at Alpaca, and its market data under the same address."""

    name = "alpaca"

    def __init__(
        self,
        exchange: Exchange | None = None,
        *,
        faults: FaultPlan | None = None,
        port: int = 0,
        key: str = ALPACA_KEY,
        secret: str = ALPACA_SECRET,
        calls_per_minute: int | None = None,
        pdt_fields: bool = False,
        refuses_opposite: bool = True,
        series: int = 0,
    ) -> None:
        """`series` tells the ids of one venue from another's; `pdt_fields` brings back what ended in July 2026."""
        super().__init__(exchange, faults=faults, port=port)
        self.key, self.secret = key, secret
        self.exchange.refuses_opposite = refuses_opposite
        self._rate = RateLimit(calls_per_minute)
        self._series = series
        self._trading = Trading(self.exchange, series)
        self._market = AccountAndMarket(self.exchange, series, pdt_fields=pdt_fields)
        self.bars = DailyBars(self.exchange)

    def routes(self) -> Sequence[Route]:
        return [*self._trading.routes(), *self._market.routes(), *self.bars.routes()]

    def refusal(self, status: int, message: str | None = None) -> Answer:
        if status == 401:
            return Answer(status=401, body={"message": message or "unauthorized."})
        code, usual = {
            400: (MALFORMED, "request body format is invalid"),
            403: (FORBIDDEN, "insufficient buying power"),
            404: (NOT_FOUND, "endpoint not found"),
            422: (UNPROCESSABLE, "unprocessable"),
            429: (TOO_MANY, "too many requests"),
        }.get(status, (status * 100_000, "internal server error occurred"))
        figures = {"buying_power": "0", "cost_basis": "1"} if status == 403 and message is None else {}
        return Answer(status=status, body={"code": code, "message": message or usual, **figures})

    def name_of(self, order: Order) -> str:
        return words.order_id(order, self._series)

    def disguised(self, answer: Answer, fault: Fault) -> Answer:
        if fault.kind is Kind.STATUS_WORD:
            answer.body = with_status(answer.body, fault.word, "client_order_id")
        if fault.kind is Kind.FILL_TWICE and isinstance(answer.body, list) and answer.body:
            answer.body = [answer.body[0], *answer.body]
        return answer

    def authorise(self, asked: Asked, call: str) -> dict[str, str]:
        given = (asked.headers.get("apca-api-key-id"), asked.headers.get("apca-api-secret-key"))
        if given != (self.key, self.secret):
            raise Refusing(self.refusal(401))
        over, headers = self._rate.counted(self.exchange.clock.now())
        if over:
            answer = self.refusal(429)
            answer.headers |= headers
            raise Refusing(answer)
        return headers

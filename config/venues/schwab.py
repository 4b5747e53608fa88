"""Schwab's Trader API, its OAuth, and the calls of its market data that a hedger needs, on one server.

What it answers follows the recorded samples where there are any; docs/venues.md lists where it guesses.
"""

import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from config.venues import schwab_words as words
from config.venues.exchange import Exchange
from config.venues.faults import USUAL, Fault, FaultPlan, Kind, Usual, Where, gateway_page, location
from config.venues.keys import SCHWAB_APP_KEY, SCHWAB_APP_SECRET
from config.venues.orders import Order
from config.venues.rates import RateLimit
from config.venues.schwab_asks import failure
from config.venues.schwab_market import MarketData
from config.venues.schwab_tokens import ACCESS_LIVES, LOGIN_LIVES, REDIRECT_URI, Tokens
from config.venues.schwab_trading import Trading
from config.venues.venue import Route, Venue, with_status
from config.venues.wire import Answer, Asked, Refusing

ADDRESS = "https://api.schwabapi.com"
"""What Location headers begin with, wherever the venue listens: the vendor names its own host."""

CORRELATION = "Schwab-Client-CorrelId"
_HIDDEN = re.compile(rb"\b(code|refresh_token)=[^&]*")


class SchwabVenue(Venue):
    """One app at Schwab, one login's accounts, and the market data under the same address."""

    name = "schwab"
    usual_faults: ClassVar[Usual] = {
        **USUAL,
        "submit": (*USUAL["submit"], location(Where.MISSING), location(Where.UNPARSABLE)),
        "token": (*USUAL["*"], gateway_page(403)),
    }

    def __init__(
        self,
        exchange: Exchange | None = None,
        *,
        faults: FaultPlan | None = None,
        port: int = 0,
        app_key: str = SCHWAB_APP_KEY,
        app_secret: str = SCHWAB_APP_SECRET,
        redirect_uri: str = REDIRECT_URI,
        access_lives: timedelta = ACCESS_LIVES,
        login_lives: timedelta = LOGIN_LIVES,
        rotates_refresh_token: bool = False,
        calls_per_minute: int | None = None,
        series: int = 0,
        address: str = ADDRESS,
    ) -> None:
        """`series` tells the ids of one venue from another's."""
        super().__init__(exchange, faults=faults, port=port)
        self.tokens = Tokens(
            self.exchange.clock,
            app_key=app_key,
            app_secret=app_secret,
            redirect_uri=redirect_uri,
            access_lives=access_lives,
            login_lives=login_lives,
            rotates=rotates_refresh_token,
        )
        self._rate = RateLimit(calls_per_minute)
        self._series, self._address = series, address
        self._trading = Trading(self.exchange, series, address=address)
        self._market = MarketData(self.exchange)

    # What a test does.

    def login(self) -> dict[str, Any]:
        """Log in as an operator does by hand; return what Schwab answers to the code."""
        with self.exchange.lock:
            return self.tokens.login()

    def account_hash(self, number: str | None = None) -> str:
        return words.hash_of(self.exchange.account(number).number)

    def authorize_url(self) -> str:
        query = urlencode(
            {"response_type": "code", "client_id": self.tokens.app_key, "redirect_uri": self.tokens.redirect_uri}
        )
        return f"{self.url}/v1/oauth/authorize?{query}"

    # The protocol.

    def routes(self) -> Sequence[Route]:
        return [*self.tokens.routes(), *self._trading.routes(), *self._market.routes()]

    def refusal(self, status: int, message: str | None = None) -> Answer:
        if status == 401:
            error = {
                "id": self._correlation(),
                "status": 401,
                "title": "Unauthorized",
                "detail": message or "Client not authorized",
            }
            return Answer(status=401, body={"errors": [error]})
        usual = {
            400: "A validation error occurred while processing the request.",
            403: "The caller is forbidden from accessing this service.",
            404: "The resource is not found.",
            429: "Too many requests.",
            503: "The server has a temporary problem responding.",
        }.get(status, "There was an unexpected server error.")
        return failure(status, message or usual)

    def name_of(self, order: Order) -> str:
        return str(words.order_id(order, self._series))

    def authorise(self, asked: Asked, call: str) -> dict[str, str]:
        headers = {CORRELATION: self._correlation()}
        if call in ("authorize", "token"):
            return headers
        self.tokens.check(asked, self.refusal(401))
        over, _ = self._rate.counted(self.exchange.clock.now())
        if over:
            raise Refusing(self.refusal(429))
        return headers

    def disguised(self, answer: Answer, fault: Fault) -> Answer:
        match fault.kind:
            case Kind.STATUS_WORD:
                answer.body = with_status(answer.body, fault.word, "orderId")
            case Kind.FILL_TWICE:
                answer.body = _with_fill_twice(answer.body)
            case Kind.LOCATION if answer.order is not None:
                self._misplace(answer, answer.order, fault.where)
        return answer

    def recorded_body(self, asked: Asked, call: str) -> bytes:
        return _HIDDEN.sub(rb"\1=...", asked.body) if call == "token" else asked.body

    def _misplace(self, answer: Answer, order: Order, where: Where) -> None:
        right = answer.headers.pop("Location")
        match where:
            case Where.MISSING:
                return
            case Where.UNPARSABLE:
                wrong = f"{self._address}/trader/v1/accounts/orders"
            case Where.OTHER_ACCOUNT:
                wrong = right.replace(words.hash_of(order.account), words.hash_of("another account"))
            case Where.OTHER_ORDER:
                # The order before this one, where there is one; else one that never was.
                wrong = right.removesuffix(self.name_of(order)) + str(int(self.name_of(order)) - 1)
        answer.headers["Location"] = wrong

    def _correlation(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"venue/{self._series}/{len(self.requests)}"))


def _with_fill_twice(body: Any) -> Any:
    if isinstance(body, list):
        return [_with_fill_twice(one) for one in body]
    if isinstance(body, dict) and body.get("orderActivityCollection"):
        activities = body["orderActivityCollection"]
        return {**body, "orderActivityCollection": [*activities, activities[-1]]}
    return body

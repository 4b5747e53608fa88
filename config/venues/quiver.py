"""Quiver's API on this machine: congress trades and Form 4 rows, page by page, to who has the token.

Where the contract is silent it does what was seen of the service or what is least helpful: rows come newest first, a
page past the last is empty, an address with a ticker that nobody knows is 404, and parameters that it does not know
are ignored. It has no orders; of the exchange that all venues have it uses the clock.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from config.venues.exchange import Exchange
from config.venues.faults import ANY, Fault, FaultPlan, Usual, cut_before, cut_within, gateway_page, html, refuse
from config.venues.keys import QUIVER_TOKEN
from config.venues.orders import Order
from config.venues.quiver_rows import Row, as_v1, congress_rows, insider_rows
from config.venues.rates import RateLimit
from config.venues.venue import Route, Venue
from config.venues.wire import Answer, Asked, Refusing

USUAL_PAGE, LARGEST_PAGE = 100, 1000
DETAILS = {
    401: "Invalid token.",
    403: "Upgrade your subscription plan to access this dataset.",
    404: "Not found.",
    422: "page: expected a whole number from 1.",
    429: "Request was throttled. Expected available in 1 second.",
}


class QuiverVenue(Venue):
    """Public records, under the addresses and names of Quiver Quantitative. Its rows may be changed at any time."""

    name = "quiver"
    usual_faults: ClassVar[Usual] = {
        ANY: (
            refuse(429, retry_after="1"),
            refuse(500),
            refuse(503),
            gateway_page(502),
            cut_before(),
            cut_within(),
            html(),
        )
    }

    def __init__(
        self,
        exchange: Exchange | None = None,
        *,
        congress: Sequence[Row] | None = None,
        insiders: Sequence[Row] | None = None,
        token: str = QUIVER_TOKEN,
        calls_per_minute: int | None = None,
        faults: FaultPlan | None = None,
        port: int = 0,
    ) -> None:
        """Tell these rows: of congress as V2 has them. Without any, those of a believable fortnight until today."""
        super().__init__(exchange, faults=faults, port=port)
        today = self.exchange.clock.now().date()
        self.congress = list(congress_rows(today) if congress is None else congress)
        self.insiders = list(insider_rows(today) if insiders is None else insiders)
        self.token = token
        self.wrapped = False
        """Whether rows come as {"data": […]}, which the service has done."""

        self.knows_pages = True
        """Whether page and page_size are heeded; else each page is all there is."""

        self._rate = RateLimit(calls_per_minute)

    def routes(self) -> Sequence[Route]:
        return [
            Route("GET", "/beta/bulk/congresstrading", "congress", self._bulk_congress),
            Route("GET", "/beta/live/congresstrading", "congress_live", self._live_congress),
            Route("GET", "/beta/historical/congresstrading/{ticker}", "congress_of", self._congress_of),
            Route("GET", "/beta/live/insiders", "insiders", self._live_insiders),
        ]

    def refusal(self, status: int, message: str | None = None) -> Answer:
        return Answer(status=status, body={"detail": message or DETAILS.get(status, "A server error occurred.")})

    def name_of(self, order: Order) -> str:
        raise NotImplementedError("public records are no orders")

    def disguised(self, answer: Answer, fault: Fault) -> Answer:
        return answer

    def authorise(self, asked: Asked, call: str) -> dict[str, str]:
        # The contract says Bearer, the vendor's own client says Token; the service takes both.
        if asked.headers.get("authorization") not in (f"Bearer {self.token}", f"Token {self.token}"):
            raise Refusing(self.refusal(401))
        over, headers = self._rate.counted(self.exchange.clock.now())
        if over:
            answer = self.refusal(429)
            answer.headers |= {**headers, "Retry-After": "1"}
            raise Refusing(answer)
        return headers

    def _bulk_congress(self, asked: Asked) -> Answer:
        query = asked.query
        rows = [row for row in self.congress if _asked_for(row, query.get("date"), "Filed", query.get("ticker"))]
        rows = [row for row in rows if query.get("representative", row["Name"]) == row["Name"]]
        rows = [row for row in rows if query.get("bioguide_id", row["BioGuideID"]) == row["BioGuideID"]]
        return self._page(rows, asked, None if query.get("version") == "V2" else as_v1)

    def _live_congress(self, asked: Asked) -> Answer:
        return Answer(body=[as_v1(row) for row in self.congress[:LARGEST_PAGE]])

    def _congress_of(self, asked: Asked, ticker: str) -> Answer:
        rows = [as_v1(row) for row in self.congress if row["Ticker"] == ticker]
        return Answer(body=rows) if rows else self.refusal(404)

    def _live_insiders(self, asked: Asked) -> Answer:
        rows = [
            row
            for row in self.insiders
            if _asked_for(row, asked.query.get("date"), "fileDate", asked.query.get("ticker"))
        ]
        return self._page(rows, asked)

    def _page(self, rows: list[Row], asked: Asked, written: Callable[[Row], Row] | None = None) -> Answer:
        if self.knows_pages:
            page, size = self._whole(asked, "page", 1), self._whole(asked, "page_size", USUAL_PAGE)
            size = min(size, LARGEST_PAGE)
            rows = rows[(page - 1) * size : page * size]
        told: list[Any] = rows if written is None else [written(row) for row in rows]
        return Answer(body={"data": told} if self.wrapped else told)

    def _whole(self, asked: Asked, name: str, usual: int) -> int:
        text = asked.query.get(name, str(usual))
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise Refusing(self.refusal(422, f"{name}: expected a whole number from 1, was {text!r}"))
        return int(text)


def _asked_for(row: Row, day: str | None, under: str, ticker: str | None) -> bool:
    """Tell whether a row is of the day (YYYYMMDD) and the ticker, where one is asked for."""
    on_the_day = day is None or str(row.get(under))[:10].replace("-", "") == day
    return on_the_day and ticker in (None, row.get("Ticker"))

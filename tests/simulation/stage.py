"""The stage: on it stands a venue of each story's own, with every fault that its protocol can have."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import ClassVar
from urllib.parse import parse_qs

import httpx2

from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import (
    USUAL,
    Fault,
    FaultPlan,
    Usual,
    Where,
    fill_twice,
    gateway_page,
    hide,
    html,
    location,
    rate_limited,
    refuse,
    status_word,
)
from config.venues.hours import Door, Hours
from config.venues.schwab import SchwabVenue
from config.venues.venue import Venue
from config.venues.wire import Asked, Cut, Delivery
from tests.simulation.story import BrokerName, Terms

HALF_DAYS = (date(2026, 11, 27), date(2026, 12, 24))
_WORDS = ("on_the_moon", "PENDING_NEW_WORD")
_READS = (
    *USUAL["*"],
    gateway_page(403),
    gateway_page(404),
    gateway_page(502),
    refuse(401),
    refuse(500),
    rate_limited(None),
    rate_limited("20"),
)
_ORDERS = (*_READS, *map(status_word, _WORDS), fill_twice())
# After which an order is at the venue and we can't know it: these are drawn three times as often as what is plain.
_IN_DOUBT = (
    *(fault for fault in USUAL["submit"] if fault.kind.takes),
    html("submit"),
    hide(3, ("list", "find", "report")),
    hide(4, ("list", "find")),
)
_TAKEN = (
    *_IN_DOUBT * 3,
    *_READS,
    # What a venue says no with, and no more than that.
    refuse(400),
    refuse(403),
    refuse(422),
    status_word(_WORDS[0]),
)
_LOCATIONS = tuple(location(where) for where in Where)
EVERY: Usual = {
    "submit": _TAKEN,
    "find": _ORDERS,
    "report": _ORDERS,
    "list": _ORDERS,
    "cancel": (*USUAL["cancel"], *_READS, refuse(422)),
    "*": _READS,
}


class EveryAlpaca(AlpacaVenue):
    """Alpaca with everything that can go wrong there."""

    usual_faults: ClassVar[Usual] = EVERY


class EverySchwab(SchwabVenue):
    """Schwab with everything that can go wrong there, its own Location headers among it."""

    usual_faults: ClassVar[Usual] = {**EVERY, "submit": (*_TAKEN, *_LOCATIONS * 3)}


class FaultsOfEachCall(FaultPlan):
    """Draws what goes wrong at another rate for each kind of call, and counts it."""

    def __init__(self, seed: int, rates: dict[str, Decimal]) -> None:
        super().__init__()
        self._plans = {call: FaultPlan.random(seed, rate) for call, rate in rates.items()}
        self.injected: Counter[str] = Counter()

    def next(self, call: str, usual: Usual = USUAL) -> Fault | None:
        fault = self._plans[call].next(call, usual) if call in self._plans else None
        if fault is not None:
            self.injected[str(fault)] += 1
        return fault

    def clear(self) -> None:
        super().clear()
        self._plans.clear()


class Stage:
    """Where the venue of each story is; what is sent to `line` comes to it, in the same thread and without a socket."""

    url = "http://venue.example"

    def __init__(self) -> None:
        self._venue: Venue | None = None
        self._clock: Callable[[], datetime] | None = None
        self.line: httpx2.BaseTransport = InThisProcess(self._answered)

    @contextmanager
    def playing(self, story: Terms, clock: Callable[[], datetime], faults: FaultPlan) -> Iterator[Venue]:
        """Put up the venue of a story. Its clock is the story's, on its wall too."""
        self._venue, self._clock = _venue(story, clock, faults), clock
        try:
            yield self._venue
        finally:
            venue, self._venue = self._venue, None
            venue.close()  # Raises where the venue itself failed.

    def _answered(self, asked: Asked) -> tuple[Delivery, datetime]:
        if self._venue is None or self._clock is None:
            raise RuntimeError("a call came after the story was over")
        delivery = self._venue.handle(asked)
        return delivery, self._clock()


class InThisProcess(httpx2.BaseTransport):
    """Brings a request to a venue and its answer back, as the venue's server does, ends of connections included."""

    def __init__(self, answered: Callable[[Asked], tuple[Delivery, datetime]]) -> None:
        self._answered = answered

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        delivery, now = self._answered(
            Asked(
                method=request.method,
                path=request.url.raw_path.decode().partition("?")[0],
                query=_query(request.url.query),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.read(),
            )
        )
        if delivery.wait_seconds:
            raise RuntimeError("who waits here waits for ever: let the weather delay an answer")
        if delivery.cut is Cut.UNANSWERED:
            raise httpx2.ReadError("[Errno 104] Connection reset by peer", request=request)
        content, kind = delivery.answer.encoded()
        headers = [("Server", "Venue"), ("Date", format_datetime(now, usegmt=True))]
        if kind is not None:
            headers.append(("Content-Type", kind))
        if delivery.answer.status != 204:
            headers.append(("Content-Length", str(len(content))))
        headers += delivery.answer.headers.items()
        body = _Body(content, request, cut=delivery.cut is Cut.WITHIN)
        return httpx2.Response(delivery.answer.status, headers=headers, stream=body, request=request)


class _Body(httpx2.SyncByteStream):
    def __init__(self, content: bytes, request: httpx2.Request, *, cut: bool) -> None:
        self._content, self._request, self._cut = content, request, cut

    def __iter__(self) -> Iterator[bytes]:
        if self._cut:
            yield self._content[: len(self._content) // 2]
            raise httpx2.ReadError("[Errno 104] Connection reset by peer", request=self._request)
        yield self._content


def _query(query: bytes) -> dict[str, str]:
    return {name: ",".join(values) for name, values in parse_qs(query.decode(), keep_blank_values=True).items()}


def _venue(story: Terms, clock: Callable[[], datetime], faults: FaultPlan) -> Venue:
    account = Account(cash_usd=story.cash_usd, shorting=story.shorting)
    for symbol, shares in story.held.items():
        account.hold(symbol, shares, Decimal(100))
    seconds, ending = story.first_rule
    # The exchange's own half days, as the calendar of ours has them from the same library.
    half_days = {day: time(13) for day in HALF_DAYS} if story.by_calendar else None
    hours = Hours(Door.CALENDAR if story.by_calendar else Door.OPEN, early_closes=half_days)
    exchange = Exchange(clock=clock, accounts=[account], fill_seconds=seconds, ending=ending, hours=hours)
    if story.broker is BrokerName.SCHWAB:
        return EverySchwab(
            exchange,
            faults=faults,
            calls_per_minute=story.calls_per_minute,
            access_lives=timedelta(minutes=30),
            login_lives=timedelta(days=7),
        )
    return EveryAlpaca(exchange, faults=faults, calls_per_minute=story.calls_per_minute)

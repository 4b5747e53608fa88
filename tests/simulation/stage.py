"""The stage: one server, and on it a venue of each story's own, with every fault that its protocol can have."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import ClassVar

import httpx2

from config.venues import server
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
from config.venues.schwab import SchwabVenue
from config.venues.venue import Venue
from config.venues.wire import Asked, Delivery
from tests.simulation.story import BrokerName, Story

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
    """Listens as long as it is open; which venue answers changes with the story."""

    def __init__(self) -> None:
        self.venue: Venue | None = None
        self._server = server.Server(self._handle)
        # Without verifying, which is slow to make ready: nobody talks https here.
        self.line = httpx2.HTTPTransport(verify=False)

    @property
    def url(self) -> str:
        return self._server.url

    def open(self) -> None:
        self._server.open()

    def close(self) -> None:
        self._server.close()
        self.line.close()

    @contextmanager
    def playing(self, story: Story, clock: Callable[[], datetime], faults: FaultPlan) -> Iterator[Venue]:
        """Put up the venue of a story. Its clock is the story's, on its wall too."""
        self.venue = _venue(story, clock, faults)
        told = server._Handler.date_time_string
        server._Handler.date_time_string = lambda handler, timestamp=None: format_datetime(clock(), usegmt=True)  # type: ignore[method-assign]
        try:
            yield self.venue
        finally:
            server._Handler.date_time_string = told  # type: ignore[method-assign]
            venue, self.venue = self.venue, None
            venue.close()  # Raises where the venue itself failed.

    def _handle(self, asked: Asked) -> Delivery:
        if self.venue is None:
            raise RuntimeError("a call came after the story was over")
        return self.venue.handle(asked)


def _venue(story: Story, clock: Callable[[], datetime], faults: FaultPlan) -> Venue:
    account = Account(cash_usd=story.cash_usd, shorting=story.shorting)
    for symbol, shares in story.held.items():
        account.hold(symbol, shares, Decimal(100))
    seconds, ending = story.first_rule
    exchange = Exchange(clock=clock, accounts=[account], fill_seconds=seconds, ending=ending)
    if story.broker is BrokerName.SCHWAB:
        return EverySchwab(
            exchange,
            faults=faults,
            calls_per_minute=story.calls_per_minute,
            access_lives=timedelta(minutes=30),
            login_lives=timedelta(days=7),
        )
    return EveryAlpaca(exchange, faults=faults, calls_per_minute=story.calls_per_minute)

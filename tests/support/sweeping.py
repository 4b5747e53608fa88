"""Sweeping: hundreds of orders of ours at a venue that takes as many calls a minute as Alpaca does."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import httpx2

from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from tests.support.alpaca import Kept, SharedWire, make_alpaca
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations

CALLS_A_MINUTE = 200
"""What Alpaca takes of an account."""

# Each is looked for before it is sent, so that two calls are made for it.
PLACED_A_MINUTE = CALLS_A_MINUTE // 2 - 10
PRICE_USD = Decimal(100)
SHARES = "3"


class Sweeping:
    """Orders that are open at the venue, one in each symbol, and the stations that follow them."""

    def __init__(self, venue: AlpacaVenue, clock: Clock, stations: Stations) -> None:
        self.venue, self.clock, self.stations = venue, clock, stations

    def place(self, count: int) -> None:
        names = symbols(count)
        know_tokens(*(f"t{name}" for name in names))
        for first in range(0, count, PLACED_A_MINUTE):
            some = names[first : first + PLACED_A_MINUTE]
            logs = [log_of(take("BUY", SHARES, f"t{name}"), block=100 + first + at) for at, name in enumerate(some)]
            self.stations.fill(*logs)
            self.stations.hedge()
            self.clock.forward(61)

    def sweep(self) -> Counter[str]:
        """Ask about every order, and return the calls that it took. All of them are due."""
        before = len(self.venue.requests)
        self.stations.poller.run_once(now=self.clock.forward(61))
        return Counter(call.call for call in self.venue.requests[before:])

    def bare(self) -> float:
        """Ask about each order with nothing but a GET, and return the seconds that it took."""
        client = httpx2.Client(
            base_url=self.venue.url,
            headers={"APCA-API-KEY-ID": self.venue.key, "APCA-API-SECRET-KEY": self.venue.secret},
            trust_env=False,
        )
        with client:
            began = time.perf_counter()
            for order in self.venue.exchange.orders:
                self.clock.forward(1)  # So that the venue takes all of them.
                client.get(f"/v2/orders/{self.venue.name_of(order)}").raise_for_status()
            return time.perf_counter() - began

    def fill(self, *, half: bool = False) -> None:
        for order in self.venue.exchange.book.open():
            self.venue.exchange.fill(order, Decimal(SHARES) / 2 if half else None)


def symbols(count: int) -> list[str]:
    """Make up so many symbols, each of four letters."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [f"Z{letters[at // 676]}{letters[at // 26 % 26]}{letters[at % 26]}" for at in range(count)]


@contextmanager
def sweeping(count: int) -> Iterator[Sweeping]:
    """Have so many orders open, of which nothing is filled yet."""
    clock, wire = Clock(), SharedWire()
    account = Account(cash_usd=Decimal(10) ** 9)
    for name in symbols(count):
        account.hold(name, Decimal(10) ** 6, PRICE_USD)
    exchange = Exchange(
        clock=clock, fill_seconds=None, prices_usd=dict.fromkeys(symbols(count), PRICE_USD), accounts=[account]
    )
    with AlpacaVenue(exchange, calls_per_minute=CALLS_A_MINUTE) as venue:
        broker = make_alpaca(
            venue.url,
            Kept(),
            transport=wire,
            clock=clock,
            data_url=venue.url,
            key=venue.key,
            secret=venue.secret,
            account=account.number,
        )
        made = Sweeping(venue, clock, Stations(clock=clock, broker=broker))
        made.place(count)
        yield made
        wire.end()

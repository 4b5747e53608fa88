"""The decision pipeline's outside for tests: Alpaca and Quiver of our own, and a confirmed account."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.utils import timezone

from config.venue_environment import environment_of
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.hours import Door, Hours
from config.venues.quiver import QuiverVenue
from tests.support.facts import account
from trading.conductor.reconciling.identity import confirm_account


@contextmanager
def opened_pipeline(monkeypatch, *, cash_usd=Decimal(400_000)) -> Iterator[tuple[AlpacaVenue, QuiverVenue]]:
    """Both venues, over HTTP, named by the environment. Nobody sleeps meanwhile."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    exchange = Exchange(fill_seconds=0, hours=Hours(door=Door.OPEN), accounts=[Account(cash_usd=cash_usd)])
    with AlpacaVenue(exchange) as alpaca, QuiverVenue() as quiver:
        for name, value in (environment_of(alpaca) | environment_of(quiver)).items():
            monkeypatch.setenv(name, value)
        there = account(timezone.now(), number=exchange.account().number)
        confirm_account("alpaca", there, actor="tests", reason="a test", now=timezone.now())
        yield alpaca, quiver

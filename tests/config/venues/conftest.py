"""A venue of each kind, whose time stands still until a test moves it, and a raw client at it."""

from collections.abc import Iterator

import httpx2
import pytest

from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.schwab import SchwabVenue
from tests.support.venues import NOON, alpaca_client, schwab_client


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(clock=NOON)


@pytest.fixture
def alpaca() -> Iterator[AlpacaVenue]:
    with AlpacaVenue(Exchange(clock=NOON)) as venue:
        yield venue


@pytest.fixture
def at_alpaca(alpaca: AlpacaVenue) -> Iterator[httpx2.Client]:
    with alpaca_client(alpaca) as client:
        yield client


@pytest.fixture
def schwab() -> Iterator[SchwabVenue]:
    with SchwabVenue(Exchange(clock=NOON)) as venue:
        yield venue


@pytest.fixture
def at_schwab(schwab: SchwabVenue) -> Iterator[httpx2.Client]:
    with schwab_client(schwab) as client:
        yield client

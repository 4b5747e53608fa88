"""The venues for tests: raw clients that send what a test says and no more, and orders in each protocol's words."""

import ssl
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2

from config.venues.alpaca import AlpacaVenue
from config.venues.schwab import SchwabVenue
from config.venues.venue import Venue

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
"""A Monday at noon in New York."""

PATIENCE_SECONDS = 10


# Nothing here is encrypted, and reading the machine's certificates for each client takes longer than most tests.
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client(venue: Venue, **settings: Any) -> httpx2.Client:
    given = {"base_url": venue.url, "timeout": PATIENCE_SECONDS, "trust_env": False, "verify": _TLS}
    return httpx2.Client(**{**given, **settings})


def alpaca_client(venue: AlpacaVenue, **settings: Any) -> httpx2.Client:
    keys = {"APCA-API-KEY-ID": venue.key, "APCA-API-SECRET-KEY": venue.secret}
    return client(venue, headers=keys, **settings)


def schwab_client(venue: SchwabVenue, token: str | None = None, **settings: Any) -> httpx2.Client:
    """Without a token it logs in."""
    token = token or venue.login()["access_token"]
    return client(venue, headers={"Authorization": f"Bearer {token}"}, **settings)


def alpaca_order(client_order_id: str | None = "ht-1", **changes: Any) -> dict[str, Any]:
    order = {"symbol": "AAPL", "qty": "4", "side": "buy", "type": "market", "time_in_force": "day"}
    order |= {} if client_order_id is None else {"client_order_id": client_order_id}
    order |= changes
    return {name: value for name, value in order.items() if value is not None}


def schwab_order(quantity: Any = 4, instruction: str = "BUY", symbol: str = "AAPL", **changes: Any) -> dict[str, Any]:
    leg = {
        "instruction": instruction,
        "quantity": quantity,
        "instrument": {"symbol": symbol, "assetType": "EQUITY"},
    }
    order = {
        "orderType": "MARKET",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "orderLegCollection": [leg],
    }
    return order | changes


def orders_at(venue: SchwabVenue) -> str:
    return f"/trader/v1/accounts/{venue.account_hash()}/orders"


def wait(venue: Venue, seconds: Decimal | int) -> None:
    """Let time pass at the venue."""
    venue.exchange.set_time(lambda clock: clock.advance(seconds))

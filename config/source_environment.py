"""The environment of sources: the variables with which public records are fetched."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit_trail.sources.quiver.address import BASE_URL
from config.broker_environment import ALPACA_API_KEY, ALPACA_API_SECRET, ALPACA_DATA_URL, _secret, _service
from config.environment import Variable, _word, read
from trading.values.secret import Secret

QUIVER_API_TOKEN = Variable(
    "QUIVER_API_TOKEN",
    expected="the token of a subscription to Quiver Quantitative's API",
    example="QUIVER_API_TOKEN=…",
    secret=True,
)
QUIVER_BASE_URL = Variable(
    "QUIVER_BASE_URL",
    expected="the address of Quiver's API; https, or http on this machine",
    example=f"QUIVER_BASE_URL={BASE_URL}",
    default=BASE_URL,
)

ALPACA_FEED = Variable(
    "ALPACA_FEED",
    expected="iex, which a free plan has, or sip, which has all exchanges: whose daily bars are fetched",
    example="ALPACA_FEED=iex",
    default="iex",
)

SOURCE_VARIABLES = (QUIVER_API_TOKEN, QUIVER_BASE_URL, ALPACA_FEED)


@dataclass(frozen=True, kw_only=True)
class QuiverSettings:
    """Where public records are fetched, and with which token."""

    token: Secret
    base_url: str


def quiver_settings(environ: Mapping[str, str] | None = None) -> QuiverSettings:
    """Read them. Raises SettingError."""
    return QuiverSettings(
        token=read(QUIVER_API_TOKEN, _secret, environ), base_url=read(QUIVER_BASE_URL, _service, environ)
    )


@dataclass(frozen=True, kw_only=True)
class BarsSettings:
    """Where daily bars are fetched, with which keys, and of which exchanges."""

    key: Secret
    secret: Secret
    base_url: str
    feed: str


def bars_settings(environ: Mapping[str, str] | None = None) -> BarsSettings:
    """Read them; whichever broker is traded at, bars are Alpaca's. Raises SettingError."""
    return BarsSettings(
        key=read(ALPACA_API_KEY, _secret, environ),
        secret=read(ALPACA_API_SECRET, _secret, environ),
        base_url=read(ALPACA_DATA_URL, _service, environ),
        feed=read(ALPACA_FEED, lambda text: _word(text, ("iex", "sip")), environ),
    )

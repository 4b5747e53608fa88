"""The brokers' environment: the variables that a broker beside the dry run needs, and what they may be.

They are read when a broker is put together, so whoever works with the dry run needs none of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.environment import SettingError, Variable, _word, read
from trading.brokers.alpaca.identity import DATA_URL, Mode
from trading.values.secret import Secret

# What every broker of real money asks for.

TRADING_MODE = Variable(
    "TRADING_MODE",
    expected="paper or live; there is no default, since one costs real money",
    example="TRADING_MODE=paper",
)
CONFIRM_LIVE_TRADING = Variable(
    "CONFIRM_LIVE_TRADING",
    expected="yes, where TRADING_MODE is live: orders cost real money from then on",
    example="CONFIRM_LIVE_TRADING=yes",
    default="",
)


def trading_mode(environ: Mapping[str, str] | None = None) -> Mode:
    """Return whether orders cost real money, which is said twice. Raises SettingError."""
    mode = Mode(read(TRADING_MODE, lambda text: _word(text, tuple(Mode)), environ))
    confirmed = read(CONFIRM_LIVE_TRADING, lambda text: _word(text, ("", "yes")), environ)
    if mode is Mode.LIVE and not confirmed:
        raise SettingError(
            "TRADING_MODE is live and CONFIRM_LIVE_TRADING is not set. Expected CONFIRM_LIVE_TRADING=yes, so that "
            "nobody trades with real money by mistake; or TRADING_MODE=paper"
        )
    return mode


# Alpaca.

ALPACA_API_KEY = Variable(
    "ALPACA_API_KEY",
    expected="the key of Alpaca's Trading API: it begins with PK for paper and with AK for live trading",
    example="ALPACA_API_KEY=PK…",
    secret=True,
)
ALPACA_API_SECRET = Variable(
    "ALPACA_API_SECRET",
    expected="the secret that Alpaca gave out with the key",
    example="ALPACA_API_SECRET=…",
    secret=True,
)
ALPACA_ACCOUNT = Variable(
    "ALPACA_ACCOUNT",
    expected="the number of the account that the keys are to open; no order is sent where they open another",
    example="ALPACA_ACCOUNT=PA3XYZ12ABCD",
)
ALPACA_BASE_URL = Variable(
    "ALPACA_BASE_URL",
    expected="the address that orders are sent to, without /v2; https, or http on this machine",
    example="ALPACA_BASE_URL=http://127.0.0.1:8091",
    default="",
)
ALPACA_DATA_URL = Variable(
    "ALPACA_DATA_URL",
    expected="the address that prices are asked at, without /v2; https, or http on this machine",
    example="ALPACA_DATA_URL=http://127.0.0.1:8091",
    default=DATA_URL,
)


@dataclass(frozen=True)
class AlpacaSettings:
    """Which account at Alpaca, for paper or for real money. Its secrets show themselves to nobody."""

    mode: Mode
    key: Secret
    secret: Secret
    account: str
    trading_url: str
    data_url: str


def alpaca_settings(environ: Mapping[str, str] | None = None) -> AlpacaSettings:
    """Return what Alpaca is reached with. Raises SettingError."""
    mode = trading_mode(environ)
    return AlpacaSettings(
        mode=mode,
        key=read(ALPACA_API_KEY, _secret, environ),
        secret=read(ALPACA_API_SECRET, _secret, environ),
        account=read(ALPACA_ACCOUNT, _account, environ),
        trading_url=read(ALPACA_BASE_URL, _service, environ) or mode.trading_url,
        data_url=read(ALPACA_DATA_URL, _service, environ),
    )


BROKER_VARIABLES = tuple(value for value in list(globals().values()) if isinstance(value, Variable))

# How a value is read; see environment.py.

SHORTEST_SECRET = 8


def _secret(text: str) -> Secret:
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("it holds a space or a sign that no key holds")
    if len(text) < SHORTEST_SECRET:
        raise ValueError(f"it has fewer than {SHORTEST_SECRET} signs")
    return Secret(text)


def _account(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", text):
        raise ValueError
    return text


def _service(text: str) -> str:
    """Read the address of a service; nothing secret goes over the network in clear text."""
    if not text:
        return text
    url = urlsplit(text)
    try:
        host, _ = url.hostname, url.port
    except ValueError:
        raise ValueError("its port is not a number") from None
    if not host or re.search(r"\s", text) or url.query or url.fragment or "@" in url.netloc:
        raise ValueError("expected a scheme and a host, and a port where one is needed")
    if url.scheme != "https" and not (url.scheme == "http" and host in ("localhost", "127.0.0.1", "::1")):
        raise ValueError(f"found {url.scheme!r} to another machine, over which keys would be sent for all to read")
    if re.search(r"/v[0-9]+/*$", url.path):
        raise ValueError("its version is added by us")
    return text.rstrip("/")

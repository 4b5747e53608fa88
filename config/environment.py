"""The environment: every variable that the project reads, what it may be, and what it means.

Nothing is read at import. A value that is missing or malformed raises SettingError when it is first needed, so a
command asks only for what it uses.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from config.database_url import parsed
from trading.values.outside import number
from trading.values.thresholds import threshold

T = TypeVar("T")


class SettingError(Exception):
    """An environment variable is missing or malformed. Set it as the message says and start again."""


@dataclass(frozen=True)
class Variable:
    """An environment variable. Without a default it is required by whatever reads it."""

    name: str
    expected: str
    example: str
    default: str | None = None
    secret: bool = False
    """The value carries a credential, so no message repeats it."""


SECRET_KEY = Variable(
    "SECRET_KEY",
    expected="a long random text that only this installation knows (it signs sessions and queued tasks)",
    example="SECRET_KEY=\"$(python -c 'import secrets; print(secrets.token_urlsafe(50))')\"",
    secret=True,
)
DEBUG = Variable("DEBUG", expected="true or false", example="DEBUG=true", default="false")
ALLOWED_HOSTS = Variable(
    "ALLOWED_HOSTS",
    expected="host names that the web pages are served under, with commas between them",
    example="ALLOWED_HOSTS=hedge.example.com",
    default="localhost,127.0.0.1",
)
DATABASE_URL = Variable(
    "DATABASE_URL",
    expected="sqlite:///FILE (within the project), sqlite:////FOLDER/FILE, or a postgres:// URL that names a database",
    example="DATABASE_URL=postgres://hedgetrail@127.0.0.1:5432/hedgetrail",
    default="sqlite:///hedgetrail.sqlite3",
    secret=True,
)
LOG_LEVEL = Variable(
    "LOG_LEVEL",
    expected="DEBUG, INFO, WARNING, ERROR or CRITICAL",
    example="LOG_LEVEL=WARNING",
    default="INFO",
)
RPC_URL = Variable(
    "RPC_URL",
    expected="the http, https, ws or wss URL of an EVM node",
    example="RPC_URL=https://base-node.example.com",
    secret=True,
)
ORDERBOOK_ADDRESS = Variable(
    "ORDERBOOK_ADDRESS",
    expected="the order book's address: 0x and 40 hex digits, with a right checksum if in mixed case",
    example="ORDERBOOK_ADDRESS=0xd2938e7c9fe3597f78832ce780feb61945c377d7",
)
ORDER_OWNER = Variable(
    "ORDER_OWNER",
    expected="the address that owns our orders: 0x and 40 hex digits, with a right checksum if in mixed case",
    example="ORDER_OWNER=0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
)
DEPLOYMENT_BLOCK = Variable(
    "DEPLOYMENT_BLOCK",
    expected="the number of the block from which fills are read: a whole number, 0 or more",
    example="DEPLOYMENT_BLOCK=24000000",
)
USDC_ADDRESS = Variable(
    "USDC_ADDRESS",
    expected="the address of the USDC token: 0x and 40 hex digits, with a right checksum if in mixed case",
    example="USDC_ADDRESS=0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
    default="0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
)
PYTH_ADDRESS = Variable(
    "PYTH_ADDRESS",
    expected="the address of the Pyth price oracle: 0x and 40 hex digits, with a right checksum if in mixed case",
    example="PYTH_ADDRESS=0x8250f4af4b972684f7b336503e2d6dfedeb1487a",
    default="0x8250f4aF4B972684F7b336503E2D6dFeDeB1487a",
)
CHAIN_CUTOFF = Variable(
    "CHAIN_CUTOFF",
    expected="the last block that is read: latest, latest-30s (any number of seconds), safe or finalized",
    example="CHAIN_CUTOFF=latest-30s",
    default="latest",
)
BROKER = Variable("BROKER", expected="dry_run, alpaca or schwab", example="BROKER=dry_run")
DRY_RUN_FILL_SECONDS = Variable(
    "DRY_RUN_FILL_SECONDS",
    expected="seconds until the dry run fills an order: a number from 0 to 86400",
    example="DRY_RUN_FILL_SECONDS=0.5",
    default="2",
)
DRY_RUN_LATENCY_SECONDS = Variable(
    "DRY_RUN_LATENCY_SECONDS",
    expected="seconds that each call to the dry run takes: a number from 0 to 86400",
    example="DRY_RUN_LATENCY_SECONDS=0.2",
    default="0",
)
DRY_RUN_EQUITY_USD = Variable(
    "DRY_RUN_EQUITY_USD",
    expected="what the dry run's account is worth in dollars, by which decisions are sized there; a number above 0",
    example="DRY_RUN_EQUITY_USD=100000",
    default="",
)
DRY_RUN_BEHAVIOUR = Variable(
    "DRY_RUN_BEHAVIOUR",
    expected="fill, partial, reject, timeout_after_accept, unavailable or slow, then SYMBOL=BEHAVIOUR, with commas",
    example="DRY_RUN_BEHAVIOUR=fill,TSLA=reject",
    default="fill",
)
LEDGER = Variable("LEDGER", expected="legacy, dual or events", example="LEDGER=dual", default="dual")
LEGACY_PROJECTION = Variable("LEGACY_PROJECTION", expected="on or off", example="LEGACY_PROJECTION=off", default="on")
HEDGE_THRESHOLD = Variable(
    "HEDGE_THRESHOLD",
    expected='more than zero of shares or dollars, as in "1 share", "2.5 shares" or "$100"',
    example="HEDGE_THRESHOLD='2.5 shares'",
    default="1 share",
)
SEAL_FOLDER = Variable("SEAL_FOLDER", "the full name of a folder", "SEAL_FOLDER=/var/lib/hedgetrail/seals", default="")
ARCHIVE_FOLDER = Variable("ARCHIVE_FOLDER", "the full name of a folder", "ARCHIVE_FOLDER=/srv/archives", default="")

EVENT_PARTITIONS = Variable(
    "EVENT_PARTITIONS",
    expected="none, or into how many partitions the table of events is divided on PostgreSQL: from 2 to 1024",
    example="EVENT_PARTITIONS=16",
    default="none",
)
LEAST_FREE_DISK = Variable(
    "LEAST_FREE_DISK",
    expected="the share of the disk that must be free: more than 0% and less than 100%",
    example="LEAST_FREE_DISK=15%",
    default="10%",
)

VARIABLES = tuple(value for value in list(globals().values()) if isinstance(value, Variable))


# What settings.py asks for.


def secret_key(environ: Mapping[str, str] | None = None) -> str:
    """Return SECRET_KEY, which whatever serves pages or signs tasks needs."""
    return read(SECRET_KEY, _text, environ)


def debug(environ: Mapping[str, str] | None = None) -> bool:
    return read(DEBUG, _switch, environ)


def allowed_hosts(environ: Mapping[str, str] | None = None) -> list[str]:
    return read(ALLOWED_HOSTS, _names, environ)


def log_level(environ: Mapping[str, str] | None = None) -> str:
    return read(LOG_LEVEL, lambda text: _word(text.upper(), LOG_LEVELS), environ)


def database(folder: Path, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return Django's settings of the database; a relative SQLite file lies in the folder."""
    return read(DATABASE_URL, lambda text: parsed(text, folder), environ)


def event_partitions(environ: Mapping[str, str] | None = None) -> int | None:
    """Return into how many partitions a new table of events is divided, or None."""
    return read(EVENT_PARTITIONS, _partitions, environ)


# What housekeeping asks for.


def least_free_disk(environ: Mapping[str, str] | None = None) -> Decimal:
    """Return the percentage of the disk that must be free."""
    return read(LEAST_FREE_DISK, _percent, environ)


def folder(variable: Variable, environ: Mapping[str, str] | None = None) -> Path | None:
    return read(variable, _folder, environ)


# What the stations ask for.


@dataclass(frozen=True)
class Cutoff:
    """The last block that is read: the node's block under a tag, or the one that was so some seconds ago."""

    tag: str
    minus_seconds: int = 0


@dataclass(frozen=True)
class HedgeSettings:
    """Which chain, order book and owner are watched. Addresses are in lower case."""

    rpc_url: str
    orderbook: str
    owner: str
    deployment_block: int
    usdc: str
    pyth: str
    cutoff: Cutoff

    def __repr__(self) -> str:
        # The URL of a node often carries a key, and a repr ends up in logs.
        return f"HedgeSettings(orderbook={self.orderbook}, owner={self.owner}, cutoff={self.cutoff})"


@dataclass(frozen=True)
class DryRunSettings:
    """How the dry run behaves."""

    fill_seconds: Decimal
    latency_seconds: Decimal
    behaviour: str
    exceptions: tuple[tuple[str, str], ...] = ()
    """Symbols that behave otherwise, each with its behaviour."""

    equity_usd: Decimal | None = None
    """What the account is worth; None where nobody said."""

    def behaviour_of(self, symbol: str) -> str:
        return dict(self.exceptions).get(symbol, self.behaviour)


@dataclass(frozen=True)
class BrokerSettings:
    """Which broker hedges are placed at."""

    broker: str
    dry_run: DryRunSettings


@dataclass(frozen=True)
class LedgerSettings:
    """Where state is read from and events are written to, and the threshold of symbols without one of their own."""

    mode: str
    legacy_projection: bool
    threshold: str


def hedge_settings(environ: Mapping[str, str] | None = None) -> HedgeSettings:
    return HedgeSettings(
        rpc_url=read(RPC_URL, _node_url, environ),
        orderbook=read(ORDERBOOK_ADDRESS, _address, environ),
        owner=read(ORDER_OWNER, _address, environ),
        deployment_block=read(DEPLOYMENT_BLOCK, _block_number, environ),
        usdc=read(USDC_ADDRESS, _address, environ),
        pyth=read(PYTH_ADDRESS, _address, environ),
        cutoff=read(CHAIN_CUTOFF, _cutoff, environ),
    )


def broker_settings(environ: Mapping[str, str] | None = None) -> BrokerSettings:
    behaviour, exceptions = read(DRY_RUN_BEHAVIOUR, _behaviours, environ)
    return BrokerSettings(
        broker=read(BROKER, lambda text: _word(text, BROKERS), environ),
        dry_run=DryRunSettings(
            fill_seconds=read(DRY_RUN_FILL_SECONDS, _seconds, environ),
            latency_seconds=read(DRY_RUN_LATENCY_SECONDS, _seconds, environ),
            behaviour=behaviour,
            exceptions=exceptions,
            equity_usd=read(DRY_RUN_EQUITY_USD, _equity, environ),
        ),
    )


def ledger_settings(environ: Mapping[str, str] | None = None) -> LedgerSettings:
    return LedgerSettings(
        mode=read(LEDGER, lambda text: _word(text, LEDGERS), environ),
        legacy_projection=read(LEGACY_PROJECTION, _switch, environ),
        threshold=read(HEDGE_THRESHOLD, _threshold, environ),
    )


# How a value is read. A parser raises ValueError on what it can't read; its message may add a reason.

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
BROKERS = ("dry_run", "alpaca", "schwab")
BEHAVIOURS = ("fill", "partial", "reject", "timeout_after_accept", "unavailable", "slow")
LEDGERS = ("legacy", "dual", "events")
SWITCHES = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}


_LONGEST_SHOWN = 200
_SECONDS_OF_A_DAY = 86_400


def read(variable: Variable, parse: Callable[[str], T], environ: Mapping[str, str] | None) -> T:
    """Read a variable. Raises SettingError, whose traceback shows no secret, not among its locals either."""
    text = (os.environ if environ is None else environ).get(variable.name, "").strip()
    if not text:  # Set to nothing is not set: env files often say `NAME=`.
        if variable.default is None:
            raise SettingError(
                f"{variable.name} is not set. Expected {variable.expected}; for example {variable.example}"
            )
        text = variable.default
    try:
        text.encode()  # Of bytes that are no text, Python makes halves of letters, which nothing keeps.
        return parse(text)
    except ValueError as error:
        found = "" if variable.secret else f", found {text[:_LONGEST_SHOWN]!r}"
        reason = f" ({str(error)[:_LONGEST_SHOWN]})" if str(error) else ""
    del text
    # Apart from the error that it came of, whose frames hold the value.
    raise SettingError(
        f"{variable.name} is not valid: expected {variable.expected}{found}{reason}; for example {variable.example}"
    )


def _text(text: str) -> str:
    return text


def _folder(text: str) -> Path | None:
    if text and not Path(text).is_absolute():
        raise ValueError("it does not begin with a slash, so it would be another one in each working folder")
    return Path(text) if text else None


def _word(text: str, words: tuple[str, ...]) -> str:
    if text not in words:
        raise ValueError
    return text


def _switch(text: str) -> bool:
    if text.lower() not in SWITCHES:
        raise ValueError
    return SWITCHES[text.lower()]


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise ValueError("a name between commas is empty")
    return names


def _node_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https", "ws", "wss"):
        raise ValueError(f"found the scheme {url.scheme!r}")
    try:
        host, _ = url.hostname, url.port
    except ValueError:
        raise ValueError("its port is not a number") from None
    if not host or re.search(r"\s", text):
        raise ValueError("found no host" if not host else "found a space")
    return text


def _address(text: str) -> str:
    if re.fullmatch(r"0x[0-9a-fA-F]{40}", text) is None:
        raise ValueError
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()):
        from eth_utils.address import is_checksum_address

        if not is_checksum_address(text):
            raise ValueError("its checksum is wrong, so a digit may be mistyped")
    return text.lower()


def _block_number(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text) is None:
        raise ValueError
    return int(text)


def _cutoff(text: str) -> Cutoff:
    if text in ("latest", "safe", "finalized"):
        return Cutoff(text)
    found = re.fullmatch(r"latest-([0-9]{1,6})s", text)
    if found is None:
        raise ValueError
    return Cutoff("latest", int(found[1]))


def _seconds(text: str) -> Decimal:
    seconds = number(text)
    if not 0 <= seconds <= _SECONDS_OF_A_DAY:
        raise ValueError
    return seconds


def _equity(text: str) -> Decimal | None:
    if not text:
        return None
    equity = number(text)
    if equity <= 0:
        raise ValueError
    return equity


def _behaviours(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    behaviour, exceptions = "fill", {}
    for place, part in enumerate(_names(text)):
        symbol, equals, word = part.partition("=")
        if not equals and place > 0:
            raise ValueError(f"{part!r} has no symbol; only the first may go without")
        if equals and (re.fullmatch(r"[A-Z][A-Z0-9.]*", symbol) is None or symbol in exceptions):
            raise ValueError(f"{symbol!r} is no symbol, or stands there twice")
        if (word if equals else part) not in BEHAVIOURS:
            raise ValueError(f"{word if equals else part!r} is no behaviour")
        if equals:
            exceptions[symbol] = word
        else:
            behaviour = part
    return behaviour, tuple(exceptions.items())


def _threshold(text: str) -> str:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)? shares?|\$[0-9]+(\.[0-9]+)?", text) is None:
        raise ValueError
    threshold(text)
    return text


def _partitions(text: str) -> int | None:
    if text == "none":
        return None
    if re.fullmatch(r"[0-9]{1,4}", text) is None or not 2 <= int(text) <= 1024:
        raise ValueError
    return int(text)


def _percent(text: str) -> Decimal:
    found = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]{1,3})?)%", text)
    if found is None or not Decimal(found[1]):
        raise ValueError
    return Decimal(found[1])

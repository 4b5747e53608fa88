"""Schwab's environment: the variables that a broker beside the dry run needs, and what they may be.

They are read when a broker is put together, so whoever works with the dry run needs none of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.environment import Variable, read
from trading.values.secret import Secret

if TYPE_CHECKING:
    from trading.broker_auth.keys import KeyRing

# Tokens of brokers, and the keys under which they lie.

TOKEN_ENCRYPTION_KEYS = Variable(
    "TOKEN_ENCRYPTION_KEYS",
    expected="the keys under which brokers' tokens are stored: 64 hex digits each, newest first, with commas between",
    example='TOKEN_ENCRYPTION_KEYS="$(openssl rand -hex 32)"',
    secret=True,
)
ENCRYPTION_KEY = Variable(
    "ENCRYPTION_KEY",
    expected="the key of an older installation's tokens, 64 hex digits; only migrate_to_events reads it",
    example="ENCRYPTION_KEY=…",
    default="",
    secret=True,
)


def token_keys(environ: Mapping[str, str] | None = None) -> "KeyRing":
    """Return the keys under which tokens are stored. Raises SettingError."""
    return read(TOKEN_ENCRYPTION_KEYS, _keys, environ)


def older_key(environ: Mapping[str, str] | None = None) -> Secret | None:
    """Return the key under which an older installation stored its tokens, if it is given."""
    return read(ENCRYPTION_KEY, lambda text: Secret(text) if text else None, environ)


# Schwab.

SCHWAB_APP_KEY = Variable(
    "SCHWAB_APP_KEY",
    expected="the key of the app that is registered at Schwab's developer portal",
    example="SCHWAB_APP_KEY=…",
    secret=True,
)
SCHWAB_APP_SECRET = Variable(
    "SCHWAB_APP_SECRET",
    expected="the secret that Schwab gave out with the app's key",
    example="SCHWAB_APP_SECRET=…",
    secret=True,
)
SCHWAB_REDIRECT_URI = Variable(
    "SCHWAB_REDIRECT_URI",
    expected="the callback URL that the app is registered with, to the letter; it begins with https://",
    example="SCHWAB_REDIRECT_URI=https://127.0.0.1",
    default="https://127.0.0.1",
)
SCHWAB_ACCOUNT = Variable(
    "SCHWAB_ACCOUNT",
    expected="the number of the account that is traded, digits only; no order is sent where it is not found",
    example="SCHWAB_ACCOUNT=12345678",
    secret=True,
)
SCHWAB_BASE_URL = Variable(
    "SCHWAB_BASE_URL",
    expected="the address of Schwab's service; https, or http on this machine",
    example="SCHWAB_BASE_URL=http://127.0.0.1:8092",
    default="https://api.schwabapi.com",
)


@dataclass(frozen=True)
class SchwabSettings:
    """With what we log in at Schwab. Its secrets show themselves to nobody."""

    app_key: Secret
    app_secret: Secret
    redirect_uri: str
    base_url: str


def schwab_settings(environ: Mapping[str, str] | None = None) -> SchwabSettings:
    """Return what a login needs. Raises SettingError."""
    return SchwabSettings(
        app_key=read(SCHWAB_APP_KEY, _app_secret, environ),
        app_secret=read(SCHWAB_APP_SECRET, _app_secret, environ),
        redirect_uri=read(SCHWAB_REDIRECT_URI, _redirect_uri, environ),
        base_url=read(SCHWAB_BASE_URL, _schwab_url, environ),
    )


def schwab_account(environ: Mapping[str, str] | None = None) -> str:
    """Return the number of the account that is traded. Raises SettingError."""
    return read(SCHWAB_ACCOUNT, _schwab_account, environ)


SCHWAB_VARIABLES = tuple(value for value in list(globals().values()) if isinstance(value, Variable))

# How a value is read; see environment.py.


def _keys(text: str) -> "KeyRing":
    from trading.broker_auth.keys import KeyRing

    return KeyRing.parse(Secret(text))


def _app_secret(text: str) -> Secret:
    if re.fullmatch(r"[!-~]+", text) is None:
        raise ValueError("it holds a space, or a sign that no key holds")
    return Secret(text)


def _redirect_uri(text: str) -> str:
    url = urlsplit(text)
    if url.scheme != "https" or not url.hostname or url.query or url.fragment or re.search(r"\s", text):
        raise ValueError
    return text


def _schwab_url(text: str) -> str:
    url = urlsplit(text)
    if not url.hostname or url.query or url.fragment or "@" in url.netloc or re.search(r"\s", text):
        raise ValueError
    if url.scheme != "https" and not (url.scheme == "http" and url.hostname in ("localhost", "127.0.0.1", "::1")):
        raise ValueError(f"over {url.scheme} to another machine, tokens would be sent for all to read")
    return text.rstrip("/")


def _schwab_account(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,20}", text) is None:
        raise ValueError
    return text

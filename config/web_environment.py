"""The environment of the web pages: how they are reached, and who may ask how the installation is doing."""

import re
from collections.abc import Mapping, Sequence

from config.environment import Variable, read

HTTPS = Variable(
    "HTTPS",
    expected="on, off, or auto, which is on where ALLOWED_HOSTS names another host than this machine",
    example="HTTPS=on",
    default="auto",
)
PROXIES = Variable(
    "PROXIES",
    expected="how many proxies of yours stand before the pages, one behind the other: a whole number from 0 to 9",
    example="PROXIES=1",
    default="0",
)
METRICS_TOKEN = Variable(
    "METRICS_TOKEN",
    expected="a text of 16 characters or more, without spaces, that whoever asks for /metrics has to know",
    example="METRICS_TOKEN=\"$(python -c 'import secrets; print(secrets.token_urlsafe(32))')\"",
    default="",
    secret=True,
)
CHECKPOINT_SECONDS = Variable(
    "CHECKPOINT_SECONDS",
    expected="whole seconds, from 1 to 86400",
    example="CHECKPOINT_SECONDS=1200",
    default="300",
)

REQUIRE_TOTP = Variable("REQUIRE_TOTP", expected="on or off", example="REQUIRE_TOTP=on", default="off")

WEB_VARIABLES = (HTTPS, PROXIES, METRICS_TOKEN, CHECKPOINT_SECONDS, REQUIRE_TOTP)

THIS_MACHINE = frozenset({"localhost", ".localhost", "127.0.0.1", "[::1]"})


def https(hosts: Sequence[str], environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether pages are served over TLS alone, given the host names under which they are served."""
    said = read(HTTPS, _on_off_auto, environ)
    return not THIS_MACHINE.issuperset(hosts) if said is None else said


def proxies(environ: Mapping[str, str] | None = None) -> int:
    """Return how many proxies are believed about who asks, and over what."""
    return read(PROXIES, _digit, environ)


def metrics_token(environ: Mapping[str, str] | None = None) -> str:
    """Return the token, or nothing where whoever is on this machine may ask."""
    return read(METRICS_TOKEN, _token, environ)


def checkpoint_seconds(environ: Mapping[str, str] | None = None) -> int:
    """Return how old the chain's checkpoint may be before the installation is said not to hedge."""
    return read(CHECKPOINT_SECONDS, _seconds_of_a_day, environ)


def require_totp(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether everybody who signs in has to have an authenticator."""
    return read(REQUIRE_TOTP, _on_off, environ)


def _on_off_auto(text: str) -> bool | None:
    words = {"auto": None, "on": True, "off": False}
    if text.lower() not in words:
        raise ValueError
    return words[text.lower()]


def _on_off(text: str) -> bool:
    if text.lower() not in ("on", "off"):
        raise ValueError
    return text.lower() == "on"


def _digit(text: str) -> int:
    if re.fullmatch(r"[0-9]", text) is None:
        raise ValueError
    return int(text)


def _token(text: str) -> str:
    if text and (len(text) < 16 or re.search(r"\s", text)):
        raise ValueError("it is too short, or has spaces")
    return text


def _seconds_of_a_day(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) is None or not 1 <= int(text) <= 86_400:
        raise ValueError
    return int(text)

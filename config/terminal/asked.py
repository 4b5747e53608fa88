"""Asked: which rows are wanted, as the options of a command say."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from config.arguments import symbol_argument
from trading.values.symbols import Symbol

MOST = 10_000
USUAL = 50
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Asked(NamedTuple):
    """Which rows, and how many of the newest at most."""

    symbol: Symbol | None
    side: str | None
    status: str | None
    since: datetime | None
    limit: int


def add_filters(parser: ArgumentParser, *, sides: Sequence[str], states: Sequence[str]) -> None:
    """Let a command be asked for some of the rows."""
    parser.add_argument("--symbol", type=symbol_argument, metavar="SYMBOL", help="of this symbol alone")
    parser.add_argument("--side", type=one_of(sides), choices=sides, help="of this side alone")
    parser.add_argument("--status", type=one_of(states), choices=states, help="that stand so alone")
    parser.add_argument(
        "--since", type=since, metavar="TIME", help="from then on: 90s, 15m, 2h, 3d ago, or 2026-03-02T14:30Z"
    )
    parser.add_argument(
        "--limit", type=limit, default=USUAL, metavar="N", help=f"so many at most, the newest (default {USUAL})"
    )


def asked(options: dict[str, Any]) -> Asked:
    return Asked(*(options[name] for name in Asked._fields))


def one_of(words: Sequence[str]) -> Callable[[str], str]:
    """Read one of some words, in whatever case it is written."""
    return lambda text: next((word for word in words if word.lower() == text.lower()), text)


def since(text: str) -> datetime:
    """Read a time, or how long ago it was."""
    if found := re.fullmatch(r"([0-9]{1,6})([smhd])", text):
        return timezone.now() - timedelta(**{UNITS[found[2]]: int(found[1])})
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ArgumentTypeError(
            f"expected how long ago, as 90s, 15m, 2h or 3d, or a time with its zone, as 2026-03-02T14:30Z, was "
            f"{text[:40]!r}"
        )
    return at.astimezone(UTC)


def limit(text: str) -> int:
    """Read how many rows are wanted."""
    if re.fullmatch(r"[0-9]{1,5}", text) is None or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(f"expected a whole number from 1 to {MOST}, was {text[:40]!r}")
    return int(text)


def pause(text: str) -> timedelta:
    """Read how long to wait between two looks."""
    if re.fullmatch(r"[0-9]{1,4}(\.[0-9])?", text) is None or not timedelta(0) < (
        found := timedelta(seconds=1) * float(text)
    ) <= timedelta(hours=1):
        raise ArgumentTypeError(f"expected seconds, more than 0 and up to 3600, was {text[:40]!r}")
    return found

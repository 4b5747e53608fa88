"""The environment of time: how often orders are polled, and how old open exposure may grow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from config.environment import Variable, read

ORDER_POLLING_INTERVAL = Variable(
    "ORDER_POLLING_INTERVAL",
    expected="whole seconds between two looks at an open order, from 1 to 86400",
    example="ORDER_POLLING_INTERVAL=30",
    default="15",
)
ORDER_POLLING_MAX_JITTER = Variable(
    "ORDER_POLLING_MAX_JITTER",
    expected="whole seconds that such a look may be put off by chance, from 0 to 86400",
    example="ORDER_POLLING_MAX_JITTER=10",
    default="5",
)
EXPOSURE_SECONDS = Variable("EXPOSURE_SECONDS", "whole seconds, from 1 to 86400", "EXPOSURE_SECONDS=120", default="300")
BEFORE_CLOSE_SECONDS = Variable(
    "BEFORE_CLOSE_SECONDS", "whole seconds, from 0 to 86400", "BEFORE_CLOSE_SECONDS=1800", default="900"
)

TIMING_VARIABLES = tuple(value for value in list(globals().values()) if isinstance(value, Variable))


@dataclass(frozen=True)
class Polling:
    """How often an open order is looked at, and by how much that may be put off."""

    every: timedelta
    jitter: timedelta


def polling(environ: Mapping[str, str] | None = None) -> Polling:
    return Polling(
        every=timedelta(seconds=read(ORDER_POLLING_INTERVAL, lambda text: _whole_seconds(text, least=1), environ)),
        jitter=timedelta(seconds=read(ORDER_POLLING_MAX_JITTER, lambda text: _whole_seconds(text, least=0), environ)),
    )


def exposure_seconds(environ: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Return how old open exposure may be in a session, and how long before its close any is told of at once."""
    return (
        read(EXPOSURE_SECONDS, lambda text: _whole_seconds(text, least=1), environ),
        read(BEFORE_CLOSE_SECONDS, lambda text: _whole_seconds(text, least=0), environ),
    )


def _whole_seconds(text: str, *, least: int) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) is None or not least <= int(text) <= 86_400:
        raise ValueError
    return int(text)

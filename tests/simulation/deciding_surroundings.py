"""Surroundings of commands: the time, the environment, the process that one runs as, and where its calls go.

A command of ours asks its library and its machine for these. Here all of them are a story's own, so that commands run
as they are, in the same thread, and a seed is the same story each time.
"""

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx2

from config.venues.alpaca import AlpacaVenue
from config.venues.quiver import QuiverVenue
from tests.simulation.boundaries import Boundaries
from tests.simulation.deciding_story import DecidingStory
from tests.support.stations import Clock
from trading.brokers.http import BrokerHttp
from trading.conductor import processes

BROKER_URL, QUIVER_URL = "http://127.0.0.1:1", "http://127.0.0.1:2"
"""Nothing listens there, and nothing is asked there."""

_MAKE_HTTP = BrokerHttp.__init__


class Machines:
    """The machines that commands run on, and the processes that are alive there."""

    def __init__(self, boundaries: Boundaries) -> None:
        self._boundaries = boundaries
        self._at_work: list[tuple[int, int]] = []
        self._begun = 0

    @contextmanager
    def running(self, machine: int) -> Iterator[int]:
        """Be a process of a machine, from its beginning to its end, whichever that is. Give its number."""
        self._begun += 1
        process = (machine, self._begun)
        self._at_work.append(process)
        try:
            with self._boundaries.living(self._begun):
                yield self._begun
        finally:
            self._at_work.remove(process)

    @property
    def at_work(self) -> int:
        """The process that has its turn: whoever is held up began before it."""
        return self._at_work[-1][1]

    def is_at_work(self) -> bool:
        return bool(self._at_work)

    def host(self) -> str:
        return f"machine-{self._at_work[-1][0] if self._at_work else 0}"

    def getpid(self) -> int:
        return self._at_work[-1][1] if self._at_work else 0

    def kill(self, pid: int, signal: int) -> None:
        """Tell whether a process is there, as the signal 0 does."""
        if pid not in {number for _, number in self._at_work}:
            raise ProcessLookupError(pid)


@contextmanager
def surrounded(
    story: DecidingStory,
    clock: Clock,
    machines: Machines,
    broker: AlpacaVenue,
    quiver: QuiverVenue,
    line_to: Callable[[str], httpx2.BaseTransport],
) -> Iterator[None]:
    """Let commands of ours run in a story. `line_to` gives the line to an address."""

    def make_http(self: BrokerHttp, **options: Any) -> None:
        options["transport"] = options.get("transport") or line_to(options["base_url"])
        _MAKE_HTTP(self, **options, stopwatch=lambda: clock().timestamp())

    chance = random.Random(f"{story.seed}/ids")
    before = random.getstate()
    random.seed(f"{story.seed}/waits")  # By which those who ask again wait a little longer or less.
    with ExitStack() as stack:
        stack.callback(random.setstate, before)
        for target, name, value in (
            (processes, "os", SimpleNamespace(getpid=machines.getpid, kill=machines.kill)),
            (processes, "secrets", SimpleNamespace(token_hex=lambda size: chance.randbytes(size).hex())),
            (processes, "_host", machines.host),
            (uuid, "os", SimpleNamespace(urandom=chance.randbytes)),
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        stack.enter_context(mock.patch.object(BrokerHttp, "__init__", make_http))
        stack.enter_context(mock.patch("django.utils.timezone.now", clock))
        stack.enter_context(mock.patch("time.sleep", clock.forward))
        # That all tables are there is known here, and looked up again takes longer than a command does.
        stack.enter_context(
            mock.patch("config.preflight.MigrationExecutor", **{"return_value.migration_plan.return_value": []})
        )
        stack.enter_context(mock.patch.dict("os.environ", _environment(story, broker, quiver)))
        yield


def _environment(story: DecidingStory, broker: AlpacaVenue, quiver: QuiverVenue) -> dict[str, str]:
    return {
        "LEDGER": story.mode.value,
        "LEGACY_PROJECTION": "on" if story.legacy_projection else "off",
        "BROKER": broker.name,
        "TRADING_MODE": "paper",
        "ALPACA_BASE_URL": BROKER_URL,
        "ALPACA_DATA_URL": BROKER_URL,
        "ALPACA_API_KEY": broker.key,
        "ALPACA_API_SECRET": broker.secret,
        "ALPACA_ACCOUNT": broker.exchange.account().number,
        "QUIVER_BASE_URL": QUIVER_URL,
        "QUIVER_API_TOKEN": quiver.token,
    }

"""Recordings for tests of the chain, and nodes that never really wait."""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.replay_node import recorded
from trading.chain.node import Node, RetryPolicy

RECORDINGS = Path(__file__).parent.parent / "recordings"
V4 = str(RECORDINGS / "orderbook-v4.json.gz")
V6 = str(RECORDINGS / "orderbook-v6.json.gz")


class Pauses(list[float]):
    """The pauses that were asked for; none is taken, but the clock moves by each."""

    def pause(self, seconds: float) -> None:
        self.append(seconds)

    def clock(self) -> float:
        return sum(self)


def patient(pauses: Pauses | None = None, **settings: Any) -> RetryPolicy:
    """A retry policy that does not wait."""
    pauses = Pauses() if pauses is None else pauses
    return RetryPolicy(pause=pauses.pause, clock=pauses.clock, chance=lambda: 1.0, **settings)


def node_at(url: str, **settings: Any) -> Node:
    """A node that asks again without waiting."""
    return Node(url, **({"retry": patient()} | settings))


def with_logs(path: str, logs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A recording with other logs."""
    return recorded(path) | {"logs": list(logs)}


def logs_of(path: str) -> list[dict[str, Any]]:
    """A recording's logs, to be changed at will."""
    return copy.deepcopy(recorded(path)["logs"])

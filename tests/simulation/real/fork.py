"""A fork: the node dies, and comes back with the head that it had a while ago. What was mined since has never been."""

import gzip
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from config.demo.market import Market
from config.demo.steps import Expected
from tests.support.anvil import Anvil, anvil


class Remembered(NamedTuple):
    """The chain as it was, and what the market had done by then."""

    state: bytes
    head: int
    expected: dict[str, tuple[Expected, ...]]
    fleeting: set[str]
    fleeting_since: int | None


class NodeThatDies:
    """A node on one port for its whole life, which begins again now and then. Use it in a `with`."""

    def __init__(self, **options: object) -> None:
        self._options, self._running = options, ExitStack()
        self.node: Anvil = self._running.enter_context(anvil(**options))
        self._highest = 0

    def __enter__(self) -> "NodeThatDies":
        return self

    def __exit__(self, *raised: object) -> None:
        self._running.close()

    def remember(self, market: Market) -> Remembered:
        dumped: str = self.node.request("anvil_dumpState")
        return Remembered(
            gzip.decompress(bytes.fromhex(dumped[2:])),
            self.head(),
            dict(market._expected),
            set(market._fleeting_hashes),
            market._fleeting_since,
        )

    def restart(self, market: Market, then: Remembered, *, away_seconds: float = 0) -> int:
        """Kill it, and start it with what was remembered. Return how many blocks are gone."""
        head = self.head()
        self._highest = max(self._highest, head)
        self.node.kill()
        time.sleep(away_seconds)
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder) / "state.json"
            state.write_bytes(then.state)
            # It has read the file when it listens, and not a moment earlier: nobody sees another chain.
            again = self._running.enter_context(
                anvil(port=self.node.port, load_state=os.fspath(state), **self._options)
            )
        self.node.process = again.process
        market._expected = dict(then.expected)
        market._fleeting_hashes, market._fleeting_since = set(then.fleeting), then.fleeting_since
        return head - then.head

    def outgrow_what_was(self) -> None:
        """Mine until the head is as high as it was before any fork.

        As long as it is lower, nobody can tell a fork from a node that lags behind: how far the chain was read stays
        where it was, what is above the head is read again as it comes, and only then is the chain read to its head.
        """
        if (missing := self._highest - self.head()) > 0:
            self.node.mine(missing)

    def head(self) -> int:
        return int(self.node.request("eth_blockNumber"), 16)

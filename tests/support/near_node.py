"""A node without a network: what the replay node would answer over HTTP, in the same thread and at once."""

import os
from collections.abc import Mapping
from typing import Any

from tests.support.chains import patient
from tests.support.replay_node import ReplayNode
from trading.chain.node import Node
from trading.chain.transports import Reply


class NearNode(Node):
    """A node that asks a replayed chain directly; its knobs are the replay's, and its faults are errors of status."""

    def __init__(self, recording: Mapping[str, Any], **knobs: Any) -> None:
        super().__init__("http://near", retry=patient())
        self.replay = ReplayNode(recording, **knobs)
        self._transport = _Near(self.replay)
        self._process = os.getpid()


class _Near:
    def __init__(self, replay: ReplayNode) -> None:
        self._replay = replay

    def ask(self, method: str, params: list[object]) -> Reply:
        request = {"id": 1, "method": method, "params": params}
        if (fault := self._replay.fault(request)) is not None:
            return Reply(int(fault[0]), what="no")
        status, answer = self._replay.reply(request)
        return Reply(status, answer)

    def close(self) -> None:
        """There is nothing to let go of."""

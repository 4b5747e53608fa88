"""The recorder of a story: holds each order that is sent against the books, and fails where it was drawn to fail."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from trading.brokers.recording import Incoming, Outgoing, Recorder, RecordingFailed


class WatchingRecorder:
    """Sees each call before it leaves. Nothing is kept of calls but counts, unless a keeper is given."""

    def __init__(
        self, seed: int, see: Callable[[Outgoing], None], hear: Callable[[str], None], keeper: Recorder | None = None
    ) -> None:
        """`see` is called with each call that is about to be made, `hear` with what came of it in a word."""
        self._seed, self._see, self._hear, self._keeper = seed, see, hear, keeper
        self.rate = Decimal(0)
        self.failures: Counter[str] = Counter()
        self.calls = 0

    def sending(self, call: Outgoing) -> int:
        self.calls += 1
        self._fail_if_drawn("request")
        self._see(call)
        return self.calls if self._keeper is None else self._keeper.sending(call)

    def received(self, record: int, answer: Incoming) -> None:
        self._hear(str(answer.status))
        self._fail_if_drawn("answer")
        if self._keeper is not None:
            self._keeper.received(record, answer)

    def failed(self, record: int, error: str, *, at: datetime, duration_ms: int) -> None:
        self._hear(error)
        self._fail_if_drawn("failure")
        if self._keeper is not None:
            self._keeper.failed(record, error, at=at, duration_ms=duration_ms)

    def _fail_if_drawn(self, what: str) -> None:
        if self.rate and random.Random(f"{self._seed}/{what}/{self.calls}").random() < self.rate:
            self.failures[f"{what} not kept"] += 1
            raise RecordingFailed(f"the {what} could not be stored, as was drawn")

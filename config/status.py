"""Status line: one live line on a terminal, a log line now and then elsewhere."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

import structlog
from django.db.models import Count
from rich.console import Console
from rich.status import Status

from config.wiring import Wired
from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.inbox import QueuedLog
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OPEN

log = structlog.get_logger(__name__)

TERMINAL_EVERY_SECONDS = 1.0
LOG_EVERY_SECONDS = 30.0


class StatusLine:
    """Shows how far the books are; asks the database once a second at most."""

    def __init__(self, wired: Wired, *, plain: bool = False) -> None:
        self._wired = wired
        self._terminal = not plain and sys.stderr.isatty()
        self._shown = 0.0
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._terminal:
            # The line is enough of what goes well; what does not is still told.
            logging.getLogger("trading").setLevel(logging.WARNING)
            self._status = Console(stderr=True).status("starting")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def update(self) -> None:
        """Show anew, if it is time."""
        every = TERMINAL_EVERY_SECONDS if self._terminal else LOG_EVERY_SECONDS
        if time.monotonic() - self._shown < every:
            return
        self._shown = time.monotonic()
        facts = self._facts()
        if self._status is not None:
            self._status.update("  ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items()))
        else:
            log.info("Status", **facts)

    def _facts(self) -> dict[str, object]:
        checkpoint = ChainCheckpoint.objects.filter(orderbook=self._wired.settings.orderbook).first()
        head = self._wired.watcher.head_seen
        done = None if checkpoint is None else checkpoint.next_block - 1
        outcomes = dict(QueuedLog.objects.values_list("outcome").annotate(count=Count("id")))
        return {
            "block": "none" if done is None else f"{done}/{head}" if head is not None else done,
            "queued": outcomes.get("", 0),
            "fills": outcomes.get("fill", 0),
            "parked": outcomes.get("parked", 0),
            "open_orders": len(self._wired.ledger.memory().orders(OPEN)),
            "notices": Notice.objects.filter(closed_at=None).count(),
        }

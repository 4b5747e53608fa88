"""Ledger: opens a step, and writes what it decided into one memory or both, in one commit.

In `dual` the legacy rows are the truth. The events go into the store inside a savepoint, under short time-outs: what
fails there rolls back to the savepoint and goes on the backlog, in the same commit as the rows. So the event store
never blocks a trade and never loses an event, and there is no window between two commits. What has no legacy row goes
that way in `legacy` too: it is in the event store or nowhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from eventstore.store import Draft, append
from trading.ledger import backlog
from trading.ledger.legacy import LegacyMemory
from trading.ledger.memory import ROWLESS, AnyAggregate, Change, Entry, Memory
from trading.ledger.mode import Mode, mode_in_force, wrong_mode
from trading.ledger.moved import note_moved
from trading.ledger.step import Step
from trading.ledger.stream import StreamMemory, drafts
from trading.values.thresholds import ONE_SHARE, Threshold

log = structlog.get_logger(__name__)


class Ledger:
    """The books of one installation, in the mode that this process was told of."""

    def __init__(self, mode: Mode, *, threshold: Threshold = ONE_SHARE, legacy_projection: bool = True) -> None:
        self.mode = mode
        self.threshold = threshold
        self.legacy_projection = legacy_projection

    def memory(self) -> Memory:
        """The memory that is read from."""
        return StreamMemory() if self.mode is Mode.EVENTS else LegacyMemory()

    @contextmanager
    def step(self, *, at: datetime, actor: str) -> Iterator[Step]:
        """Open one commit. What its body handles is written at its end; an error takes all of it back.

        Raises WrongMode where the ledger's mode in force is another one.
        """
        with transaction.atomic(durable=True):
            if (in_force := mode_in_force(self.mode)) is not self.mode:
                raise wrong_mode(self.mode, in_force)
            memory = self.memory()
            step = Step(memory, at=at, actor=actor, threshold=self.threshold)
            yield step
            self._write(step, memory)

    def _write(self, step: Step, memory: Memory) -> None:
        if not step.entries:
            return
        changes = step.changes()
        note_moved(changes)
        if self.mode is Mode.EVENTS:
            append(drafts(step.entries), at=step.at)
            if self.legacy_projection:
                self._project(step, changes)
            return
        if not isinstance(memory, LegacyMemory):
            raise TypeError(f"{self.mode} is read from the legacy tables")
        memory.write(changes, step.entries, at=step.at)
        told = step.entries if self.mode is Mode.DUAL else [e for e in step.entries if e.aggregate in ROWLESS]
        if told:
            self._append_or_queue(told, step.at)

    def _project(self, step: Step, changes: Sequence[Change]) -> None:
        """Keep the legacy tables as a projection: they are no truth here, but their readers are served."""
        legacy = LegacyMemory()
        touched: dict[AnyAggregate, list[str]] = {}
        for change in changes:
            if change.aggregate not in ROWLESS:
                touched.setdefault(change.aggregate, []).append(change.id)
        for aggregate, ids in touched.items():
            legacy.load(aggregate, ids)
        legacy.write(changes, step.entries, at=step.at)

    def _append_or_queue(self, entries: Sequence[Entry], at: datetime) -> None:
        behind = backlog.streams_behind()
        trouble = None
        if not behind:
            trouble = self._append(drafts(entries), at)
            if trouble is None:
                return
        groups = [drafts(list(group)) for _, group in groupby(entries, key=lambda entry: entry.group)]
        # One by one, so that only what fails, and what follows it, has to wait. A store that does not answer at all is
        # asked once, not once a group: each time would cost a time-out.
        down = trouble if isinstance(trouble, OperationalError) or len(groups) == 1 else None
        for group in groups:
            streams = {(draft.aggregate_type, draft.aggregate_id) for draft in group}
            if streams & behind:
                reason = "queued behind events of the same stream"
            elif down is not None:
                reason = _text(down)
            elif (trouble := self._append(group, at)) is not None:
                reason = _text(trouble)
                down = trouble if isinstance(trouble, OperationalError) else None
            else:
                continue
            backlog.put(group, at=at, error=reason)
            behind |= streams

    def _append(self, group: list[Draft], at: datetime) -> Exception | None:
        """Append inside a savepoint. Return what the event store failed with; it has left no trace then."""
        try:
            with transaction.atomic(), backlog.short_timeouts():
                append(group, at=at)
        except Exception as error:  # whatever it is, the trade is not blocked and the events are kept
            _raise_if_the_commit_is_lost(error)
            log.exception(
                "event store refused events",
                correlations=sorted({draft.metadata.correlation for draft in group}),
                events=[f"{d.aggregate_type}-{d.aggregate_id} v{d.version}" for d in group],
            )
            return error
        return None


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _raise_if_the_commit_is_lost(error: Exception) -> None:
    """Fail the station where the outer transaction went with the savepoint: it is repeated as a whole."""
    if isinstance(error, InterfaceError):
        raise error
    if connection.vendor == "sqlite":
        raw = connection.connection
        if raw is None or not raw.in_transaction:
            raise error
    elif isinstance(error, OperationalError) and not connection.is_usable():
        raise error

"""Writers: processes of their own, as threads with a connection each, and what is known of their transactions."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from django.db import connection, connections, transaction

from eventstore.recorded import Draft, Recorded, Stream
from tests.eventstore.test_append import wait_until

T = TypeVar("T")

PATIENCE_SECONDS = 60


@dataclass
class Level:
    """A transaction, or a savepoint in one: what was appended in it, and above which number all may still come."""

    events: list[Recorded] = field(default_factory=list)
    holds_back_from: int | None = None
    is_broken: bool = False


class Waiting(NamedTuple):
    """An append that waits for another transaction's end."""

    outcome: "Future[list[Recorded]]"
    drafts: Sequence[Draft]
    holds_back_from: int
    alone: bool


class Writer:
    """One thread, which does one thing at a time, and the levels of its transaction as they should be."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._blocks: list[Any] = []
        self.levels: list[Level] = []
        self.waiting: Waiting | None = None
        self._pid = self.do(_pid)

    @property
    def events(self) -> list[Recorded]:
        """What it appended and has not committed."""
        return [event for level in self.levels for event in level.events]

    @property
    def streams(self) -> set[Stream]:
        return {event.stream for event in self.events}

    @property
    def is_broken(self) -> bool:
        return any(level.is_broken for level in self.levels)

    @property
    def holds_back_from(self) -> int | None:
        if self.waiting is not None and not self._holds:
            return self.waiting.holds_back_from
        return self._holds[0] if self._holds else None

    @property
    def _holds(self) -> list[int]:
        return [level.holds_back_from for level in self.levels if level.holds_back_from is not None]

    def do(self, task: Callable[[], T]) -> T:
        return self._thread.submit(task).result(PATIENCE_SECONDS)

    def begin(self) -> None:
        """Begin a transaction, or a savepoint in the one that is open."""

        def enter() -> None:
            block = transaction.atomic()
            block.__enter__()
            self._blocks.append(block)

        self.do(enter)
        self.levels.append(Level())

    def end(self, *, kept: bool) -> list[Recorded]:
        """End the innermost level. Return what was committed by that."""

        def leave() -> None:
            if not kept:
                transaction.set_rollback(True)
            self._blocks.pop().__exit__(None, None, None)

        self.do(leave)
        ended = self.levels.pop()
        if not kept or ended.is_broken:
            return []
        if not self.levels:
            return ended.events
        outer = self.levels[-1]
        outer.events += ended.events
        if outer.holds_back_from is None:
            outer.holds_back_from = ended.holds_back_from
        return []

    def appended(self, events: Sequence[Recorded], *, last: int) -> None:
        """Note what an append in the open transaction did, after which `last` was the highest number before it."""
        if not self._holds:
            self.levels[-1].holds_back_from = last
        self.levels[-1].events += events

    def break_off(self, *, lets_go: bool) -> None:
        """Note that the innermost level can only be rolled back; `lets_go`: the database has let go of it already."""
        level = self.levels[-1]
        self.levels[-1] = Level(is_broken=True) if lets_go else replace(level, is_broken=True)

    def wait(self, task: Callable[[], list[Recorded]], drafts: Sequence[Draft], *, last: int, alone: bool) -> None:
        """Let it begin to append, until it waits."""
        outcome = self._thread.submit(task)
        wait_until(lambda: outcome.done() or _is_blocked(self._pid))
        assert not outcome.done(), f"{drafts} went past another transaction: {outcome.exception() or outcome.result()}"
        self.waiting = Waiting(outcome, drafts, last, alone)

    def abandon(self) -> None:
        """Leave all that is open, whatever state it is in, so that the next story begins with nothing."""

        def leave() -> None:
            self._blocks.clear()
            connection.close()

        if self.levels or self.waiting is not None:
            self.levels, self.waiting = [], None
            self.do(leave)
            self._pid = self.do(_pid)

    def close(self) -> None:
        self.do(connections.close_all)
        self._thread.shutdown()


def _pid() -> int | None:
    if connection.vendor == "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def _is_blocked(pid: int | None) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid])
        (blocked,) = cursor.fetchone()
    return bool(blocked)

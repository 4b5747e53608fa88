"""Boundaries: the places of a turn at which a process can stop, and what happens there."""

import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from typing import Any

import httpx2
from django.db import connection

from tests.simulation.story import Place, Stop

PATIENCE_SECONDS = 30.0
"""How long an adapter waits for an answer: here the clock moves on by as much, and nobody waits."""
# A transaction's own words. What is a savepoint where a test takes all back is a transaction elsewhere, so that none is
# counted: a seed's stops are at the same statements in both.
_BRACKETS = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET ")


class Died(BaseException):
    """The process ended here. No station catches it, as none catches the signal that would end it."""


class Boundaries:
    """Stops the turn under way at the place that was drawn for it, if it comes to that place.

    Who dies there is dead for good: what unwinds its turn writes nothing and calls nobody, as after a kill -9.
    """

    def __init__(self, meanwhile: Callable[[Stop], None]) -> None:
        """`meanwhile` is what happens while a process is held up."""
        self._meanwhile = meanwhile
        self._stop: Stop | None = None
        self._left = 0
        # Where a test takes all back, its own transaction is around everything.
        self._outer = len(connection.atomic_blocks)
        self.deaths = self.waits = 0
        self._living: list[Hashable] = []
        self._dead: set[Hashable] = set()

    @contextmanager
    def living(self, process: Hashable) -> Iterator[None]:
        """Be a process, of a name that no other ever has, until its turn or its command is over."""
        self._living.append(process)
        try:
            with connection.execute_wrapper(self._only_the_living):
                yield
        finally:
            self._living.pop()

    @property
    def at_work(self) -> tuple[Hashable, ...]:
        """Who is in the midst of a turn: the last one acts, the others are held up."""
        return tuple(self._living)

    @contextmanager
    def armed(self, stop: Stop | None) -> Iterator[None]:
        """Watch one turn. A turn within a turn, of another process, is not stopped and stops nobody."""
        before = self._stop, self._left
        self._stop, self._left = stop, stop.nth if stop is not None else 0
        try:
            if stop is not None and stop.place is Place.STATEMENT:
                with connection.execute_wrapper(self._statement):
                    yield
            else:
                yield
        finally:
            self._stop, self._left = before

    def reached(self, place: StrEnum) -> None:
        """Tell that the turn under way is at a place."""
        self.refuse_the_dead()
        stop = self._stop
        if stop is None or stop.place is not place:
            return
        self._left -= 1
        if self._left > 0:
            return
        self._stop = None
        if stop.dies:
            self.deaths += 1
            self._dead.add(self._living[-1])
            raise Died(f"{stop.place} {stop.nth}")
        self.waits += 1
        self._meanwhile(stop)

    def refuse_the_dead(self) -> None:
        if self._living and self._living[-1] in self._dead:
            raise Died("it is dead")

    def is_within_a_transaction(self) -> bool:
        return len(connection.atomic_blocks) > self._outer

    def _only_the_living(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        # The connection of who died takes back by itself what was not committed.
        if not sql.startswith(("ROLLBACK", "RELEASE")):
            self.refuse_the_dead()
        return execute(sql, params, many, context)

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self._stop is not None and self._may_stop(self._stop, sql):
            self.reached(Place.STATEMENT)
        return execute(sql, params, many, context)

    def _may_stop(self, stop: Stop, sql: str) -> bool:
        if sql.startswith(_BRACKETS):
            return False
        if not self.is_within_a_transaction():
            return True
        # Others have their turns between commits only: within one the database itself lets nobody in. And what Django
        # brackets by itself, as a list of rows to insert, is one statement to us.
        return stop.dies and connection.atomic_blocks[-1].savepoint is not False


class Weather:
    """What goes wrong between us and a venue that is well: nobody is reached, or the answer comes too late."""

    def __init__(self, seed: int, forward: Callable[[float], object]) -> None:
        self._seed, self._forward = seed, forward
        self.rate = Decimal(0)
        self.met: Counter[str] = Counter()
        self._calls = 0

    def before(self, request: httpx2.Request) -> None:
        self._calls += 1
        if self._is_drawn("unreachable"):
            raise httpx2.ConnectError("nobody listens, as was drawn", request=request)

    def after(self, request: httpx2.Request) -> None:
        if self._is_drawn("no answer in time"):
            self._forward(PATIENCE_SECONDS)
            raise httpx2.ReadTimeout("it took too long, as was drawn", request=request)

    def _is_drawn(self, what: str) -> bool:
        drawn = bool(self.rate) and random.Random(f"{self._seed}/{what}/{self._calls}").random() < self.rate
        if drawn:
            self.met[what] += 1
        return drawn


class Wire(httpx2.BaseTransport):
    """One process's line to the venue. It ends with the process; the sockets are everybody's and stay."""

    def __init__(self, line: httpx2.BaseTransport, boundaries: Boundaries, weather: Weather) -> None:
        self._line, self._boundaries, self._weather = line, boundaries, weather

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self._boundaries.reached(Place.BEFORE_CALL)
        self._weather.before(request)
        response = self._line.handle_request(request)
        response.read()
        self._weather.after(request)
        self._boundaries.reached(Place.AFTER_CALL)
        return response

    def close(self) -> None:
        """Leave the sockets to the next process."""

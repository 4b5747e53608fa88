"""Stopwatch: when each station committed and had its turns, by the clock that every process of this machine shares.

Beside it, how much of that was the machine's fault: a thread that others keep from its core takes longer for the same.
"""

import time
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from trading.conductor.station import Station

BUSY_SECONDS = 0.02


class Turn(NamedTuple):
    """A turn in which a station found work, and how long it had a core in it."""

    began: float
    ended: float
    core_seconds: float


class Timed:
    """A station that does what it does, while its commits and turns are noted, in seconds since 1970."""

    def __init__(self, station: Station) -> None:
        self.name, self._station = station.name, station
        self.commits: list[float] = []
        self.turns: list[Turn] = []

    def run_once(self, *, now: datetime) -> bool:
        began, core, commit = time.time(), time.thread_time(), connection.commit

        def noted() -> None:
            commit()
            self.commits.append(time.time())

        connection.commit = noted  # Of this thread's connection, which is this station's alone.
        try:
            worked = self._station.run_once(now=now)
        finally:
            connection.commit = commit
        if worked:
            self.turns.append(Turn(began, time.time(), time.thread_time() - core))
        return worked

    def last_commit(self, *, after: float, before: float) -> float:
        """Raises ValueError where there was none in between."""
        return max(at for at in self.commits if after <= at <= before)

    def first_commit(self, *, after: float) -> float:
        return min(at for at in self.commits if at >= after)


def slowness() -> float:
    """How many times longer a thread that only computes takes now than it would on a core of its own."""
    began, core = time.perf_counter(), time.thread_time()
    while time.thread_time() - core < BUSY_SECONDS:
        pass
    return (time.perf_counter() - began) / (time.thread_time() - core)

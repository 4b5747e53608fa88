"""The conductor: gives the stations their turns, each in a thread of its own, so that none waits for another's network.

What a station raises is its own trouble: it is logged with its failure count, waited out, and tried again. Only a
change of the ledger's mode ends the process, since everything it would do from then on would be wrong. While a schedule
gives a station its turn, the conductor's thread of it waits (see leases).

A station with nothing to do looks again after a moment, or as soon as another one has left it something (see wakeups).
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from structlog.contextvars import bind_contextvars

from trading.chain.node import NodeError
from trading.conductor.checkpoints import LostLease
from trading.conductor.heartbeat import Heartbeat
from trading.conductor.leases import ConductorsLease
from trading.conductor.station import Station
from trading.conductor.wakeups import LEADS_TO, WakeUps
from trading.ledger.mode import WrongMode

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.2
LONGEST_REST_SECONDS = 30.0
BUSY_SECONDS = 1.0
JOIN_SECONDS = 60.0
# What needs no traceback to be understood.
OUTSIDE_TROUBLE = (NodeError, LostLease)


class Rest(NamedTuple):
    """How long a station has no turn. A wait after trouble, or for a schedule's task, is cut short by no hint."""

    seconds: float
    until_a_hint: bool = False


class Conductor:
    """Runs stations until it is told to stop."""

    def __init__(
        self,
        stations: Sequence[Station],
        *,
        clock: Callable[[], datetime],
        process: str,
        stopping: threading.Event | None = None,
        idle_seconds: float = IDLE_SECONDS,
        leads_to: Mapping[str, Collection[str]] = LEADS_TO,
    ) -> None:
        self.stations = list(stations)
        self.stopping = stopping or threading.Event()
        self.fatal: WrongMode | None = None
        self._clock, self._process = clock, process
        self._idle_seconds = idle_seconds
        self._wake_ups = WakeUps([station.name for station in self.stations], leads_to)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; returns at once."""
        for station in self.stations:
            thread = threading.Thread(target=self._run, args=[station], name=station.name)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Let each station finish its turn, then end. A commit under way is never cut short."""
        self.stopping.set()
        self._wake_ups.wake_all()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
            if thread.is_alive():
                log.error("Station did not end its turn", station=thread.name, waited_seconds=JOIN_SECONDS)

    def run_in_turn(self, *, now: datetime) -> bool:
        """Give each station one turn, in the order in which a fill passes them, in this thread."""
        worked = False
        for station in self.stations:
            worked |= station.run_once(now=now)
        return worked

    def _run(self, station: Station) -> None:
        heartbeat, lease = Heartbeat(station.name, self._process), ConductorsLease(station.name)
        bind_contextvars(station=station.name)  # Of this thread alone.
        try:
            while not self.stopping.is_set():
                self._wake_ups.begin_look(station.name)
                rest = self._turn(station, heartbeat, lease)
                if rest.until_a_hint:
                    self._wake_ups.rest(station.name, rest.seconds)
                elif rest.seconds:
                    self.stopping.wait(rest.seconds)
        finally:
            connections.close_all()

    def _turn(self, station: Station, heartbeat: Heartbeat, lease: ConductorsLease) -> Rest:
        """Give one turn; return how long to rest after it."""
        now = self._clock()
        try:
            if not lease.held(now=now):
                return Rest(min(BUSY_SECONDS, self._idle_seconds * 10))
            worked = station.run_once(now=now)
            if worked:
                self._wake_ups.left_work(station.name)
            heartbeat.beat(now, worked=worked)
        except WrongMode as error:
            log.error("Ledger mode changed, stopping", error=str(error))  # noqa: TRY400  # the message says it all
            self.fatal = error
            self.stopping.set()
            return Rest(0)
        except Exception as error:  # the one loop that isolates stations
            failures = heartbeat.failed(now, error)
            log.warning(
                "Station failed, trying again",
                station=station.name,
                failures=failures,
                error=f"{type(error).__name__}: {error}",
                exc_info=not isinstance(error, OUTSIDE_TROUBLE),
            )
            if isinstance(error, DatabaseError | InterfaceError):
                close_old_connections()
            return Rest(min(self._idle_seconds * (1 << min(failures, 10)), LONGEST_REST_SECONDS))
        return Rest(0) if worked else Rest(self._idle_seconds, until_a_hint=True)

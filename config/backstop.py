"""Backstop: one turn for each of some stations, for whoever calls once a minute; the conductor needs no help of it."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from config.purpose import hedges
from config.wiring import stations_without_a_chain, wire
from trading.conductor.heartbeat import Heartbeat
from trading.conductor.leases import lease
from trading.conductor.station import Station

log = structlog.get_logger(__name__)

BUSY = "busy"
NOT_THERE = "not there"
WORKED = "worked"

SCHEDULES = "schedules"
"""The name of the process whose heartbeat says when a schedule last gave a station a turn."""

LASTS = timedelta(seconds=settings.TASK_SECONDS + 30)
"""No task outlives its lease: one that runs for longer is ended, by django-q2 or by `run_schedule`."""


def give_turns(*names: str) -> dict[str, str]:
    """Give each of the stations one turn, or each there is, in the order in which a fill passes them.

    Return what became of each: one that a conductor or another task is at is `busy`, one that an installation without
    a chain has no use for is `not there`. Raises SettingError, and, after all had their turn, the first station's
    error.
    """
    if not hedges():
        return _turns(stations_without_a_chain(), names, beating=True)
    wired = wire()
    try:
        return _turns(wired.conductor().stations, names, beating=False)
    finally:
        wired.watcher.stop()
        wired.node.close()


def _turns(stations: Sequence[Station], names: Collection[str], *, beating: bool) -> dict[str, str]:
    outcomes = dict.fromkeys(names, NOT_THERE)
    first: Exception | None = None
    for station in stations:
        if names and station.name not in names:
            continue
        try:
            outcomes[station.name] = _turn(station)
        except Exception as error:  # each station by itself; the task fails after all had their turn
            log.exception("Station failed", station=station.name)
            outcomes[station.name] = f"{type(error).__name__}: {error}"
            first = first or error
        else:
            if beating:  # Where no conductor does, this is how it is known that the schedules are run.
                Heartbeat(station.name, SCHEDULES).beat(timezone.now(), worked=outcomes[station.name] == WORKED)
    if first is not None:
        raise first
    return outcomes


def _turn(station: Station) -> str:
    with lease(station.name, now=timezone.now(), lasts=LASTS) as held:
        if not held:
            return BUSY
        return WORKED if station.run_once(now=timezone.now()) else "idle"

"""Backstop: one turn for each of some stations, for whoever calls once a minute; the conductor needs no help of it."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from config.wiring import wire
from trading.conductor.leases import lease
from trading.conductor.station import Station

log = structlog.get_logger(__name__)

BUSY = "busy"
NOT_THERE = "not there"

LASTS = timedelta(seconds=settings.TASK_SECONDS + 30)
"""No task outlives its lease: one that runs for longer is ended, by django-q2 or by `run_schedule`."""


def give_turns(*names: str) -> dict[str, str]:
    """Give each of the stations one turn, or each there is, in the order in which a fill passes them.

    Return what became of each: one that a conductor or another task is at is `busy`. Raises SettingError, and, after
    all had their turn, the first station's error.
    """
    wired = wire()
    outcomes = dict.fromkeys(names, NOT_THERE)
    first: Exception | None = None
    try:
        for station in wired.conductor().stations:
            if names and station.name not in names:
                continue
            try:
                outcomes[station.name] = _turn(station)
            except Exception as error:  # each station by itself; the task fails after all had their turn
                log.exception("Station failed", station=station.name)
                outcomes[station.name] = f"{type(error).__name__}: {error}"
                first = first or error
    finally:
        wired.watcher.stop()
        wired.node.close()
    if first is not None:
        raise first
    return outcomes


def _turn(station: Station) -> str:
    with lease(station.name, now=timezone.now(), lasts=LASTS) as held:
        if not held:
            return BUSY
        return "worked" if station.run_once(now=timezone.now()) else "idle"

"""Backstop: one turn for each station, for whoever calls once a minute; the conductor's loop needs no help of it."""

import structlog
from django.utils import timezone

from config.wiring import wire

log = structlog.get_logger(__name__)


def give_turns() -> dict[str, str]:
    """Give each station one turn, in the order in which a fill passes them. Return what became of each.

    Safe beside a running conductor: the watcher's lease is the conductor's, and the others take what is there to take
    by conditional updates. Raises SettingError, and, after all had their turn, the first station's error.
    """
    wired = wire()
    outcomes: dict[str, str] = {}
    first: Exception | None = None
    try:
        for station in wired.conductor().stations:
            try:
                outcomes[station.name] = "worked" if station.run_once(now=timezone.now()) else "idle"
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

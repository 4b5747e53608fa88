"""Heartbeat: a row that says when a station last had its turn, and when it last got on."""

from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, transaction

from trading.conductor.processes import is_gone
from trading.conductor.work import StationHeartbeat
from trading.notices.models import close_notice, is_open, open_notice

log = structlog.get_logger(__name__)

BEAT_EVERY = timedelta(seconds=2)
FORGOTTEN_AFTER = timedelta(days=1)
# A station that fails waits for half a minute at most.
SILENT_AFTER = timedelta(minutes=1)
# About two minutes: the waits double up to half a minute.
FAILURES_BEFORE_A_NOTICE = 10


def at_work(*, now: datetime) -> dict[str, datetime]:
    """The processes whose stations had a turn within the last minute, each with its newest, unless they are gone."""
    newest: dict[str, datetime] = {}
    for beat in StationHeartbeat.objects.filter(last_turn_at__gt=now - SILENT_AFTER).order_by("last_turn_at"):
        if not is_gone(beat.process):
            newest[beat.process] = beat.last_turn_at
    return newest


def had_a_turn(station: str, *, now: datetime) -> bool:
    """Tell whether a conductor gave a station a turn within the last minute."""
    return StationHeartbeat.objects.filter(station=station, last_turn_at__gt=now - SILENT_AFTER).exists()


class Heartbeat:
    """One station's row; written every two seconds at most, since it says how old it is."""

    def __init__(self, station: str, process: str) -> None:
        self._station, self._process = station, process
        self._written: datetime | None = None
        self._worked_at: datetime | None = None
        self._failures = 0
        self._error: str | None = None

    def beat(self, now: datetime, *, worked: bool) -> None:
        """Note a turn that went well."""
        if worked:
            self._worked_at = now
        if self._failures or self._written is None or now - self._written >= BEAT_EVERY:
            # Whoever told that it fails: a process that is gone, or this one, when the database took no end of it.
            with transaction.atomic():
                close_notice("station_failing", self._station, at=now)
                self._failures, self._error = 0, None
                self._write(now)

    def failed(self, now: datetime, error: Exception) -> int:
        """Note a turn that failed. Return how many have in a row."""
        self._failures += 1
        self._error = f"{type(error).__name__}: {error}"
        if not isinstance(error, DatabaseError | InterfaceError):
            try:
                self._write(now)
                if self._failures >= FAILURES_BEFORE_A_NOTICE and not is_open("station_failing", self._station):
                    self._tell(now)
            except (DatabaseError, InterfaceError) as lost:
                # The row's age tells that something is wrong; the station must outlive a database that is away too.
                log.warning("Heartbeat not written", station=self._station, error=f"{type(lost).__name__}: {lost}")
                close_old_connections()
        return self._failures

    def _tell(self, now: datetime) -> None:
        open_notice(
            "station_failing",
            self._station,
            f"the {self._station} failed {self._failures} times in a row, at last with {self._error}. "
            "It tries again by itself; until then nothing passes it",
            at=now,
        )

    def _write(self, now: datetime) -> None:
        StationHeartbeat.objects.update_or_create(
            station=self._station,
            process=self._process,
            defaults={
                "last_turn_at": now,
                "last_work_at": self._worked_at,
                "failures": self._failures,
                "last_error": self._error,
            },
        )
        if self._written is None:
            StationHeartbeat.objects.filter(last_turn_at__lt=now - FORGOTTEN_AFTER).delete()
        self._written = now

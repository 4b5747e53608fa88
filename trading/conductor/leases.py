"""Leases: so that a schedule's turn of a station and a conductor's never happen at once.

A station has one row. All conductors hold it together, under one name, since many of them may run a station at once; a
schedule's task holds it alone, under a name of its own. Whoever wants it writes one conditional update, so of two that
come at the same moment one loses, and finds that out before it does anything.

Every lease ends by itself. A conductor holds it for two minutes and renews it as its turns go by: one that has crashed,
or hangs in a turn, keeps a schedule waiting no longer than that. A task holds it for longer than a task may run, so two
tasks never run one station at once; where it was killed on this host, its process is known to be gone and the lease
with it. Conductors leave theirs to end by itself, since another one may be in the middle of a turn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from trading.conductor.processes import is_gone, process_name

CONDUCTORS = "conductors"
CONDUCTORS_HOLD = timedelta(minutes=2)


class StationLease(models.Model):
    """Who may give a station its turns, and until when."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=80, null=True, help_text="all conductors together, or one task of a schedule")
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "station_leases"
        verbose_name = "station lease"

    def __str__(self) -> str:
        return f"{self.name} of {self.holder or 'nobody'}"


@contextmanager
def lease(name: str, *, now: datetime, lasts: timedelta) -> Iterator[bool]:
    """Hold a lease alone while the body runs. False where another one has it: then the body leaves the thing alone."""
    holder = process_name()  # New each time, so that nobody releases a lease that is no longer this one.
    held = _take(name, holder=holder, now=now, lasts=lasts)
    try:
        yield held
    finally:
        if held:
            StationLease.objects.filter(name=name, holder=holder).update(holder=None, until=None)


class ConductorsLease:
    """One conductor's part in the lease that all of them hold: asked for before each turn, renewed now and then."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._renewed_at: datetime | None = None

    def held(self, *, now: datetime) -> bool:
        """Whether the station's turn is a conductor's. False for as long as a schedule's task has it."""
        if self._renewed_at is None or now - self._renewed_at >= CONDUCTORS_HOLD / 3:
            taken = _take(self._name, holder=CONDUCTORS, now=now, lasts=CONDUCTORS_HOLD)
            self._renewed_at = now if taken else None
        return self._renewed_at is not None


def _take(name: str, *, holder: str, now: datetime, lasts: timedelta) -> bool:
    """Become the holder, or stay it, if nobody else is."""
    mine = StationLease.objects.filter(name=name)
    former = mine.values_list("holder", flat=True).first()
    free = Q(holder=holder) | Q(holder=None) | Q(until__lte=now)
    if former is not None and is_gone(former):
        free |= Q(holder=former)
    if mine.filter(free).update(holder=holder, until=now + lasts):
        return True
    if mine.exists():
        return False
    # Two may make the first row at once; the one whose row it is holds it.
    StationLease.objects.bulk_create([StationLease(name=name, holder=holder, until=now + lasts)], ignore_conflicts=True)
    return mine.filter(holder=holder).exists()

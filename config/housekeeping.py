"""Housekeeping: what is looked at now and then beside the stations, for django-q2's schedules."""

from django.utils import timezone

from audit_trail.payloads.purging import KEPT, purge
from config.environment import least_free_disk
from trading.growth.disk import watch_disk
from trading.growth.samples import take_samples


def sample_tables() -> int:
    """Note how large each table is. Return how many there are."""
    return take_samples(at=timezone.now())


def look_at_disk() -> str:
    """Tell the operator where the disk of the database runs full. Return what was found."""
    disk = watch_disk(least_percent=least_free_disk(), at=timezone.now())
    return f"{disk.free_percent}% free under {disk.folder}"


def purge_old_payloads() -> str:
    """Take out the bodies of calls that nobody has to show any more. Who called what, and how it ended, stays."""
    now = timezone.now()
    return f"{purge(before=now - KEPT, at=now)} bodies were taken out"

"""Purging: bodies that are old enough are taken out. Sizes, hashes, headers and the calls stay for ever."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet, Sum

from audit_trail.payloads.models import ApiPayload

BATCH = 1000

KEPT = timedelta(days=730)
"""Two years, as long as an auditor may ask for the very words of a call."""


class Due(NamedTuple):
    """What a purge would take out."""

    payloads: int
    size_bytes: int
    """As they were; of a truncated one less than this is stored."""


def due(*, before: datetime) -> Due:
    """Tell how many bodies were captured before a time, and how large they were."""
    rows = _due(before)
    return Due(rows.count(), rows.aggregate(total=Sum("size_bytes"))["total"] or 0)


def purge(*, before: datetime, at: datetime) -> int:
    """Take out the bodies that were captured before a time, some at once. Return how many they were."""
    purged = 0
    while batch := list(_due(before).order_by("captured_at").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic(durable=True):
            # Another purge may have taken some of them meanwhile.
            purged += ApiPayload.objects.filter(pk__in=batch, purged_at=None).update(body=None, purged_at=at)
    return purged


def _due(before: datetime) -> QuerySet[ApiPayload]:
    return ApiPayload.objects.filter(captured_at__lt=before, purged_at=None, size_bytes__gt=0)

"""Sealing: the events that are settled and not sealed yet get a seal, when it is due."""

from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction

from eventstore.following import rows_between, settled
from eventstore.integrity.seals import Seal, sealed
from eventstore.integrity.tables import StoredSeal

EVENTS = 1000
"""How many events a seal covers at most, where EVENTSTORE_SEAL_EVENTS does not say otherwise."""

SECONDS = 60
"""After how many seconds fewer events are sealed, where EVENTSTORE_SEAL_SECONDS does not say otherwise."""


def seal_next(*, now: datetime, regardless: bool = False) -> Seal | None:
    """Seal what comes next, if it is due; regardless of that, if told so. Return the seal.

    Where several processes do it at once, the number of the seal decides: the others return None, as if there were
    nothing to seal.
    """
    previous = newest_seal()
    after = previous.up_to_number if previous else 0
    up_to = settled()
    most = getattr(settings, "EVENTSTORE_SEAL_EVENTS", EVENTS)
    in_time = regardless or _is_time(previous, now)
    # There are never more events than numbers.
    if up_to <= after or not (in_time or up_to - after >= most):
        return None
    rows = rows_between(after, up_to, limit=most)
    if not rows or not (in_time or len(rows) == most):
        return None
    seal = sealed(rows, previous=previous, at=now)
    try:
        with transaction.atomic(durable=True):
            _insert(seal)
    except IntegrityError:
        if not StoredSeal.objects.filter(number=seal.number).exists():
            raise
        return None
    return seal


def newest_seal() -> Seal | None:
    """Return the last seal."""
    return _first(StoredSeal.objects.order_by("-number").first())


def seal_over(number: int) -> Seal | None:
    """Return the seal that covers a number of the log, if it is sealed."""
    row = StoredSeal.objects.filter(up_to_number__gte=number).order_by("up_to_number").first()
    return _first(row if row and row.after_number < number else None)


def seals(*, after: int = 0, limit: int) -> list[Seal]:
    """Return the seals after one, oldest first."""
    return [_seal(row) for row in StoredSeal.objects.filter(number__gt=after).order_by("number")[:limit]]


def _is_time(previous: Seal | None, now: datetime) -> bool:
    if previous is None:
        return True
    since = now - datetime.fromisoformat(previous.sealed_at)
    # A clock that was put back must not keep the log unsealed.
    return not timedelta(0) <= since < timedelta(seconds=getattr(settings, "EVENTSTORE_SEAL_SECONDS", SECONDS))


def _insert(seal: Seal) -> None:
    StoredSeal(**msgspec.structs.asdict(seal)).save(force_insert=True)


def _first(row: StoredSeal | None) -> Seal | None:
    return None if row is None else _seal(row)


def _seal(row: StoredSeal) -> Seal:
    return Seal(**{name: getattr(row, name) for name in Seal.__struct_fields__})

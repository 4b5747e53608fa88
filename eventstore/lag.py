"""Lag: where each catch-up projection stands, and how far it is behind the log in events and in seconds."""

from datetime import datetime
from typing import NamedTuple

from eventstore.catching_up import CatchUpProjector, catching_up, next_event
from eventstore.following import settled
from eventstore.models import Projection


class Standing(NamedTuple):
    """A projection as of one moment."""

    name: str
    version: int
    status: str
    checkpoint: int
    lag_events: int
    """How many numbers of the log it has not looked at: the events it lacks, and gaps and other kinds between them."""
    lag_seconds: int
    """How old the oldest event is that it lacks."""
    events_done: int
    attempts: int
    next_retry_at: datetime | None
    failed_number: int | None
    last_error: str | None
    updated_at: datetime | None
    registered: bool
    """Whether this program has its projector. A version that none has stands still, and may be deleted."""


def standings(*, now: datetime) -> list[Standing]:
    """Return where every projection stands, by name and version; one that never had a turn too."""
    up_to = settled()
    rows = {(row.name, row.version): row for row in Projection.objects.all()}
    projectors = {(projector.name, projector.version): projector for projector in catching_up()}
    return [
        _standing(rows.get(key) or Projection(name=key[0], version=key[1]), projectors.get(key), up_to, now)
        for key in sorted({*rows, *projectors})
    ]


def _standing(row: Projection, projector: CatchUpProjector | None, up_to: int, now: datetime) -> Standing:
    oldest = next_event(row.checkpoint, up_to, projector.aggregate_types if projector else None)
    return Standing(
        name=row.name,
        version=row.version,
        status=str(row.status),
        checkpoint=row.checkpoint,
        lag_events=0 if oldest is None else up_to - row.checkpoint,
        lag_seconds=0 if oldest is None else max(int((now - oldest.recorded_at).total_seconds()), 0),
        events_done=row.events_done,
        attempts=row.attempts,
        next_retry_at=row.next_retry_at,
        failed_number=row.failed_number,
        last_error=row.last_error,
        updated_at=row.updated_at,
        registered=projector is not None,
    )

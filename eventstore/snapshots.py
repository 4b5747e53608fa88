"""Snapshots: the states of long streams, kept so that loading one costs the same however long it gets.

A snapshot is a cache, written in the append's own transaction. One that is missing, of another state schema or
unreadable only makes the next load longer.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from eventstore.aggregates import Aggregate, register_aggregate
from eventstore.codec import decoder_of, encode_value
from eventstore.loading import Loaded, evolved, load_many, newest
from eventstore.recorded import Recorded

A = TypeVar("A", bound=Aggregate)

EVERY = 50
"""After how many events of a stream a snapshot is taken, where EVENTSTORE_SNAPSHOT_EVERY does not say otherwise."""


class SnapshotsTwice(TypeError):
    """Snapshots of one kind of aggregates are made by one class, and another one is registered already."""


_AGGREGATES: dict[str, type[Aggregate]] = {}


def register_snapshots(aggregate: type[A]) -> type[A]:
    """Let snapshots of these aggregates be taken. Raises CannotDecode if their state could not be read back."""
    decoder_of(aggregate)
    if _AGGREGATES.setdefault(aggregate.aggregate_type, aggregate) is not aggregate:
        raise SnapshotsTwice(f"snapshots of {aggregate.aggregate_type!r} are registered for another class")
    return register_aggregate(aggregate)


def take(aggregate_type: str, appended: Sequence[Recorded], *, at: datetime) -> None:
    """Take snapshots of those aggregates that an append, just made, brought across a multiple of N."""
    aggregate = _AGGREGATES.get(aggregate_type)
    if aggregate is None:
        return
    every = getattr(settings, "EVENTSTORE_SNAPSHOT_EVERY", EVERY)
    tails: dict[str, list[Recorded]] = defaultdict(list)
    for event in appended:
        tails[event.aggregate_id].append(event)
    due = {id: tail for id, tail in tails.items() if (tail[0].version - 1) // every < tail[-1].version // every}
    if due:
        _write(aggregate, _states(aggregate, due), at=at)


def _states(aggregate: type[A], tails: Mapping[str, Sequence[Recorded]]) -> dict[str, Loaded[A]]:
    """Evolve what stood before an append by what it brought; only where no snapshot is that new is the log read."""
    before = newest(aggregate, list(tails))
    behind = [id for id, tail in tails.items() if before[id].version != tail[0].version - 1]
    states = load_many(aggregate, behind)
    return {id: states.get(id) or evolved(before[id].state, tail) for id, tail in tails.items()}


def _write(aggregate: type[Aggregate], states: Mapping[str, Loaded[Any]], *, at: datetime) -> None:
    time = connection.ops.adapt_datetimefield_value(at)
    rows: list[tuple[Any, ...]] = []
    for id, (state, version) in states.items():
        # The state is the aggregate, and register_snapshots has held that msgspec can read it.
        data = encode_value(state)
        rows.append((aggregate.aggregate_type, id, version, aggregate.state_schema, data, time))
    with connection.cursor() as cursor:
        # An older program may run beside a newer one; whichever comes last leaves a snapshot that it can read.
        cursor.executemany(
            "INSERT INTO snapshots (aggregate_type, aggregate_id, version, schema, data, recorded_at)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE"
            " SET version = excluded.version, schema = excluded.schema, data = excluded.data,"
            " recorded_at = excluded.recorded_at",
            rows,
        )

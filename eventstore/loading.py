"""Loading: the state of an aggregate is its newest snapshot and the events after it."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

import structlog
from django.db import connection

from eventstore.aggregates import Aggregate
from eventstore.codec import CannotDecode, decode, decode_value
from eventstore.databases import database
from eventstore.reading import tails
from eventstore.recorded import Recorded

A = TypeVar("A", bound=Aggregate)

logger = structlog.get_logger(__name__)


class Loaded(NamedTuple, Generic[A]):
    """The state of an aggregate, and the version of the event that it stands after."""

    state: A
    version: int


def load(aggregate: type[A], id: str) -> Loaded[A]:
    """Return an aggregate as it stands. One without events is in its initial state, at version 0."""
    return load_many(aggregate, [id])[id]


def load_many(aggregate: type[A], ids: Iterable[str]) -> dict[str, Loaded[A]]:
    """Return many aggregates as they stand, in two queries however many they are."""
    loaded = newest(aggregate, ids)
    after = {identity: found.version for identity, found in loaded.items()}
    with connection.cursor() as cursor:
        rows = database().tails(cursor, aggregate.aggregate_type, after, _CHANGES) if after else []
    for identity, group in groupby(rows, itemgetter(0)):
        tail = list(group)
        state, version = loaded[identity]
        # Versions are unique and ascend, so the last one tells whether one is missing: it lies in an archive then.
        if tail[-1][1] != version + len(tail):
            loaded[identity] = evolved(state, tails(aggregate.aggregate_type, {identity: version})[identity])
            continue
        for _, version, name, schema, data in tail:  # noqa: B007  # the last one's is kept
            state = state.evolve(decode(name, schema, data))
        loaded[identity] = Loaded(state, version)
    return loaded


# All of an event that a state depends on: the rest would cost as much again to read.
_CHANGES = "events.aggregate_id, events.version, events.type, events.schema, events.data"


def evolved(state: A, tail: Sequence[Recorded]) -> Loaded[A]:
    """Return a state after one event or more."""
    for recorded in tail:
        state = state.evolve(recorded.event)
    return Loaded(state, tail[-1].version)


def newest(aggregate: type[A], ids: Iterable[str]) -> dict[str, Loaded[A]]:
    """Return the newest snapshots of many aggregates in one query; without one, it is the initial state."""
    loaded = {identity: Loaded(aggregate.initial(identity), 0) for identity in ids}
    if loaded:
        loaded.update(_snapshots(aggregate, list(loaded)))
    return loaded


def _snapshots(aggregate: type[A], ids: list[str]) -> dict[str, Loaded[A]]:
    with connection.cursor() as cursor:
        rows = database().snapshots(cursor, aggregate.aggregate_type, aggregate.state_schema, ids)
    found = {}
    for identity, version, data in rows:
        try:
            found[identity] = Loaded(decode_value(aggregate, data), version)
        except CannotDecode as error:
            logger.warning(
                "snapshot ignored",
                aggregate_type=aggregate.aggregate_type,
                aggregate_id=identity,
                version=version,
                error=str(error),
            )
    return found

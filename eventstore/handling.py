"""Handling: a command is decided on the aggregate as it stands, and what follows from it is appended."""

from datetime import datetime
from typing import Any, TypeVar

from eventstore.aggregates import Aggregate
from eventstore.loading import Loaded, load, load_many
from eventstore.recorded import Draft, Metadata, Recorded
from eventstore.store import append

__all__ = ["Aggregate", "Loaded", "handle", "load", "load_many"]

A = TypeVar("A", bound=Aggregate)


def handle(
    aggregate: type[A],
    id: str,
    command: Any,
    *,
    at: datetime,
    metadata: Metadata,
) -> list[Recorded]:
    """Load an aggregate, let it decide, and append its events in the caller's transaction.

    Whatever the aggregate refuses with passes through. Nothing is tried again: after WrongExpectedVersion the caller
    rolls back and calls once more, so that the decision is made anew.
    """
    state, version = load(aggregate, id)
    drafts = [
        Draft(aggregate.aggregate_type, id, place, event, metadata)
        for place, event in enumerate(state.decide(command), start=version + 1)
    ]
    return append(drafts, at=at)

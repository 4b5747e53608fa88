"""Aggregates: what decides and evolves. The state is the aggregate, a frozen struct."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, Self

from eventstore.events import Event


class Aggregate(Protocol):
    """A unit of consistency. `decide` may refuse, `evolve` may not; neither knows the time or the database."""

    aggregate_type: ClassVar[str]
    state_schema: ClassVar[int]
    """The version of the state's shape and meaning: raise it, and older snapshots are ignored."""

    @classmethod
    def initial(cls, aggregate_id: str, /) -> Self:
        """The state before the first event."""
        ...

    def decide(self, command: Any, /) -> Sequence[Event]:
        """Say what happens because of a command. Raises an error of the aggregate's own to refuse it."""
        ...

    def evolve(self, event: Any, /) -> Self:
        """Return the state after an event."""
        ...

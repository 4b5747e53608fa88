"""Aggregates: what decides and evolves. The state is the aggregate, a frozen struct."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self, TypeVar

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


A = TypeVar("A", bound=Aggregate)


class AggregateTwice(TypeError):
    """A stored type stands for one class of aggregates. Choose another name."""


class UnknownAggregateType(LookupError):
    """No class is registered for streams of this type. Register it, or mend the name."""


_AGGREGATES: dict[str, type[Aggregate]] = {}


def register_aggregate(aggregate: type[A]) -> type[A]:
    """Let the streams of a type be found with their class, so that they can be replayed by name."""
    if _AGGREGATES.setdefault(aggregate.aggregate_type, aggregate) is not aggregate:
        raise AggregateTwice(f"{aggregate.aggregate_type!r} is the stored type of another class already")
    return aggregate


def aggregate_of(aggregate_type: str) -> type[Aggregate]:
    """Return the class whose streams are stored under a type. Raises UnknownAggregateType."""
    try:
        return _AGGREGATES[aggregate_type]
    except KeyError:
        known = ", ".join(sorted(_AGGREGATES)) or "none"
        raise UnknownAggregateType(f"expected a type of aggregates ({known}), was {aggregate_type!r}") from None


def registered_aggregates() -> Mapping[str, type[Aggregate]]:
    """Return every stored type and its class, as they are registered now."""
    return MappingProxyType(_AGGREGATES)

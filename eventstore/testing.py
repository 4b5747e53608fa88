"""Given, when, then: an aggregate's rules as tests, without a database.

given(Account, "A-1", Opened(limit=Decimal(5))).when(Withdraw(amount=Decimal(3))).then(Withdrawn(amount=Decimal(3)))
given(Account, "A-1").when(Withdraw(amount=Decimal(3))).then_refused(NotOpen)
given(Account, "A-1", Opened(limit=Decimal(5))).then_state(limit=Decimal(5))
"""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Generic, Self, TypeVar

import msgspec

from eventstore.aggregates import Aggregate
from eventstore.codec import decode, encode
from eventstore.events import Event, stored

A = TypeVar("A", bound=Aggregate)

_ABSENT = object()


def given(aggregate: type[A], aggregate_id: str, /, *events: Event) -> "Given[A]":
    """Start from an aggregate to which these events have happened."""
    return Given(_evolved(aggregate.initial(aggregate_id), events))


class Given(Generic[A]):
    """An aggregate as its history made it."""

    def __init__(self, state: A) -> None:
        self.state = state

    def when(self, command: Any) -> "When[A]":
        """Let the aggregate decide on a command. What it refuses with is kept for `then_refused`."""
        try:
            events = list(self.state.decide(command))
        except Exception as error:  # noqa: BLE001 - whatever it is, `then…` says whether it was meant.
            return When(self.state, command, [], error)
        return When(_evolved(self.state, events), command, events, None)

    def then_state(self, **attributes: Any) -> Self:
        """Hold that the state has these attributes."""
        _compare("the state", self.state, attributes)
        return self


class When(Generic[A]):
    """What an aggregate decided, and its state after that."""

    def __init__(self, state: A, command: Any, events: list[Event], error: Exception | None) -> None:
        self.state, self.command, self.events, self.error = state, command, events, error

    def then(self, *expected: Event) -> Self:
        """Hold that exactly these events follow, in this order; none, if none is given."""
        self._accepted()
        if self.events != list(expected):
            raise AssertionError(
                f"{self.command!r}\ndoes not lead to the expected events (- expected, + happened):\n"
                + _difference(_lines(expected), _lines(self.events))
            )
        return self

    def then_refused(self, error_type: type[Exception], **attributes: Any) -> Self:
        """Hold that the command is refused with such an error, which has these attributes."""
        if self.error is None:
            happened = "".join(f"\n{line}" for line in _lines(self.events)) or " nothing"
            raise AssertionError(f"expected {error_type.__name__}, but {self.command!r} was accepted:{happened}")
        if not isinstance(self.error, error_type):
            raise AssertionError(f"expected {error_type.__name__}, was {self.error!r}") from self.error  # noqa: TRY004
        _compare(f"the {type(self.error).__name__}", self.error, attributes)
        return self

    def then_state(self, **attributes: Any) -> Self:
        """Hold that the state after the events has these attributes."""
        self._accepted()
        _compare("the state", self.state, attributes)
        return self

    def _accepted(self) -> None:
        if self.error is not None:
            raise AssertionError(f"{self.command!r} was refused: {self.error!r}") from self.error


def _evolved(state: A, events: Iterable[Event]) -> A:
    for event in events:
        # An event that could not be stored, or would come back as another one, is no event.
        name, schema = stored(event)
        read = decode(name, schema, encode(event))
        if read != event:
            raise AssertionError(
                f"{name!r} would not be read back as it is stored (- given, + read):\n"
                + _difference(_lines([event]), _lines([read]))
            )
        state = state.evolve(read)
    return state


def _compare(what: str, found: object, attributes: dict[str, Any]) -> None:
    actual = {name: getattr(found, name, _ABSENT) for name in attributes}
    if actual != attributes:
        raise AssertionError(
            f"{what} is not as expected (- expected, + found):\n"
            + _difference(
                [f"{name}={value!r}" for name, value in attributes.items()],
                [f"{name}={value!r}" for name, value in actual.items() if value is not _ABSENT],
            )
        )


def _lines(events: Iterable[Event]) -> list[str]:
    return [line for event in events for line in _of_struct(event)]


def _of_struct(struct: msgspec.Struct) -> Iterator[str]:
    """One field a line, so that a difference shows the field and nothing else."""
    yield f"{type(struct).__name__}("
    for name in struct.__struct_fields__:
        yield f"    {name}={getattr(struct, name)!r},"
    yield ")"


def _difference(expected: list[str], happened: list[str]) -> str:
    return "\n".join(line for line in difflib.ndiff(expected, happened) if not line.startswith("?"))

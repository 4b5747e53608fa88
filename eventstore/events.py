"""Events: facts with a stored name. The name never changes; the class may be moved and renamed."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Something that happened, and that nothing takes back. It holds values only, never itself, so the garbage
    collector, which would go through every page of a log that is read, need not look at it."""


E = TypeVar("E", bound=Event)


class UnknownEventType(LookupError):
    """The log holds an event that this program does not know. Import the module that defines it, or upgrade."""


class NotAnEvent(TypeError):
    """The class is not registered as an event. Decorate it with @event before it is stored."""


class RegisteredTwice(TypeError):
    """A stored name stands for one class, and a class for one stored name. Choose another name."""


class Stored(NamedTuple):
    """Under which name, and in which shape, a class of events is stored today."""

    name: str
    schema: int


_CLASSES: dict[str, type[Event]] = {}
_STORED: dict[type[Event], Stored] = {}


def event(name: str, *, schema: int = 1) -> Callable[[type[E]], type[E]]:
    """Register a class under the name, and in the version of its JSON shape, in which its events are stored."""

    def register(kind: type[E]) -> type[E]:
        if not issubclass(kind, Event):
            raise NotAnEvent(f"{kind.__qualname__} is no event: derive it from eventstore.events.Event")
        if not name or schema < 1:
            raise ValueError(f"expected a name, and a schema from 1, was {name!r} and {schema}")
        if name in _CLASSES:
            other = _CLASSES[name]
            raise RegisteredTwice(f"{name!r} is the stored name of {other.__module__}.{other.__qualname__} already")
        if kind in _STORED:
            raise RegisteredTwice(f"{kind.__qualname__} is stored as {_STORED[kind].name!r} already")
        _CLASSES[name] = kind
        _STORED[kind] = Stored(name, schema)
        return kind

    return register


def name_of(event: Event) -> str:
    """Return the name under which an event is stored. Raises NotAnEvent."""
    return stored(event).name


def schema_of(event: Event) -> int:
    """Return the version of the JSON shape in which an event is stored. Raises NotAnEvent."""
    return stored(event).schema


def stored(event: Event) -> Stored:
    """Return name and schema of an event at once. Raises NotAnEvent."""
    try:
        return _STORED[type(event)]
    except KeyError:
        raise NotAnEvent(f"{type(event).__qualname__} has no stored name: decorate it with @event") from None


def class_of(name: str) -> type[Event]:
    """Return the class of the events stored under a name. Raises UnknownEventType."""
    try:
        return _CLASSES[name]
    except KeyError:
        raise UnknownEventType(
            f"no class is registered for events named {name!r}: import the module that defines them, "
            "or run the version of this program that wrote them"
        ) from None


def current_schema(name: str) -> int:
    """Return the newest schema of the events stored under a name. Raises UnknownEventType."""
    return _STORED[class_of(name)].schema


def registered() -> Mapping[str, type[Event]]:
    """Return every stored name and its class, as they are registered now."""
    return MappingProxyType(_CLASSES)

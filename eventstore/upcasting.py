"""Upcasting: an old event is brought up to date when it is read, one pure step at a time."""

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]
Step = Callable[[Data], Data]

_STEPS: dict[tuple[str, int], Step] = {}


class MissingUpcaster(LookupError):
    """An event is older than its class, and a step between the two is not written yet. Write it."""


class UpcasterTwice(TypeError):
    """One step leads from a schema to the next. Merge the two, or mend their numbers."""


def upcaster(name: str, *, from_schema: int) -> Callable[[Step], Step]:
    """Register the step that takes an event's JSON from one schema to the next."""

    def register(step: Step) -> Step:
        if (name, from_schema) in _STEPS:
            raise UpcasterTwice(f"{name!r} has an upcaster from schema {from_schema} already")
        _STEPS[name, from_schema] = step
        return step

    return register


def upcast(name: str, schema: int, data: Data, *, to_schema: int) -> Data:
    """Take an event's JSON from the schema it was stored in to a newer one. Raises MissingUpcaster."""
    for step_from in range(schema, to_schema):
        step = _STEPS.get((name, step_from))
        if step is None:
            raise MissingUpcaster(
                f"{name!r} was stored with schema {schema}, and its class has schema {to_schema}: "
                f"write @upcaster({name!r}, from_schema={step_from})"
            )
        data = step(data)
    return data

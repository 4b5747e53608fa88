"""Inline projections: views written in the very commit that appends their events."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from eventstore.recorded import Recorded


class Projector(Protocol):
    """Keeps a view of one kind of aggregates."""

    @property
    def name(self) -> str: ...

    @property
    def aggregate_type(self) -> str: ...

    def project(self, batch: Sequence[Recorded]) -> None:
        """Write what a batch of events, oldest first, means for the view.

        Events that it has seen change nothing: a view keeps the version that it has come to. An error here takes the
        append back.
        """
        ...


class ProjectorTwice(TypeError):
    """Another inline projector has the name. Choose another one."""


_INLINE: dict[str, Projector] = {}


def register_inline(projector: Projector) -> None:
    """Let a projector run in every append to streams of its kind, after those registered before it."""
    if _INLINE.setdefault(projector.name, projector) is not projector:
        raise ProjectorTwice(f"an inline projector named {projector.name!r} is registered already")


def inline_projectors(aggregate_type: str) -> tuple[Projector, ...]:
    """Return the projectors that run when a stream of this kind is appended to, in their order."""
    return tuple(projector for projector in _INLINE.values() if projector.aggregate_type == aggregate_type)


@contextmanager
def only_inline(*projectors: Projector) -> Iterator[None]:
    """Let these projectors, and no others, run inline for a while. For tests and rebuilds."""
    before = dict(_INLINE)
    _INLINE.clear()
    try:
        for projector in projectors:
            register_inline(projector)
        yield
    finally:
        _INLINE.clear()
        _INLINE.update(before)

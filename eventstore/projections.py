"""Inline projections: views written in the very commit that appends their events."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from django.db import models

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


@dataclass(frozen=True)
class Views:
    """Tables that are written together, since their projectors read one another's, and so are made again together."""

    name: str
    version: int
    """To be raised with any change of what the projectors write: a rebuild that was begun before then starts anew."""
    tables: tuple[type[models.Model], ...]
    projectors: Callable[..., Sequence[Projector]]
    """Makes the projectors over models like `tables`, given in that order."""
    begins_run: Callable[[Recorded], bool] = lambda event: False
    """Whether an event must not be projected in one batch with those of its kind before it."""

    def live_projectors(self) -> Sequence[Projector]:
        return self.projectors(*self.tables)


class ProjectorTwice(TypeError):
    """Another inline projector, or group of views, has the name. Choose another one."""


_INLINE: dict[str, Projector] = {}
_BY_KIND: dict[str, tuple[Projector, ...]] = {}
"""What was found in _INLINE, since every append asks."""
_VIEWS: dict[str, Views] = {}


def register_inline(projector: Projector) -> None:
    """Let a projector run in every append to streams of its kind, after those registered before it."""
    if _INLINE.setdefault(projector.name, projector) is not projector:
        raise ProjectorTwice(f"an inline projector named {projector.name!r} is registered already")
    _BY_KIND.clear()


def register_views(views: Views) -> None:
    """Let views be written in every append to streams of their kinds, and be made again from the log."""
    if _VIEWS.setdefault(views.name, views) is not views:
        raise ProjectorTwice(f"views named {views.name!r} are registered already")
    for projector in views.live_projectors():
        register_inline(projector)


def registered_views() -> tuple[Views, ...]:
    """Return every group of views that can be made again, in the order of registration."""
    return tuple(_VIEWS.values())


def inline_projectors(aggregate_type: str) -> tuple[Projector, ...]:
    """Return the projectors that run when a stream of this kind is appended to, in their order."""
    found = _BY_KIND.get(aggregate_type)
    if found is None:
        found = tuple(projector for projector in _INLINE.values() if projector.aggregate_type == aggregate_type)
        _BY_KIND[aggregate_type] = found
    return found


@contextmanager
def only_inline(*projectors: Projector) -> Iterator[None]:
    """Let these projectors, and no others, run inline for a while. For tests and rebuilds."""
    before = dict(_INLINE)
    _INLINE.clear()
    _BY_KIND.clear()
    try:
        for projector in projectors:
            register_inline(projector)
        yield
    finally:
        _INLINE.clear()
        _INLINE.update(before)
        _BY_KIND.clear()

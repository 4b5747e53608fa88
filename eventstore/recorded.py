"""Drafts and records: an event before it is stored, and after."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from eventstore.events import Event


class Metadata(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Who caused an event, in the course of what, and by which message."""

    actor: str
    correlation: str
    causation: str | None = None
    reason: str | msgspec.UnsetType = msgspec.UNSET
    """Why an operator did it; events of stations carry none, and no field for it."""


class Stream(NamedTuple):
    """The events of one aggregate, as a pair that names them."""

    aggregate_type: str
    aggregate_id: str

    def __str__(self) -> str:
        return f"{self.aggregate_type}-{self.aggregate_id}"


class Draft(NamedTuple):
    """An event whose place in its stream is decided, and that is not stored yet."""

    aggregate_type: str
    aggregate_id: str
    version: int
    event: Event
    metadata: Metadata


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event as it is stored: its number in the whole log, its version in its stream, and its hash."""

    number: int
    aggregate_type: str
    aggregate_id: str
    version: int
    event: Event
    metadata: Metadata
    recorded_at: datetime
    hash: str

    @property
    def stream(self) -> Stream:
        return Stream(self.aggregate_type, self.aggregate_id)

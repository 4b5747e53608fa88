"""Questions: what each database is asked in its own words, and what is answered."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from eventstore.recorded import Stream


class Row(NamedTuple):
    """A row of the table of events; the time is text, as the database writes it."""

    number: int
    aggregate_type: str
    aggregate_id: str
    version: int
    type: str
    schema: int
    data: str
    metadata: str
    recorded_at: str
    hash: str


class Entry(NamedTuple):
    """An event to be stored: which of the streams it belongs to, and all of it as text."""

    stream: int
    version: int
    type: str
    schema: int
    data: str
    metadata: str


class Place(NamedTuple):
    """Where an event came to stand in the log, and what its stream's chain of hashes says."""

    number: int
    hash: str


class StandsElsewhere(Exception):
    """A stream does not end where it was expected to, and nothing was written. `version` is None where not known."""

    def __init__(self, stream: int, version: int | None) -> None:
        super().__init__(f"stream {stream} of the batch stands at version {version}")
        self.stream, self.version = stream, version


class Database(Protocol):
    """The questions that each database is asked in its own words."""

    columns: str
    """What a select of events asks for: a Row."""

    def append_one(
        self, using: BaseDatabaseWrapper, stream: Stream, entry: Entry, recorded_at: str, *, alone: bool
    ) -> Place:
        """Chain an event to its stream's head, which must be the version before, and write it.

        That is in the caller's transaction or, alone, in a commit of its own. Raises StandsElsewhere, and
        IntegrityError.
        """
        ...

    def append(
        self,
        using: BaseDatabaseWrapper,
        streams: Sequence[Stream],
        expected: Sequence[int],
        entries: Sequence[Entry],
        recorded_at: str,
        *,
        alone: bool,
    ) -> list[Place]:
        """Do the same with many, of streams whose heads must be as expected: all of them are written, or none."""
        ...

    def settled(self, cursor: CursorWrapper) -> int:
        """Return the number up to which no event can still be committed."""
        ...

    def tails(
        self, cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int], columns: str
    ) -> list[tuple[Any, ...]]:
        """Return columns of the events of many streams after a version of each, by stream and version."""
        ...

    def snapshots(
        self, cursor: CursorWrapper, aggregate_type: str, schema: int, ids: Sequence[str]
    ) -> list[tuple[str, int, str]]:
        """Return id, version and state of those aggregates that have a snapshot of this state schema."""
        ...


COLUMNS = "number, aggregate_type, aggregate_id, version, type, schema, data, metadata"
# Named in full: what they are joined with may have columns of these names too.
SELECTED = ", ".join(f"events.{column}" for column in COLUMNS.split(", "))


def tail(cursor: CursorWrapper, aggregate_type: str, after: Mapping[str, int], columns: str) -> list[tuple[Any, ...]]:
    ((identity, version),) = after.items()
    cursor.execute(
        f"SELECT {columns} FROM events WHERE aggregate_type = %s AND aggregate_id = %s AND version > %s"  # noqa: S608
        " ORDER BY version",
        [aggregate_type, identity, version],
    )
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows

"""The store: events are appended here, and nowhere else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

from eventstore import snapshots
from eventstore.codec import CannotEncode, decode, encode, encode_value
from eventstore.databases import Entry, StandsElsewhere, database
from eventstore.events import Event, stored
from eventstore.hashing import moment
from eventstore.projections import inline_projectors
from eventstore.reading import ChainBroken, all_events, head, stream, streams, verify_chain
from eventstore.recorded import Draft, Metadata, Recorded, Stream

__all__ = [
    "ChainBroken",
    "Draft",
    "DraftsOutOfOrder",
    "Metadata",
    "Recorded",
    "Stream",
    "TransactionNeeded",
    "WrongExpectedVersion",
    "all_events",
    "append",
    "append_alone",
    "head",
    "stream",
    "streams",
    "verify_chain",
]


class TransactionNeeded(Exception):
    """Events are appended in the transaction of whatever they belong to. Open one: `with transaction.atomic():`."""


class DraftsOutOfOrder(ValueError):
    """The versions of one stream must follow one another within a batch. Nothing was stored; mend the caller."""


class WrongExpectedVersion(Exception):
    """The stream does not stand where the decision was made: another one was first. Load it, and decide again."""

    def __init__(self, stream: Stream, expected: int, actual: int | None) -> None:
        found = "another event was appended meanwhile" if actual is None else f"was {actual}"
        super().__init__(f"{stream}: expected version {expected}, {found}")
        self.stream, self.expected, self.actual = stream, expected, actual


def append(drafts: Sequence[Draft], *, at: datetime) -> list[Recorded]:
    """Store events, of any number of streams, in the order given and in the caller's transaction.

    Each stream must stand just before its first draft, else WrongExpectedVersion is raised. Inline projectors run
    before this returns, and what they raise passes through. After an error that came once writing had begun the
    caller's innermost `atomic` block can only be rolled back, so nothing of the batch is ever kept without the rest.
    """
    if not connection.in_atomic_block:
        raise TransactionNeeded("append was called outside a transaction: wrap it in `with transaction.atomic():`")
    _check(at)
    if not drafts:
        return []

    recorded_at = moment(at)
    with _breaking_the_block():
        recorded = _stored(drafts, recorded_at)
        for aggregate_type, batch in _by_type(recorded).items():
            for projector in inline_projectors(aggregate_type):
                projector.project(batch)
            snapshots.take(aggregate_type, batch, at=at)
    return recorded


def append_alone(drafts: Sequence[Draft], *, at: datetime) -> list[Recorded]:
    """Store events that belong to nothing else, in a commit of their own.

    Where no view follows, it is one statement and one round trip on PostgreSQL; a snapshot, which is a cache, then
    comes in a commit after it.
    """
    if connection.in_atomic_block or any(inline_projectors(draft.aggregate_type) for draft in drafts):
        with transaction.atomic(durable=True):
            return append(drafts, at=at)
    _check(at)
    if not drafts:
        return []
    recorded = _stored(drafts, moment(at), alone=True)
    for aggregate_type, batch in _by_type(recorded).items():
        snapshots.take(aggregate_type, batch, at=at)
    return recorded


def _check(at: datetime) -> None:
    if at.utcoffset() is None:
        raise CannotEncode(f"expected a time of recording with a time zone, was {at.isoformat()}")


@contextmanager
def _breaking_the_block() -> Iterator[None]:
    """Mark the caller's block as broken by an error, but for a wrong version that was seen before anything was written.

    No savepoint is made.
    """
    wrong = None
    with transaction.atomic(savepoint=False):
        try:
            yield
        except WrongExpectedVersion as error:
            if error.actual is None:
                raise
            wrong = error
    if wrong is not None:
        raise wrong


def _stored(drafts: Sequence[Draft], recorded_at: str, *, alone: bool = False) -> list[Recorded]:
    """Write the drafts, each chained to the one before it in its stream. Raises WrongExpectedVersion."""
    expected = _expected_versions(drafts)
    streams = list(expected)
    entries, events = _entries(drafts, {stream: place for place, stream in enumerate(streams)})
    connection.ensure_connection()
    write = database().append_alone if alone else database().append
    try:
        places = write(streams, list(expected.values()), entries, recorded_at)
    except StandsElsewhere as error:
        stream = streams[error.stream]
        raise WrongExpectedVersion(stream, expected[stream], error.version) from error.__cause__
    at = datetime.fromisoformat(recorded_at)
    return [
        Recorded(number, kind, identity, version, event, metadata, at, hash_)
        for (number, hash_), (kind, identity, version, _, metadata), event in zip(places, drafts, events, strict=True)
    ]


def _expected_versions(drafts: Sequence[Draft]) -> dict[Stream, int]:
    """The version that each stream must stand at, which is one before its first draft."""
    expected: dict[Stream, int] = {}
    last: dict[tuple[str, str], int] = {}  # A Stream is found by a bare pair too, which is quicker to make.
    for aggregate_type, aggregate_id, version, _, _ in drafts:
        name = aggregate_type, aggregate_id
        before = last.get(name)
        if before is None:
            if version < 1:
                raise DraftsOutOfOrder(f"{Stream(*name)}: versions start at 1, was {version}")
            expected[Stream(*name)] = version - 1
        elif version != before + 1:
            raise DraftsOutOfOrder(f"{Stream(*name)}: expected version {before + 1} next in the batch, was {version}")
        last[name] = version
    return expected


def _entries(drafts: Sequence[Draft], streams: Mapping[tuple[str, str], int]) -> tuple[list[Entry], list[Event]]:
    """Write events as text, and return them as they will be read."""
    written: dict[int, str] = {}  # A batch usually has one cause; drafts keep it alive, so its id stays its own.
    entries, events = [], []
    for aggregate_type, aggregate_id, version, event, metadata in drafts:
        name, schema = stored(event)
        data = encode(event)
        # What a projector sees inline is what it will see when the view is rebuilt, to the last detail.
        read = decode(name, schema, data)
        if read != event:
            raise CannotEncode(f"{name!r} would not read back as it was given: expected {event!r}, was {read!r}")
        cause = written.get(id(metadata))
        if cause is None:
            cause = written[id(metadata)] = encode_value(metadata)
        entries.append(Entry(streams[aggregate_type, aggregate_id], version, name, schema, data, cause))
        events.append(read)
    return entries, events


def _by_type(recorded: list[Recorded]) -> dict[str, list[Recorded]]:
    batches: dict[str, list[Recorded]] = {}
    for event in recorded:
        batches.setdefault(event.aggregate_type, []).append(event)
    return batches

"""The store: events are appended here, and nowhere else."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from eventstore import snapshots
from eventstore.codec import CannotEncode, decode, encode, encode_value
from eventstore.databases import Entry, StandsElsewhere, database
from eventstore.events import Event, stored
from eventstore.hashing import in_utc, moment
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
    using = _default()
    if not using.in_atomic_block:
        raise TransactionNeeded("append was called outside a transaction: wrap it in `with transaction.atomic():`")
    _check(at)
    if not drafts:
        return []
    try:
        recorded = _stored(using, drafts, in_utc(at), alone=False)
        for aggregate_type, batch in _by_type(recorded).items():
            for projector in inline_projectors(aggregate_type):
                projector.project(batch)
            snapshots.take(aggregate_type, batch, at=at)
    except BaseException as error:
        # But for a wrong version that was seen before anything was written, the block is broken. No savepoint is made.
        if not isinstance(error, WrongExpectedVersion) or error.actual is None:
            using.set_rollback(True)
        raise
    return recorded


def append_alone(drafts: Sequence[Draft], *, at: datetime) -> list[Recorded]:
    """Store events that belong to nothing else, in a commit of their own.

    Where no view follows, it is one statement and one round trip on PostgreSQL; a snapshot, which is a cache, then
    comes in a commit after it.
    """
    using = _default()
    if using.in_atomic_block or any(inline_projectors(draft.aggregate_type) for draft in drafts):
        with transaction.atomic(durable=True):
            return append(drafts, at=at)
    _check(at)
    if not drafts:
        return []
    if using.connection is None:
        using.ensure_connection()
    recorded = _stored(using, drafts, in_utc(at), alone=True)
    for aggregate_type, batch in _by_type(recorded).items():
        snapshots.take(aggregate_type, batch, at=at)
    return recorded


class _Here(threading.local):
    using: BaseDatabaseWrapper | None = None


_HERE = _Here()


def _default() -> BaseDatabaseWrapper:
    # A thread has one as long as it lives. Django looks for it at every touch of django.db.connection, and asks whether
    # an event loop runs; one such look costs more than to write the event as text.
    using = _HERE.using
    if using is None:
        using = _HERE.using = connections[DEFAULT_DB_ALIAS]
    return using


def _check(at: datetime) -> None:
    if at.tzinfo is not UTC and at.utcoffset() is None:
        raise CannotEncode(f"expected a time of recording with a time zone, was {at.isoformat()}")


def _stored(using: BaseDatabaseWrapper, drafts: Sequence[Draft], at: datetime, *, alone: bool) -> list[Recorded]:
    """Write the drafts, each chained to the one before it in its stream. Raises WrongExpectedVersion."""
    if len(drafts) == 1:
        return [_stored_one(using, drafts[0], at, alone=alone)]
    expected = _expected_versions(drafts)
    streams = list(expected)
    entries, events = _entries(drafts, {stream: place for place, stream in enumerate(streams)})
    words = database(using.vendor)
    try:
        places = words.append(using, streams, list(expected.values()), entries, moment(at), alone=alone)
    except StandsElsewhere as error:
        stream = streams[error.stream]
        raise WrongExpectedVersion(stream, expected[stream], error.version) from error.__cause__
    return [
        Recorded(number, kind, identity, version, event, metadata, at, hash_)
        for (number, hash_), (kind, identity, version, _, metadata), event in zip(places, drafts, events, strict=True)
    ]


def _stored_one(using: BaseDatabaseWrapper, draft: Draft, at: datetime, *, alone: bool) -> Recorded:
    """Do the same with one, as most appends are: what a batch needs would cost it a third more."""
    kind, identity, version, event, metadata = draft
    stream = Stream(kind, identity)
    if version < 1:
        raise _before_the_first(stream, version)
    name, schema, data, read = _written(event)
    entry = Entry(0, version, name, schema, data, encode_value(metadata))
    try:
        number, hash_ = database(using.vendor).append_one(using, stream, entry, moment(at), alone=alone)
    except StandsElsewhere as error:
        raise WrongExpectedVersion(stream, version - 1, error.version) from error.__cause__
    return Recorded(number, kind, identity, version, read, metadata, at, hash_)


def _expected_versions(drafts: Sequence[Draft]) -> dict[Stream, int]:
    """The version that each stream must stand at, which is one before its first draft."""
    expected: dict[Stream, int] = {}
    last: dict[tuple[str, str], int] = {}  # A Stream is found by a bare pair too, which is quicker to make.
    for aggregate_type, aggregate_id, version, _, _ in drafts:
        name = aggregate_type, aggregate_id
        before = last.get(name)
        if before is None:
            if version < 1:
                raise _before_the_first(Stream(*name), version)
            expected[Stream(*name)] = version - 1
        elif version != before + 1:
            raise DraftsOutOfOrder(f"{Stream(*name)}: expected version {before + 1} next in the batch, was {version}")
        last[name] = version
    return expected


def _before_the_first(stream: Stream, version: int) -> DraftsOutOfOrder:
    return DraftsOutOfOrder(f"{stream}: versions start at 1, was {version}")


def _entries(drafts: Sequence[Draft], streams: Mapping[tuple[str, str], int]) -> tuple[list[Entry], list[Event]]:
    """Write events as text, and return them as they will be read."""
    written: dict[int, str] = {}  # A batch usually has one cause; drafts keep it alive, so its id stays its own.
    entries, events = [], []
    for aggregate_type, aggregate_id, version, event, metadata in drafts:
        name, schema, data, read = _written(event)
        cause = written.get(id(metadata))
        if cause is None:
            cause = written[id(metadata)] = encode_value(metadata)
        entries.append(Entry(streams[aggregate_type, aggregate_id], version, name, schema, data, cause))
        events.append(read)
    return entries, events


def _written(event: Event) -> tuple[str, int, str, Event]:
    """Write an event as text, and return its name, its schema, the text, and the event as it will be read."""
    name, schema = stored(event)
    data = encode(event)
    # What a projector sees inline is what it will see when the view is rebuilt, to the last detail.
    read = decode(name, schema, data)
    if read != event:
        raise CannotEncode(f"{name!r} would not read back as it was given: expected {event!r}, was {read!r}")
    return name, schema, data, read


def _by_type(recorded: list[Recorded]) -> dict[str, list[Recorded]]:
    if len(recorded) == 1:
        return {recorded[0].aggregate_type: recorded}
    batches: dict[str, list[Recorded]] = {}
    for event in recorded:
        batches.setdefault(event.aggregate_type, []).append(event)
    return batches

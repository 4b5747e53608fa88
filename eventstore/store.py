"""The store: events are appended here, and nowhere else."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from eventstore import snapshots
from eventstore.codec import CannotEncode, decode, encode, encode_value
from eventstore.databases import EMPTY, Row, database
from eventstore.events import stored
from eventstore.hashing import hash_of, moment
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
    if at.utcoffset() is None:
        raise CannotEncode(f"expected a time of recording with a time zone, was {at.isoformat()}")
    if not drafts:
        return []

    hashes = _heads_as_expected(_expected_versions(drafts))
    # No savepoint is made. This only marks the caller's block as broken if it is left by an error.
    with transaction.atomic(savepoint=False):
        recorded = _insert(drafts, hashes, at)
        for aggregate_type, batch in _by_type(recorded).items():
            for projector in inline_projectors(aggregate_type):
                projector.project(batch)
            snapshots.take(aggregate_type, batch, at=at)
    return recorded


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


def _heads_as_expected(expected: dict[Stream, int]) -> dict[tuple[str, str], str]:
    """The hash of each stream's last event, to which the next is chained. Raises WrongExpectedVersion."""
    with connection.cursor() as cursor:
        found = database().heads(cursor, list(expected))
    hashes: dict[tuple[str, str], str] = {}
    for name, version in expected.items():
        head = found.get(name, EMPTY)
        if head.version != version:
            raise WrongExpectedVersion(name, version, head.version)
        hashes[name] = head.hash
    return hashes


def _insert(drafts: Sequence[Draft], hashes: dict[tuple[str, str], str], at: datetime) -> list[Recorded]:
    """Write the drafts, each chained to the one before it in its stream."""
    with connection.cursor() as cursor:
        numbers = database().numbers(cursor, len(drafts))
        rows, recorded = _rows(drafts, numbers, hashes, at)
        try:
            database().insert(cursor, rows)
        except IntegrityError as error:
            taken = database().taken(cursor, error, rows)
            if taken is None:
                raise
            name = Stream(taken.aggregate_type, taken.aggregate_id)
            raise WrongExpectedVersion(name, taken.version - 1, None) from error
    return recorded


def _rows(
    drafts: Sequence[Draft], numbers: list[int], hashes: dict[tuple[str, str], str], at: datetime
) -> tuple[list[Row], list[Recorded]]:
    recorded_at = moment(at)
    at = datetime.fromisoformat(recorded_at)
    written: dict[int, str] = {}  # A batch usually has one cause; drafts keep it alive, so its id stays its own.
    rows, recorded = [], []
    for number, (aggregate_type, aggregate_id, version, event, metadata) in zip(numbers, drafts, strict=True):
        name, schema = stored(event)
        data = encode(event)
        # What a projector sees inline is what it will see when the view is rebuilt, to the last detail.
        read = decode(name, schema, data)
        if read != event:
            raise CannotEncode(f"{name!r} would not read back as it was given: expected {event!r}, was {read!r}")
        cause = written.get(id(metadata))
        if cause is None:
            cause = written[id(metadata)] = encode_value(metadata)
        stream_name = aggregate_type, aggregate_id
        facts = number, aggregate_type, aggregate_id, version, name, schema, data, cause, recorded_at
        hash_ = hashes[stream_name] = hash_of(hashes[stream_name], *facts)
        rows.append(Row(*facts, hash_))
        recorded.append(Recorded(number, aggregate_type, aggregate_id, version, read, metadata, at, hash_))
    return rows, recorded


def _by_type(recorded: list[Recorded]) -> dict[str, list[Recorded]]:
    batches: dict[str, list[Recorded]] = {}
    for event in recorded:
        batches.setdefault(event.aggregate_type, []).append(event)
    return batches

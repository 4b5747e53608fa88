"""Hashes: each event's hash covers the event as it is stored and the hash of the event before it in its stream.

It is the SHA-256 of ten texts in UTF-8, each preceded by its length in bytes, in decimal digits, and a colon:

    the previous event's hash (empty before version 1), number, aggregate type, aggregate id, version, type, schema,
    data, metadata, and the time of recording as 2025-01-31T12:00:00.000000Z

so `0:` opens the first event of a stream, and `1:7` says 7. It is written down in 64 lower-case hex digits. Whoever
has the rows can compute it without this program.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256


def hash_of(
    previous: str,
    number: int,
    aggregate_type: str,
    aggregate_id: str,
    version: int,
    type_: str,
    schema: int,
    data: str,
    metadata: str,
    recorded_at: str,
) -> str:
    """Return the hash of an event, all of it as stored; `moment` writes the time."""
    place, at, shape = str(number), str(version), str(schema)
    text = (
        f"{len(previous)}:{previous}{len(place)}:{place}{len(aggregate_type)}:{aggregate_type}"
        f"{len(aggregate_id)}:{aggregate_id}{len(at)}:{at}{len(type_)}:{type_}{len(shape)}:{shape}"
        f"{len(data)}:{data}{len(metadata)}:{metadata}{len(recorded_at)}:{recorded_at}"
    )
    if not text.isascii():
        # The lengths above are of characters; here some characters have more bytes than one.
        texts = (previous, place, aggregate_type, aggregate_id, at, type_, shape, data, metadata, recorded_at)
        return sha256(with_lengths(texts)).hexdigest()
    return sha256(text.encode()).hexdigest()


def with_lengths(texts: Iterable[str]) -> bytes:
    """Return texts one after the other, each preceded by its length in bytes and a colon, so that none runs over."""
    return b"".join([b"%d:%b" % (len(part), part) for part in (text.encode() for text in texts)])


def moment(at: datetime) -> str:
    """Write a time as hashes have it: UTC, six digits of a second. The time must have a time zone."""
    return in_utc(at).isoformat(timespec="microseconds")[:26] + "Z"


def in_utc(at: datetime) -> datetime:
    """Return a time as it is in UTC. The time must have a time zone."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)

"""Seals: what the log was up to a number, in one hash. Whoever has a seal can tell whether an event is as it was.

A seal covers the events with numbers in (after_number, up_to_number]. Texts are in UTF-8, each preceded by its length
in bytes, in decimal digits, and a colon, as with the hash of an event. A stranger computes a seal like this:

- the *leaf* of an event is the SHA-256 of a zero byte and five texts: number, aggregate type, aggregate id, version,
  and the event's hash as it is stored. So an event that changed its place is another leaf;
- `root` is the root of the Merkle tree over the leaves in the order of their numbers, as in RFC 6962: the SHA-256 of a
  one byte, the root of the left part and the root of the right part, where the left part has as many leaves as the
  greatest power of two that is smaller than the whole;
- `numbers` lists the numbers that are taken, as in `1-57,59`, for numbers may have gaps;
- `marks` are the first eight hex digits of each leaf, one after the other. They prove nothing, the root does; they tell
  which event it is that was changed;
- `previous` is the hash of the seal before, empty for the first;
- `hash` is the SHA-256 of a two byte and nine texts: number, after_number, up_to_number, events (how many they are),
  numbers, marks, root, previous, and sealed_at as 2025-01-31T12:00:00.000000Z.

Hashes are written down in lower-case hex digits.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import pairwise

import msgspec

from eventstore.databases import Row
from eventstore.hashing import moment, with_lengths
from eventstore.integrity import merkle

MARK = 8
"""Hex digits of a leaf that a seal keeps."""


class NumberTwice(Exception):
    """Two events have one number, so they are not sealed. One of them was put there by hand: run verify_log."""


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seal over the events of a range of numbers."""

    number: int
    after_number: int
    up_to_number: int
    events: int
    numbers: str
    marks: str
    root: str
    previous: str
    sealed_at: str
    hash: str

    def marks_by_number(self) -> Iterator[tuple[int, str]]:
        """Yield each number that is taken, with its event's mark. Raises ValueError."""
        for place, number in enumerate(_listed(self.numbers)):
            yield number, self.marks[place * MARK : (place + 1) * MARK]


def leaf(row: Row) -> bytes:
    """Return the leaf of an event."""
    return merkle.leaf(_texts(row.number, row.aggregate_type, row.aggregate_id, row.version, row.hash))


def sealed(rows: Sequence[Row], *, previous: Seal | None, at: datetime) -> Seal:
    """Seal the events that follow those of the seal before, in the order of their numbers. Raises NumberTwice."""
    for before, row in pairwise(rows):
        if before.number == row.number:
            # In the order of their streams and versions: by their number they may be read in any.
            both = sorted((each.aggregate_type, each.aggregate_id, each.version) for each in (before, row))
            first, second = (f"{kind}-{name}, version {version}" for kind, name, version in both)
            raise NumberTwice(f"number {row.number} is given twice: to {first}, and {second}: run verify_log")
    leaves = [leaf(row) for row in rows]
    seal = Seal(
        number=previous.number + 1 if previous else 1,
        after_number=previous.up_to_number if previous else 0,
        up_to_number=rows[-1].number,
        events=len(rows),
        numbers=_runs(row.number for row in rows),
        marks="".join(mark(one) for one in leaves),
        root=merkle.root(leaves).hex(),
        previous=previous.hash if previous else "",
        sealed_at=moment(at),
        hash="",
    )
    return msgspec.structs.replace(seal, hash=hash_of(seal))


def mark(leaf: bytes) -> str:
    """Return what a seal keeps of a leaf."""
    return leaf.hex()[:MARK]


def hash_of(seal: Seal) -> str:
    """Return the hash of a seal over all else that it says."""
    *facts, _ = msgspec.structs.astuple(seal)
    return sha256(b"\x02" + _texts(*facts)).hexdigest()


def _texts(*facts: object) -> bytes:
    return with_lengths(str(fact) for fact in facts)


def _runs(numbers: Iterable[int]) -> str:
    """Write ascending numbers as in `1-57,59`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if first != last else f"{first}" for first, last in runs)


def _listed(runs: str) -> Iterator[int]:
    """Yield the numbers that runs say. Raises ValueError."""
    for run in runs.split(","):
        first, _, last = run.partition("-")
        yield from range(int(first), int(last or first) + 1)

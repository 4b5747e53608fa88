"""Archives: events that were taken out of the table, read from the files that they lie in.

An archive is a gzip file of JSON lines. A line with a seal is followed by a line for each event that it covers, in the
order of their numbers, every field as it is stored and the time as it is hashed. Archives follow one another from the
log's beginning without a gap, and of each stream the events that were removed are those before the oldest one that the
table still has; the newest one always stays.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db import connection

from eventstore.databases import Row
from eventstore.integrity.seals import Seal
from eventstore.recorded import Stream


class ArchiveUnreadable(Exception):
    """Events lie in a file that is missing, or not as it was written. Put the right file back and try again."""


class Archive(NamedTuple):
    """Where the events of a range of numbers lie."""

    number: int
    after_number: int
    up_to_number: int
    file: str
    sha256: str


class Contents:
    """What an archive's file holds."""

    def __init__(self, groups: Sequence[tuple[Seal, Sequence[Row]]]) -> None:
        self.groups = groups
        self.rows = [row for _, rows in groups for row in rows]

    @cached_property
    def by_stream(self) -> Mapping[Stream, Sequence[Row]]:
        found: dict[Stream, list[Row]] = {}
        for row in self.rows:
            found.setdefault(Stream(row.aggregate_type, row.aggregate_id), []).append(row)
        return found


_ARCHIVES = "SELECT a.number, a.after_number, a.up_to_number, a.file, a.sha256 FROM event_archives AS a"


def removed_after(number: int) -> Archive | None:
    """Return the first archive with a number above this one whose events are no longer in the table."""
    found = _archives("WHERE removed_at IS NOT NULL AND up_to_number > %s ORDER BY up_to_number LIMIT 1", number)
    return found[0] if found else None


def archives_between(after: int, up_to: int) -> list[Archive]:
    """Return the archives with numbers in (after, up_to], removed from the table or not, oldest first."""
    return _archives("WHERE up_to_number > %s AND after_number < %s ORDER BY up_to_number", after, up_to)


def archived_versions(stream: Stream, *, after: int, before: int) -> Iterator[Row]:
    """Yield those events of a stream that archives hold, of the versions between two. Raises ArchiveUnreadable."""
    archives = _archives(
        "JOIN event_archive_streams AS s ON s.archive = a.number"
        " WHERE s.aggregate_type = %s AND s.aggregate_id = %s AND s.last_version > %s AND s.first_version < %s"
        " ORDER BY s.first_version",
        *stream,
        after,
        before,
    )
    for archive in archives:
        for row in contents(archive).by_stream.get(stream, ()):
            if after < row.version < before:
                yield row


def contents(archive: Archive) -> Contents:
    """Read an archive's file. Raises ArchiveUnreadable."""
    if not settings.ARCHIVE_FOLDER:
        raise ArchiveUnreadable(
            f"the events with numbers {archive.after_number + 1} to {archive.up_to_number} lie in {archive.file}, and "
            "ARCHIVE_FOLDER is not set: set it to the folder with the archives"
        )
    path = Path(settings.ARCHIVE_FOLDER) / archive.file
    try:
        state = path.stat()
    except FileNotFoundError:
        raise ArchiveUnreadable(
            f"archive {path}: expected SHA-256 {archive.sha256}, found no file: put it back"
        ) from None
    return _contents(path, archive.sha256, (state.st_mtime_ns, state.st_size, state.st_ino))


@lru_cache(maxsize=4)
def _contents(path: Path, expected: str, state: tuple[int, ...]) -> Contents:
    # Whoever reads stream by stream opens the same few files again and again.
    packed = path.read_bytes()
    found = sha256(packed).hexdigest()
    if found != expected:
        raise ArchiveUnreadable(f"archive {path}: expected SHA-256 {expected}, found {found}: put the right file back")
    return Contents(unpacked(packed))


def _archives(which: str, *parameters: str | int) -> list[Archive]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_ARCHIVES} {which}", parameters)
        return [Archive._make(row) for row in cursor.fetchall()]


def packed(groups: Iterable[tuple[Seal, Sequence[Row]]]) -> bytes:
    """Write seals and their events as the content of a file; the same ones are the same bytes."""
    lines: list[dict[str, Any]] = []
    for seal, rows in groups:
        lines.append({"seal": seal})
        lines += ({"event": row._asdict()} for row in rows)
    return gzip.compress(b"\n".join(map(msgspec.json.encode, lines)) + b"\n", mtime=0)


def unpacked(content: bytes) -> list[tuple[Seal, list[Row]]]:
    """Read what `packed` wrote."""
    groups: list[tuple[Seal, list[Row]]] = []
    for line in gzip.decompress(content).splitlines():
        read = _decode(line)
        if read.seal is not None:
            groups.append((read.seal, []))
        elif read.event is not None:
            groups[-1][1].append(Row(**read.event))
    return groups


class _Line(msgspec.Struct):
    seal: Seal | None = None
    event: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Line).decode

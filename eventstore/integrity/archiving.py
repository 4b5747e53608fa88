"""Archiving: sealed events are written to files, read back, and then, if it is wanted, taken out of the table.

Archives are made and removed from the log's beginning, in order. The newest event of each stream always stays in the
table, so that whoever appends finds the stream's end there; it goes with a later removal, when it is the newest no
more. So what is missing of a stream is always its beginning.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from eventstore.databases import Row
from eventstore.following import rows_between, rows_in_table
from eventstore.integrity import merkle
from eventstore.integrity.archives import Archive, ArchiveUnreadable, Contents, contents, packed, unpacked
from eventstore.integrity.chains import check_chain, exact
from eventstore.integrity.files import write_once
from eventstore.integrity.sealing import seals
from eventstore.integrity.seals import Seal, leaf
from eventstore.integrity.tables import ArchivedStream, EventArchive
from eventstore.maintenance import maintenance
from eventstore.recorded import Stream
from eventstore.rows import insert_rows

EVENTS = 10_000
"""How many events a file holds at most; a seal is never split."""

Group = tuple[Seal, list[Row]]


class NotAsSealed(Exception):
    """The events are not as they were sealed, so they are not archived: run verify_log."""


class NotRemovable(Exception):
    """The archives are not such that the table's events could be removed. Nothing was removed."""


def archive(*, up_to: int, folder: Path, at: datetime) -> Iterator[EventArchive]:
    """Write the seals that lie up to a number, and are in no archive yet, to files; yield each when it is recorded.

    Raises NotAsSealed, and FileDiffers where another file has the name.
    """
    last = EventArchive.objects.order_by("-number").first()
    for groups in _files(last.last_seal if last else 0, up_to):
        last = _archive(groups, number=last.number + 1 if last else 1, folder=folder, at=at)
        yield last


def removable(*, up_to: int) -> int:
    """Count the events that a removal up to a number would take out of the table."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM events WHERE {_REMOVABLE}", [0, _end_of_archives(up_to)])  # noqa: S608
        (count,) = cursor.fetchone()
    return int(count)


def remove(*, up_to: int, actor: str, at: datetime) -> Iterator[tuple[EventArchive, int]]:
    """Take archived events up to a number out of the table; yield each archive with how many went.

    Every file is read from ARCHIVE_FOLDER first, since from there it will be read from now on. Raises NotRemovable.
    """
    archives = list(EventArchive.objects.filter(up_to_number__lte=up_to).order_by("number"))
    for found in archives:
        _hold_against_file(found)
    for found in archives:
        yield found, _remove(found, actor=actor, at=at)


def _files(after_seal: int, up_to: int) -> Iterator[list[Group]]:
    """Yield the seals after one, with their events, in parts that fit into a file."""
    part: list[Group] = []
    while page := seals(after=after_seal, limit=100):
        for seal in page:
            if seal.up_to_number > up_to:
                yield from [part] if part else []
                return
            if part and sum(one.events for one, _ in part) + seal.events > EVENTS:
                yield part
                part = []
            part.append((seal, _as_sealed(seal)))
        after_seal = page[-1].number
    yield from [part] if part else []


def _as_sealed(seal: Seal) -> list[Row]:
    rows = rows_between(seal.after_number, seal.up_to_number, limit=seal.events + 1)
    if found := check_chain(rows):
        what = f"{found[0].kind} {found[0].stream} version {found[0].version}, expected {found[0].expected}"
        raise NotAsSealed(f"seal {seal.number}: {what}, found {found[0].found}: run verify_log")
    if _root(rows) != seal.root:
        raise NotAsSealed(f"seal {seal.number} has the root {seal.root}, its events {_root(rows)}: run verify_log")
    return [exact(row) for row in rows]


def _archive(groups: Sequence[Group], *, number: int, folder: Path, at: datetime) -> EventArchive:
    (first, _), (last, _) = groups[0], groups[-1]
    content = packed(groups)
    path = folder / f"events-{first.after_number + 1:010d}-{last.up_to_number:010d}.jsonl.gz"
    write_once(path, content)
    if unpacked(path.read_bytes()) != list(groups):
        raise ArchiveUnreadable(f"archive {path}: expected the events that were written, found others: check the disk")
    made = EventArchive(
        number=number,
        after_number=first.after_number,
        up_to_number=last.up_to_number,
        first_seal=first.number,
        last_seal=last.number,
        events=sum(len(rows) for _, rows in groups),
        file=path.name,
        sha256=sha256(content).hexdigest(),
        archived_at=at,
    )
    with transaction.atomic():
        made.save(force_insert=True)
        insert_rows(ArchivedStream, _streams(made, groups))
    return made


def _streams(made: EventArchive, groups: Sequence[Group]) -> list[dict[str, Any]]:
    streams: dict[Stream, dict[str, Any]] = {}
    for row in (row for _, rows in groups for row in rows):
        name = Stream(row.aggregate_type, row.aggregate_id)
        facts = {**name._asdict(), "archive": made.number, "first_version": row.version}
        streams.setdefault(name, facts)["last_version"] = row.version
    return list(streams.values())


def _hold_against_file(found: EventArchive) -> None:
    try:
        groups = _contents(found).groups
    except ArchiveUnreadable as error:
        raise NotRemovable(f"nothing was removed, since events would be read from there: {error}") from error
    known = {seal.number: seal for seal in seals(after=found.first_seal - 1, limit=len(groups))}
    for seal, rows in groups:
        if known.get(seal.number) != seal or _root(rows) != seal.root:
            raise NotRemovable(f"archive {found.file} does not hold seal {seal.number} as it is: run verify_log")


_REMOVABLE = (
    "number > %s AND number <= %s AND EXISTS (SELECT 1 FROM events AS later"
    " WHERE later.aggregate_type = events.aggregate_type AND later.aggregate_id = events.aggregate_id"
    " AND later.version = events.version + 1)"
)


def _remove(found: EventArchive, *, actor: str, at: datetime) -> int:
    archived = set(_contents(found).rows)
    with maintenance(actor=actor, reason=f"events are in archive {found.number}, {found.file}", at=at):
        for row in rows_in_table(found.after_number, found.up_to_number, limit=len(archived) + 1):
            if exact(row) not in archived:
                raise NotRemovable(
                    f"event {row.number} ({row.aggregate_type}-{row.aggregate_id}, version {row.version}) is not in "
                    f"archive {found.file} as it is in the table: run verify_log"
                )
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM events WHERE {_REMOVABLE}", [found.after_number, found.up_to_number])  # noqa: S608
            count = int(cursor.rowcount)
        if found.removed_at is None:
            found.removed_at = at
            found.save(update_fields=["removed_at"])
    return count


def _contents(found: EventArchive) -> Contents:
    return contents(Archive(found.number, found.after_number, found.up_to_number, found.file, found.sha256))


def _end_of_archives(up_to: int) -> int:
    last = EventArchive.objects.filter(up_to_number__lte=up_to).order_by("-number").first()
    return last.up_to_number if last else 0


def _root(rows: Sequence[Row]) -> str:
    return merkle.root([leaf(row) for row in rows]).hex() if rows else ""

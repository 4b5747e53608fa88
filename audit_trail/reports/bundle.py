"""The compliance bundle: all that was decided, executed and hedged in a period, with what it rests on, as one archive.

It is a ZIP file of JSON Lines, an object a line, and a `manifest.json` that names each file's rows, columns and
SHA-256. All of it is read as of one moment, a row at a time, and the same rows make the same bytes.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from itertools import takewhile
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec

from audit_trail.reports.bundled import Row, files_of
from audit_trail.reports.periods import Period
from eventstore.codec import encode_value
from eventstore.hashing import moment
from eventstore.integrity.sealing import seals
from eventstore.integrity.seals import Seal
from eventstore.integrity.tables import StoredSeal
from eventstore.moments import one_moment

SCHEMA, SCHEMA_VERSION = "hedgetrail.compliance_bundle", 1
MANIFEST, SEALS = "manifest.json", "seals.jsonl"

# Zip files keep when a member was changed; the same rows are the same bytes whenever they are written.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE_BY_ALL = 0o100644 << 16
_PAGE = 100


class BundledFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the bundle, as its manifest tells of it."""

    name: str
    rows: int
    bytes: int
    sha256: str
    columns: list[str]


class SealedLog(msgspec.Struct, frozen=True, kw_only=True):
    """Which seals of the event log are in the bundle."""

    first_seal: int | None
    last_seal: int | None
    whole: bool
    """Whether every event that was recorded in the period is sealed by them: the last was made at its end or later."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a bundle. It names no time of writing and no version of ours."""

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    since: datetime
    until: datetime
    with_payloads: bool
    files: list[BundledFile]
    log: SealedLog


def write_bundle(file: IO[bytes], *, period: Period, with_payloads: bool = False) -> Manifest:
    """Write a period's bundle. Bodies of calls are in it only if asked for, redacted as they are stored."""
    with one_moment(), ZipFile(file, "w", ZIP_DEFLATED) as archive:
        files = [
            _write(archive, one.name, one.columns, one.rows) for one in files_of(period, with_payloads=with_payloads)
        ]
        covering = list(_covering(period))
        files.append(_write(archive, SEALS, Seal.__struct_fields__, map(msgspec.structs.asdict, covering)))
        manifest = Manifest(
            since=period.since,
            until=period.until,
            with_payloads=with_payloads,
            files=files,
            log=SealedLog(
                first_seal=covering[0].number if covering else None,
                last_seal=covering[-1].number if covering else None,
                whole=bool(covering) and covering[-1].sealed_at >= moment(period.until),
            ),
        )
        with archive.open(_member(MANIFEST), "w") as member:
            member.write(msgspec.json.format(encode_value(manifest).encode(), indent=2) + b"\n")
    return manifest


def _write(archive: ZipFile, name: str, columns: Iterable[str], rows: Iterable[Row]) -> BundledFile:
    hashed, size, count = sha256(), 0, 0
    # How large it becomes is not known before, and it may be larger than a plain ZIP file takes.
    with archive.open(_member(name), "w", force_zip64=True) as member:
        for row in rows:
            line = encode_value(row).encode() + b"\n"
            member.write(line)
            hashed.update(line)
            size += len(line)
            count += 1
    return BundledFile(name=name, rows=count, bytes=size, sha256=hashed.hexdigest(), columns=sorted(columns))


def _member(name: str) -> ZipInfo:
    info = ZipInfo(name, _EPOCH)
    info.compress_type, info.external_attr, info.create_system = ZIP_DEFLATED, _READABLE_BY_ALL, 3
    return info


def _covering(period: Period) -> Iterator[Seal]:
    """The seals over events recorded in a period: an event is sealed after it was recorded, and in its order.

    So they begin with the first that was made in the period or later, and end with the first made after it.
    """
    since, until = moment(period.since), moment(period.until)
    first = StoredSeal.objects.filter(sealed_at__gte=since).order_by("number").values_list("number", flat=True).first()
    if first is None:
        return
    after = first - 1
    while page := seals(after=after, limit=_PAGE):
        inside = list(takewhile(lambda seal: seal.sealed_at < until, page))
        yield from inside
        if len(inside) < len(page):
            yield page[len(inside)]
            return
        after = page[-1].number

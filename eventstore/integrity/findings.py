"""Findings: what is not as it was recorded or sealed, one by one."""

from typing import Any

import msgspec

from eventstore.databases import Row
from eventstore.integrity.seals import Seal
from eventstore.recorded import Stream


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was changed, is missing, was inserted, or is out of order; and what tells so.

    Where only the number of an event is known, its stream is None, and the other way round.
    """

    kind: str
    stream: str | None = None
    version: int | None = None
    number: int | None = None
    seal: int | None = None
    expected: str
    found: str

    def cells(self) -> list[str]:
        """Return the finding as texts that can be printed anywhere, in the order of its fields."""
        values: list[Any] = [getattr(self, name) for name in self.__struct_fields__]
        return ["" if value is None else printable(str(value)) for value in values]


def event(kind: str, row: Row, expected: str, found: str, *, seal: Seal | None = None) -> Finding:
    """Return a finding about an event that is there."""
    return Finding(
        kind=kind,
        stream=str(Stream(row.aggregate_type, row.aggregate_id)),
        version=row.version,
        number=row.number,
        seal=seal.number if seal else None,
        expected=expected,
        found=found,
    )


def printable(text: str) -> str:
    """Write bytes that are no text, and what would break a line, as escapes."""
    readable = text.encode("utf-8", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in readable)

"""Telling: a report as plain data for JSON, and each of its lists as a table."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from eventstore.codec import encode_value
from eventstore.rest import spreadsheets
from trading.values.arithmetic import plain


class Report(Protocol):
    """A frozen answer. `tables` names the lists of it, what somebody wants as a table first."""

    tables: ClassVar[tuple[str, ...]]
    __struct_fields__: ClassVar[tuple[str, ...]]


class NoSuchTable(LookupError):
    """The report has no such list."""


class Table(NamedTuple):
    """Rows of one kind, as text for a table of cells."""

    header: list[str]
    rows: list[list[str]]


def plain_data(report: Any) -> dict[str, Any]:
    """Tell a report as JSON holds it: numbers that are no counts as exact text, times in UTC."""
    told: dict[str, Any] = msgspec.json.decode(encode_value(report))
    return told


def table_of(report: Report, name: str | None = None) -> Table:
    """Tell a list of a report as a table, by default its first. Raises NoSuchTable."""
    chosen = report.tables[0] if name is None else name
    if chosen not in report.tables:
        raise NoSuchTable(f"expected one of the tables {', '.join(report.tables)}, was {chosen[:80]!r}")
    rows = getattr(report, chosen)
    return Table(header=list(_names(row_class(type(report), chosen))), rows=[list(_cells(row)) for row in rows])


def csv_lines(table: Table) -> Iterator[str]:
    """Write a table as the lines of a CSV file, a line end after each."""
    return spreadsheets.written(table.header, table.rows)


def cell(value: Any) -> str:
    """Tell a value as a cell. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return plain(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case str():
            return spreadsheets.guarded(value)
        case tuple() | list():
            return cell("; ".join(str(one) for one in value))
        case dict():
            return cell("; ".join(f"{name} {cell(one)}" for name, one in value.items()))
        case _:
            return str(value)


def row_class(report: type, name: str) -> type[msgspec.Struct]:
    """The class of the rows of a list."""
    (found,) = (field for field in msgspec.structs.fields(report) if field.name == name)
    rows: type[msgspec.Struct] = found.type.__args__[0]
    return rows


def _names(kind: type[msgspec.Struct]) -> Iterator[str]:
    """The columns of a class of rows; the fields of what is in it are columns too."""
    for field in msgspec.structs.fields(kind):
        inner = field.type
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from _names(inner)
        else:
            yield field.name


def _cells(row: msgspec.Struct) -> Iterator[str]:
    for value in msgspec.structs.astuple(row):
        if isinstance(value, msgspec.Struct):
            yield from _cells(value)
        else:
            yield cell(value)

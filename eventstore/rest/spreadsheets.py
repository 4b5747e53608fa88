"""Rows as CSV, for spreadsheets: written while they are read, and with no cell that one would run as a formula."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rest_framework.renderers import BaseRenderer

MEDIA_TYPE = "text/csv"
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# What spreadsheets take for the beginning of a formula, also behind white space.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n|]")


class CsvRenderer(BaseRenderer):
    """Stands for CSV where formats are negotiated; lists stream theirs, and errors are problems."""

    media_type = MEDIA_TYPE
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, media_type: str | None = None, context: Any = None) -> str:
        return "" if data is None else json.dumps(data)


def lines(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write a header and a line for each row."""
    return written(columns, ([cell(row.get(name)) for name in columns] for row in rows))


def written(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Write a header and rows whose cells are made, as `cell` makes them."""
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow(row)


def cell(value: Any) -> str:
    """Write a value so that a spreadsheet shows it and never runs it: what looks like a formula begins with '."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict() | list():
            text = json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value)
    return text if _NUMBER.fullmatch(text) else guarded(text)


def guarded(text: str) -> str:
    """Put ' before a text that a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


class _Echo:
    """Hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line

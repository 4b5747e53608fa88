"""Foreign file: an older installation's SQLite database, opened to be read only, and its cells taken at their word.

A REAL is a double. It is read as the shortest decimal that reads back as the same double: what the older installation
would have printed, and no digit that it did not keep.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from trading.cutover.findings import BadRow
from trading.values.outside import in_utc, number
from trading.values.quantities import NotANumber

LARGEST = 2**63 - 1


class NotReadable(Exception):
    """The file is no database of an older installation, as far as we know their shapes."""


class BadCell(ValueError):
    """A cell is not what its column should hold."""

    def __init__(self, bad: BadRow) -> None:
        super().__init__(f"{bad.table} {bad.id}: {bad.column} {bad.value}: {bad.reason}")
        self.bad = bad


class Cells:
    """One row."""

    def __init__(self, table: str, key: str, values: dict[str, Any]) -> None:
        self._table, self._values = table, values
        self.id = _shown(values.get(key))

    def refuse(self, column: str, reason: str) -> NoReturn:
        raise BadCell(self.bad(column, reason))

    def bad(self, column: str, reason: str) -> BadRow:
        value = self._values.get(column)
        return BadRow(self._table, self.id, column, "nothing" if value is None else _shown(value), reason)

    def has(self, column: str) -> bool:
        return self._values.get(column) is not None

    def text(self, column: str, *, longest: int = 128) -> str:
        value = self._values.get(column)
        if not isinstance(value, str) or not value or len(value) > longest or "\0" in value:
            self.refuse(column, f"expected a text of 1 to {longest} characters")
        return value

    def one_of(self, column: str, words: Sequence[str]) -> str:
        value = self._values.get(column)
        if value not in words:
            self.refuse(column, f"expected one of {', '.join(words)}")
        return str(value)

    def whole(self, column: str, *, least: int = 0) -> int:
        value = self._values.get(column)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.refuse(column, f"expected a whole number from {least}")
        return value

    def number(self, column: str) -> Decimal:
        """Read a number exactly as the double, or the integer, that it is."""
        value = self._values.get(column)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(column, "expected a number")
        try:
            return number(Decimal(repr(value)), "a finite number")
        except NotANumber as error:
            self.refuse(column, str(error))

    def above_zero(self, column: str) -> Decimal:
        number = self.number(column)
        if number <= 0:
            self.refuse(column, "expected a number above zero")
        return number

    def zero_or_more(self, column: str) -> Decimal:
        number = self.number(column)
        if number < 0:
            self.refuse(column, "expected zero or more")
        return number

    def time(self, column: str) -> datetime:
        """Read a time; one without a zone is in UTC, as SQLite's own clock is."""
        value = self._values.get(column)
        try:
            time = datetime.fromisoformat(value if isinstance(value, str) else "")
            return in_utc(time.replace(tzinfo=UTC) if time.tzinfo is None else time)
        except ValueError:
            self.refuse(column, "expected a time as 2025-10-28 21:00:00")


class ForeignFile:
    """The tables of an open file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def has(self, table: str) -> bool:
        return bool(self.columns(table))

    def columns(self, table: str) -> list[str]:
        return [str(column[1]) for column in self._connection.execute(f"PRAGMA table_info({table})")]

    def require(self, table: str, *columns: str) -> None:
        """Raises NotReadable where the table lacks a column that nothing could stand in for."""
        if missing := [column for column in columns if column not in self.columns(table)]:
            raise NotReadable(f"expected a table {table} with {', '.join(columns)}; it lacks {', '.join(missing)}")

    def rows(self, table: str, *, key: str = "id") -> Iterator[Cells]:
        names = self.columns(table)
        for values in self._connection.execute(f"SELECT * FROM {table} ORDER BY {key}"):  # noqa: S608  # names of ours
            yield Cells(table, key, dict(zip(names, values, strict=True)))


@contextmanager
def open_foreign(path: str) -> Iterator[ForeignFile]:
    """Open a file as of one moment, so that it is nowhere written to. Raises NotReadable."""
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise NotReadable(f"expected a SQLite file, found none at {file}")
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
            connection.text_factory = _text
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield ForeignFile(connection)
    # Of a damaged file, SQLite's own words may be no text.
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise NotReadable(f"{file} can't be read as a SQLite database: {error}") from error


def _shown(value: object) -> str:
    return str(value)[:80].replace("\0", "\ufffd")


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw  # Which no column takes, so that it is shown.

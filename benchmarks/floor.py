"""The floor: rows that the project has written, written again by hand-made SQL, as fast as one process can.

What a commit wrote is read back after it, and made ready for the driver before anything is timed. Nothing is decided,
encoded or hashed here, and nothing is read; so whatever the project takes longer is what its work costs.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import psycopg
from django.db import connection

from benchmarks.scratch import PostgreSQLDatabases, Scratch, SQLiteFiles


class Table(NamedTuple):
    """A table that the catching up writes to."""

    name: str
    key: tuple[str, ...]
    written_at: str
    """The column that says in which commit a row was written."""
    numbered: bool = False
    """The database gives a new row its id."""
    overwritten: bool = False
    """There is one row a key, which each commit writes again."""


QUEUE = Table("event_queue", ("id",), "processed_at")
TABLES = (
    Table("onchain_trades", ("id",), "created_at", numbered=True),
    Table("trade_accumulators", ("symbol",), "last_updated", overwritten=True),
    Table("events", ("number",), "recorded_at"),
    Table("onchain_trade_view", ("id",), "recorded_at"),
    Table("position_view", ("symbol",), "last_updated", overwritten=True),
    Table("snapshots", ("aggregate_type", "aggregate_id"), "recorded_at", overwritten=True),
)


class Written(NamedTuple):
    """What one commit wrote: the logs that it settled, by what became of them, and the rows of each table."""

    processed_at: Any
    settled: dict[tuple[str, str | None], list[int]]
    rows: list[tuple[Table, list[str], list[tuple[Any, ...]]]]


def written_at(now: datetime) -> Written:
    """Read back what the commit of a moment wrote, as the driver takes it."""
    stored = _stored(now)
    settled: dict[tuple[str, str | None], list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, outcome, reason FROM event_queue WHERE processed_at = %s ORDER BY id", [stored])
        for id, outcome, reason in cursor.fetchall():
            settled.setdefault((outcome, reason), []).append(id)
        rows = []
        for table in TABLES:
            columns = [name for name in _columns(cursor, table) if not (table.numbered and name in table.key)]
            rows.append((table, columns, _rows(cursor, table, columns, table.written_at, stored)))
    return Written(stored, settled, [each for each in rows if each[2]])


def content() -> dict[str, list[tuple[Any, ...]]]:
    """All that lies in the tables, for holding two databases against each other."""
    with connection.cursor() as cursor:
        return {table.name: _rows(cursor, table, _columns(cursor, table)) for table in (QUEUE, *TABLES)}


class Floor(Protocol):
    """Writes what the project has written."""

    def write(self, written: Written) -> None:
        """Write it all, in one commit."""
        ...

    def close(self) -> None: ...


def floor(scratch: Scratch, name: str) -> Floor:
    """Connect to a scratch database for writing by hand."""
    if isinstance(scratch, SQLiteFiles):
        return SQLiteFloor(str(scratch.path(name)))
    if isinstance(scratch, PostgreSQLDatabases):
        return PostgreSQLFloor(scratch.url(name))
    raise TypeError(f"no floor is known for {scratch.vendor}")


class SQLiteFloor:
    """One executemany a table, with the settings that the project has."""

    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "recursive_triggers=ON", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    def write(self, written: Written) -> None:
        run, run_many = self._connection.execute, self._connection.executemany
        run("BEGIN IMMEDIATE")
        for (outcome, reason), ids in written.settled.items():
            run_many(
                "UPDATE event_queue SET processed = 1, processed_at = ?, outcome = ?, reason = ? WHERE id = ?",
                [(written.processed_at, outcome, reason, id) for id in ids],
            )
        for table, columns, rows in written.rows:
            marks = ", ".join("?" * len(columns))
            run_many(f"{_insert(table, columns)} VALUES ({marks}){_conflict(table, columns)}", rows)
        run("COMMIT")

    def close(self) -> None:
        self._connection.close()


class PostgreSQLFloor:
    """COPY in binary for what is new, one INSERT a row for what is overwritten, one UPDATE of the queue."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        found = self._connection.execute(
            "SELECT table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema = 'public'"
        )
        self._types = {(table, column): kind for table, column, kind in found}

    def write(self, written: Written) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for (outcome, reason), ids in written.settled.items():
                cursor.execute(
                    "UPDATE event_queue SET processed = true, processed_at = %s, outcome = %s, reason = %s"
                    " WHERE id = ANY(%s)",
                    [written.processed_at, outcome, reason, ids],
                )
            for table, columns, rows in written.rows:
                if table.overwritten:
                    marks = ", ".join(["%s"] * len(columns))
                    statement = f"{_insert(table, columns)} VALUES ({marks}){_conflict(table, columns)}"
                    cursor.executemany(statement.encode(), rows)
                else:
                    self._copy(cursor, table, columns, rows)

    def _copy(self, cursor: Any, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        with cursor.copy(f"COPY {table.name} ({_listed(columns)}) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types([self._types[table.name, column] for column in columns])
            for row in rows:
                copy.write_row(row)

    def close(self) -> None:
        self._connection.close()


def _insert(table: Table, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table.name} ({_listed(columns)})"


def _conflict(table: Table, columns: Sequence[str]) -> str:
    if not table.overwritten:
        return ""
    news = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in table.key)
    return f" ON CONFLICT ({_listed(table.key)}) DO UPDATE SET {news}"


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _columns(cursor: Any, table: Table) -> list[str]:
    return [column.name for column in connection.introspection.get_table_description(cursor, table.name)]


def _rows(
    cursor: Any, table: Table, columns: Sequence[str], by: str | None = None, moment: Any = None
) -> list[tuple[Any, ...]]:
    # As stored: SQLite's driver would make times of what is text there.
    plain = [
        f"\"{name}\" || ''" if _is_time(name) and connection.vendor == "sqlite" else f'"{name}"' for name in columns
    ]
    where = "" if by is None else f' WHERE "{by}" = %s'
    cursor.execute(
        f"SELECT {', '.join(plain)} FROM {table.name}{where} ORDER BY {_listed(table.key)}",  # noqa: S608
        [] if by is None else [moment],
    )
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _is_time(name: str) -> bool:
    return name.endswith(("_at", "_time", "_timestamp", "last_updated"))


def _stored(now: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(now)

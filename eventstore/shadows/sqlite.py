"""Shadows on SQLite: what a table is made of is the text of the statements that made it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from django.db.backends.utils import CursorWrapper

from eventstore.shadows.naming import CannotShadow, for_now


class SQLiteShadows:
    """There is one writer at a time, so a transaction that writes holds everybody off from its start."""

    def shape(self, cursor: CursorWrapper, tables: Sequence[str]) -> str:
        return "\n".join(repr((each.type, each.name, each.sql)) for table in tables for each in _parts(cursor, table))

    def create(self, cursor: CursorWrapper, table: str, shadow: str) -> None:
        for each in _parts(cursor, table):
            if each.type == "trigger":
                raise CannotShadow(f"{table} has the trigger {each.name}, which would be lost: drop it, then rebuild")
            if each.type == "table":
                cursor.execute(_renamed(each.sql, "TABLE", table, shadow))
        for each in _indexes(cursor, table):
            sql = _renamed(each.sql, "INDEX", each.name, for_now(each.name))
            cursor.execute(re.sub(rf' ON "?{re.escape(table)}"?', f' ON "{shadow}"', sql, count=1))

    def lock(self, cursor: CursorWrapper, tables: Sequence[str], *, wait_ms: int) -> None:
        pass  # The write lock is ours since the transaction began.

    def analyze(self, cursor: CursorWrapper, table: str) -> None:
        pass  # Plans are made from the indexes alone, as they are for the live tables.

    def put_in_place(self, cursor: CursorWrapper, table: str, shadow: str) -> None:
        indexes = _indexes(cursor, table)
        last_id = _last_id(cursor, table)
        cursor.execute("PRAGMA legacy_alter_table")
        (before,) = cursor.fetchone()
        # Else a view over the table, which is gone for a moment, would stop the renaming.
        cursor.execute("PRAGMA legacy_alter_table = ON")
        cursor.execute(f'DROP TABLE "{table}"')
        cursor.execute(f'ALTER TABLE "{shadow}" RENAME TO "{table}"')
        cursor.execute(f"PRAGMA legacy_alter_table = {before}")
        for each in indexes:
            # An index can't be renamed.
            cursor.execute(f'DROP INDEX "{for_now(each.name)}"')
            cursor.execute(each.sql)
        if last_id is not None:
            _go_on_after(cursor, table, last_id)

    def exact(self, column: str) -> str:
        return f"CASE WHEN {column} IS NOT NULL THEN quote({column}) END"


class _Part(NamedTuple):
    type: str
    name: str
    sql: str


def _parts(cursor: CursorWrapper, table: str) -> list[_Part]:
    # What SQLite makes by itself for a key has no statement, and goes with the table.
    cursor.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL ORDER BY type, name", [table]
    )
    return [_Part(*row) for row in cursor.fetchall()]


def _indexes(cursor: CursorWrapper, table: str) -> list[_Part]:
    return [each for each in _parts(cursor, table) if each.type == "index"]


def _renamed(sql: str, kind: str, old: str, new: str) -> str:
    renamed, found = re.subn(rf'^(CREATE (?:UNIQUE )?{kind} )"?{re.escape(old)}"?', rf'\1"{new}"', sql, count=1)
    if not found:
        raise CannotShadow(f"expected a statement that creates {old}, found {sql[:80]!r}: rename it by a migration")
    return renamed


def _last_id(cursor: CursorWrapper, table: str) -> int | None:
    cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
    row = cursor.fetchone()
    return None if row is None else int(row[0])


def _go_on_after(cursor: CursorWrapper, table: str, last_id: int) -> None:
    """Let no id be given twice, though the live table had more of them."""
    found = _last_id(cursor, table)
    if found is None:
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last_id])
    elif found < last_id:
        cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [last_id, table])

"""Damage: rows changed as whoever owns the database can change them, past every guard and constraint that it has."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from trading.invariants.looking import Look
from trading.invariants.violations import Invariant, Violation
from trading.ledger.mode import Mode


def sql(statement: str, *parameters: Any) -> int:
    """Change rows whatever stands against it. Return how many were. All of it ends with the transaction."""
    lift_everything()
    with connection.cursor() as cursor:
        cursor.execute(statement, [str(each) if not isinstance(each, int | datetime) else each for each in parameters])
        return int(cursor.rowcount)


def lift_everything() -> None:
    """Take guards, checks and unique indexes out."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
                " AND connamespace = 'public'::regnamespace"
            )
            for table, name in cursor.fetchall():
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            return
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TRIGGER "{name}"')


def guarded_again() -> None:
    """Let checks be checks again, which no rollback does."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def violations(
    invariants: Iterable[Invariant],
    *,
    mode: Mode,
    now: datetime,
    since: datetime | None = None,
    legacy_projection: bool = True,
) -> list[Violation]:
    return [
        violation
        for each in invariants
        for violation in each.violations(Look(mode=mode, now=now, since=since, legacy_projection=legacy_projection))
    ]


def names(found: Sequence[Violation]) -> set[str]:
    return {violation.invariant for violation in found}

"""Emptying: after a test with real transactions each table that holds a row is emptied, by the one way the log allows.

Django's own flush empties every table and then makes types, permissions, guards and schedules anew. That takes longer
than most tests do, and on PostgreSQL far longer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone

from eventstore.maintenance import maintenance
from trading.ledger.mode import ensure_installation

# They hold what migrating made, and what is changed of it is made anew. The record of maintenance can't be emptied.
KEPT = ("django_migrations", "django_content_type", "auth_permission", "django_q_schedule", "event_maintenance")
MADE_BY_MIGRATING = "SELECT 'type', id, model FROM django_content_type UNION ALL SELECT 'schedule', id, func || name "
MADE_BY_MIGRATING += (
    "|| schedule_type || COALESCE(cron, '') || COALESCE(minutes, 0) FROM django_q_schedule ORDER BY 1, 2"
)


@contextmanager
def emptied_after_each_test() -> Iterator[None]:
    """Have the tables emptied in this way. Begins with a database that was migrated, and holds nothing else."""
    made, flush = _made_by_migrating(), TransactionTestCase._fixture_teardown

    def empty(_: Any) -> None:
        empty_tables()
        if _made_by_migrating() != made:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM django_q_schedule")
            emit_post_migrate_signal(0, False, connection.alias)
            made[:] = _made_by_migrating()

    TransactionTestCase._fixture_teardown = empty
    yield
    TransactionTestCase._fixture_teardown = flush


def empty_tables() -> None:
    """Take every row out that migrating did not make, and give the installation another mark."""
    tables = [table for table in _holding_rows() if table not in KEPT]
    if tables:
        with (
            maintenance(actor="tests", reason="the next test begins with an empty log", at=timezone.now()),
            connection.cursor() as cursor,
        ):
            for table in tables:
                cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608  the table is one of our models'
    ensure_installation()


def begin_anew() -> None:
    """Empty the tables in the middle of a test, and have numbers start at 1 again."""
    empty_tables()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT format('ALTER SEQUENCE %%s RESTART', objid::regclass) FROM pg_depend JOIN pg_sequence"
                " ON objid = seqrelid WHERE deptype IN ('a', 'i') AND refobjid::regclass::text <> ALL (%s)",
                [list(KEPT)],
            )
            cursor.execute("; ".join(statement for (statement,) in cursor.fetchall()))
        else:
            cursor.execute("DELETE FROM sqlite_sequence")


def _holding_rows() -> list[str]:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        # SQLite joins no more than 500 of them, and there are about a hundred.
        asked = " UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM \"{t}\")" for t in tables)  # noqa: S608
        cursor.execute(asked)
        return [name for (name,) in cursor.fetchall()]


def _made_by_migrating() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(MADE_BY_MIGRATING)
        return cursor.fetchall()

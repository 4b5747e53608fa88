"""The event log of a story, and every other row that it left, as text: two that are the same, were the same story."""

from collections.abc import Iterator

from django.db import connection

MADE_BY_MIGRATING = {"django_migrations", "django_q_schedule"}
"""They say when the database was made."""


def rows() -> Iterator[str]:
    """Each row of each table, as a line, the events' first."""
    with connection.cursor() as cursor:
        found = connection.introspection.table_names(cursor)
        tables = sorted(set(found) - MADE_BY_MIGRATING, key=lambda name: (name != "events", name))
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a table's name
            lines = [f"{table} {row}" for row in cursor.fetchall()]
            # Only the log's own sequence is part of it.
            yield from lines if table == "events" else sorted(lines)

"""Sizes: how many rows each table has, by the database's own estimate, and how much room it takes."""

from typing import NamedTuple

from django.db import DatabaseError, connection


class TableSize(NamedTuple):
    """A table and its indexes. What the database can't tell is None."""

    table: str
    rows: int | None
    bytes: int | None


def table_sizes() -> list[TableSize]:
    """Tell the size of every table, the largest first; nothing is counted, so it is quick however long they are."""
    found = _on_postgresql() if connection.vendor == "postgresql" else _on_sqlite()
    return sorted(found, key=lambda one: (-(one.bytes or 0), -(one.rows or 0), one.table))


def database_bytes() -> int:
    """Tell how much room the whole database takes."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        (size,) = cursor.fetchone()
    return int(size)


def _on_postgresql() -> list[TableSize]:
    with connection.cursor() as cursor:
        # A table in partitions is told as one. Before the first ANALYZE only the counters of the server know of rows.
        cursor.execute(
            "SELECT tables.relname,"
            " sum(greatest(part.reltuples::bigint, pg_stat_get_live_tuples(part.oid), 0))::bigint,"
            " sum(pg_total_relation_size(part.oid))::bigint"
            " FROM pg_class AS tables"
            " LEFT JOIN pg_inherits AS parts ON parts.inhparent = tables.oid"
            " JOIN pg_class AS part ON part.oid = coalesce(parts.inhrelid, tables.oid)"
            " WHERE tables.relnamespace = current_schema()::regnamespace"
            " AND tables.relkind IN ('r', 'p') AND NOT tables.relispartition"
            " GROUP BY tables.relname"
        )
        return [TableSize(*row) for row in cursor.fetchall()]


def _on_sqlite() -> list[TableSize]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%%' ESCAPE '\\'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        space = _space_on_sqlite()
        found = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(max(rowid), 0) FROM {connection.ops.quote_name(table)}")  # noqa: S608
            (rows,) = cursor.fetchone()
            found.append(TableSize(table, rows, space.get(table)))
    return found


def _space_on_sqlite() -> dict[str, int]:
    """The pages of each table and of its indexes; a SQLite that was built without such a count tells of none."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                "SELECT parts.tbl_name, sum(pages.pgsize) FROM dbstat AS pages"
                " JOIN sqlite_schema AS parts ON parts.name = pages.name WHERE pages.aggregate = 1"
                " GROUP BY parts.tbl_name"
            )
        except DatabaseError as error:
            if "no such table: dbstat" not in str(error):
                raise
            return {}
        return dict(cursor.fetchall())

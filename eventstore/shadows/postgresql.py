"""Shadows on PostgreSQL: what a table is made of stands in the catalogue, under names that are renamed at the end."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from eventstore.shadows.naming import PREFIX, CannotShadow, for_now


class PostgreSQLShadows:
    """Everything that belongs to a table by its identity, and not by its name, is handed over to the shadow: owner,
    rights, the sequence of its ids, and the database views that read it."""

    def shape(self, cursor: CursorWrapper, tables: Sequence[str]) -> str:
        return "\n".join(repr(row) for table in tables for row in _shape(cursor, table))

    def create(self, cursor: CursorWrapper, table: str, shadow: str) -> None:
        _refuse_what_would_be_lost(cursor, table)
        cursor.execute(f"CREATE TABLE {_q(shadow)} (LIKE {_q(table)} INCLUDING ALL EXCLUDING INDEXES)")
        for each in _indexes(cursor, table):
            if each.constraint is not None:
                cursor.execute(f"ALTER TABLE {_q(shadow)} ADD CONSTRAINT {_q(for_now(each.name))} {each.constraint}")
            else:
                # From `USING` on, the definition names neither the index nor the table.
                _, using, rest = each.definition.partition(" USING ")
                unique = "UNIQUE " if each.unique else ""
                cursor.execute(f"CREATE {unique}INDEX {_q(for_now(each.name))} ON {_q(shadow)}{using}{rest}")

    def lock(self, cursor: CursorWrapper, tables: Sequence[str], *, wait_ms: int) -> None:
        # Whoever holds one of them may want another that we hold, so we are the first to give up.
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{wait_ms}ms"])
        cursor.execute(f"LOCK TABLE {', '.join(map(_q, tables))} IN ACCESS EXCLUSIVE MODE")

    def analyze(self, cursor: CursorWrapper, table: str) -> None:
        cursor.execute(f"ANALYZE {_q(table)}")

    def put_in_place(self, cursor: CursorWrapper, table: str, shadow: str) -> None:
        old = f"{PREFIX}from_{table}"
        indexes, views = _indexes(cursor, table), _views(cursor, table)
        sequences = [(column, _sequence(cursor, table, column)) for column in _identities(cursor, table)]
        _hand_over_rights(cursor, table, shadow)
        for column, sequence in sequences:
            _go_on_after(cursor, sequence, _sequence(cursor, shadow, column))
        cursor.execute(f"ALTER TABLE {_q(table)} RENAME TO {_q(old)}")
        cursor.execute(f"ALTER TABLE {_q(shadow)} RENAME TO {_q(table)}")
        for view, definition in views:
            # Written out when it read the table before, and read again now that another one has its name.
            cursor.execute(f"CREATE OR REPLACE VIEW {view} AS {definition}")
        cursor.execute(f"DROP TABLE {_q(old)}")
        for each in indexes:
            cursor.execute(f"ALTER INDEX {_q(for_now(each.name))} RENAME TO {_q(each.name)}")
        for column, sequence in sequences:
            now = _sequence(cursor, table, column)
            cursor.execute(f"ALTER SEQUENCE {_q(now)} RENAME TO {_q(sequence)}")

    def exact(self, column: str) -> str:
        return f"{column}::text"


def _q(name: str) -> str:
    return connection.ops.quote_name(name)


class _Index(NamedTuple):
    name: str
    unique: bool
    definition: str
    constraint: str | None
    """What the constraint says that the index belongs to."""


def _rows(cursor: CursorWrapper, query: str, table: str) -> list[Any]:
    cursor.execute(query, [_q(table)])
    found: list[Any] = cursor.fetchall()
    return found


def _shape(cursor: CursorWrapper, table: str) -> list[Any]:
    return [
        *_rows(
            cursor,
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,"
            " pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a"
            " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
            " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            table,
        ),
        *_rows(
            cursor,
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'x', 'c') ORDER BY conname",
            table,
        ),
        *_rows(
            cursor,
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass ORDER BY 1",
            table,
        ),
        *(_sequence(cursor, table, column) for column in _identities(cursor, table)),
    ]


def _refuse_what_would_be_lost(cursor: CursorWrapper, table: str) -> None:
    for what, query in (
        ("trigger", "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"),
        ("foreign key", "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'"),
        ("foreign key to it", "SELECT conname FROM pg_constraint WHERE confrelid = %s::regclass"),
    ):
        for (name,) in _rows(cursor, query, table):
            raise CannotShadow(f"{table} has the {what} {name}, which would be lost: drop it, then rebuild")


def _indexes(cursor: CursorWrapper, table: str) -> list[_Index]:
    rows = _rows(
        cursor,
        "SELECT c.relname, i.indisunique, pg_get_indexdef(i.indexrelid), pg_get_constraintdef(o.oid)"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " LEFT JOIN pg_constraint o ON o.conindid = i.indexrelid AND o.conrelid = i.indrelid"
        " WHERE i.indrelid = %s::regclass ORDER BY c.relname",
        table,
    )
    return [_Index(*row) for row in rows]


def _identities(cursor: CursorWrapper, table: str) -> list[str]:
    rows = _rows(
        cursor,
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> '' AND NOT attisdropped"
        " ORDER BY attnum",
        table,
    )
    return [name for (name,) in rows]


def _sequence(cursor: CursorWrapper, table: str, column: str) -> str:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE oid = pg_get_serial_sequence(%s, %s)::regclass", [_q(table), column]
    )
    (name,) = cursor.fetchone()
    return str(name)


def _go_on_after(cursor: CursorWrapper, live: str, shadow: str) -> None:
    """Let no id be given twice, though the live table had more of them."""
    cursor.execute(
        f"SELECT setval(%s::regclass, greatest(l.last_value, s.last_value), l.is_called OR s.is_called)"  # noqa: S608
        f" FROM {_q(live)} AS l, {_q(shadow)} AS s",
        [_q(shadow)],
    )


def _views(cursor: CursorWrapper, table: str) -> list[tuple[str, str]]:
    """Name the database views that read a table, and write out what they say."""
    return _rows(
        cursor,
        "SELECT DISTINCT r.ev_class::regclass::text, pg_get_viewdef(r.ev_class) FROM pg_depend d"
        " JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'v'"
        " WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass"
        " AND d.refobjid = %s::regclass",
        table,
    )


def _hand_over_rights(cursor: CursorWrapper, table: str, shadow: str) -> None:
    rows = _rows(
        cursor,
        "SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,"
        " a.is_grantable FROM pg_class c, aclexplode(c.relacl) AS a"
        " WHERE c.oid = %s::regclass AND a.grantee <> c.relowner",
        table,
    )
    for right, whom, grantable in rows:
        cursor.execute(f"GRANT {right} ON {_q(shadow)} TO {whom}{' WITH GRANT OPTION' if grantable else ''}")
    owners = [
        _rows(cursor, "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = %s::regclass", name)
        for name in (table, shadow)
    ]
    if owners[0] != owners[1]:
        cursor.execute(f"ALTER TABLE {_q(shadow)} OWNER TO {owners[0][0][0]}")

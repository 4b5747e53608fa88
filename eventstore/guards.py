"""Guards: what the database itself refuses.

An event is never changed and never taken out, whoever asks: the ORM, the admin or SQL by hand. Nor are the seals over
events, and the index of archives, by which those are found that left the table. The one way round is
`eventstore.maintenance`, which leaves a row that says who and why. Whoever owns the tables can drop the guards; that is
seen by `manage.py check`, and what was done meanwhile by `verify_log` against an exported seal.

They are installed after each migrate, since SQLite drops a table's triggers whenever a migration makes it anew; with
them the functions through which PostgreSQL appends.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from eventstore.functions import APPENDING

REFUSED = (
    "events, their seals and their archives are never changed or taken out: open eventstore.maintenance, which leaves "
    "a record"
)
LOGGED = "what was done to the log stays on record"

OPEN = "EXISTS (SELECT 1 FROM event_maintenance WHERE closed_at IS NULL)"

KEPT = ("events", "event_seals", "event_archives", "event_archive_streams")
"""Tables whose rows stay as they were inserted."""


class Guards(NamedTuple):
    """What tables are guarded by: triggers by name, and the functions that those of PostgreSQL call."""

    sqlite: Mapping[str, str]
    postgresql: Mapping[str, str]
    functions: Mapping[str, str]


def kept(tables: Sequence[str], *, refused: str, function: str) -> Guards:
    """Guard tables whose rows stay as they were inserted. Every `function` has a name of its own."""
    return Guards(
        # In SQLite INSERT OR REPLACE deletes what it replaces, and fires a trigger only with recursive_triggers on.
        sqlite={
            f"{table}_refuse_{change}": (
                f"BEFORE {change.upper()} ON {table} WHEN NOT {OPEN} BEGIN SELECT RAISE(ABORT, '{refused}'); END"
            )
            for table in tables
            for change in ("update", "delete")
        },
        postgresql={
            f"{table}_refuse_{name}": f"BEFORE {change} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()"
            for table in tables
            for name, change, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT"))
        },
        functions={
            function: f"""
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT {OPEN} THEN
        RAISE EXCEPTION '{refused}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'UPDATE' THEN NEW ELSE OLD END;
END $$"""
        },
    )


_LOG = kept(KEPT, refused=REFUSED, function="refuse_change")

SQLITE = {
    **_LOG.sqlite,
    "event_maintenance_refuse_delete": (
        f"BEFORE DELETE ON event_maintenance BEGIN SELECT RAISE(ABORT, '{LOGGED}'); END"
    ),
    "event_maintenance_refuse_update": (
        "BEFORE UPDATE ON event_maintenance WHEN OLD.closed_at IS NOT NULL OR NEW.closed_at IS NULL"
        " OR NEW.id <> OLD.id OR NEW.actor <> OLD.actor OR NEW.reason <> OLD.reason OR NEW.opened_at <> OLD.opened_at"
        f" BEGIN SELECT RAISE(ABORT, '{LOGGED}'); END"
    ),
}

POSTGRESQL = {
    **_LOG.postgresql,
    "event_maintenance_refuse_change": (
        "BEFORE UPDATE OR DELETE ON event_maintenance FOR EACH ROW EXECUTE FUNCTION refuse_forgetting()"
    ),
    "event_maintenance_refuse_truncate": (
        "BEFORE TRUNCATE ON event_maintenance FOR EACH STATEMENT EXECUTE FUNCTION refuse_forgetting()"
    ),
}

FUNCTIONS = {
    **_LOG.functions,
    "refuse_forgetting": f"""
CREATE OR REPLACE FUNCTION refuse_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL
            AND (NEW.id, NEW.actor, NEW.reason, NEW.opened_at) = (OLD.id, OLD.actor, OLD.reason, OLD.opened_at)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '{LOGGED}' USING ERRCODE = 'integrity_constraint_violation';
END $$""",
    **APPENDING,
}


EVENTS = Guards(SQLITE, POSTGRESQL, FUNCTIONS)


def install(connection: BaseDatabaseWrapper, guards: Guards = EVENTS) -> None:
    """Make the database refuse what it must, whatever of it is there already, in those tables that are."""
    with connection.cursor() as cursor:
        for text in _functions(connection, guards).values():
            cursor.execute(text)
        present, tables = installed(connection, guards), set(connection.introspection.table_names(cursor))
        for name, text in triggers(connection, guards).items():
            if name not in present and _table(text) in tables:
                cursor.execute(f"CREATE TRIGGER {name} {text}")


def remove(connection: BaseDatabaseWrapper, guards: Guards = EVENTS) -> None:
    """Take everything out again, for a migration backwards."""
    with connection.cursor() as cursor:
        for name, text in triggers(connection, guards).items():
            table = f" ON {_table(text)}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{table}")
        for name in _functions(connection, guards):
            cursor.execute(f"DROP FUNCTION IF EXISTS {name}")


def installed(connection: BaseDatabaseWrapper, guards: Guards = EVENTS) -> set[str]:
    """Return the names of those guards that are there and at work."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()} & set(triggers(connection, guards))


def triggers(connection: BaseDatabaseWrapper, guards: Guards = EVENTS) -> Mapping[str, str]:
    """The triggers that must be there, by name."""
    return guards.postgresql if connection.vendor == "postgresql" else guards.sqlite


def _functions(connection: BaseDatabaseWrapper, guards: Guards) -> Mapping[str, str]:
    return guards.functions if connection.vendor == "postgresql" else {}


def _table(trigger: str) -> str:
    return trigger.split(" ON ")[1].split()[0]

"""Guards: what the database itself refuses, and the function through which PostgreSQL appends.

An event is never changed and never taken out, whoever asks: the ORM, the admin or SQL by hand. The one way round is
`eventstore.maintenance`, which leaves a row that says who and why. Whoever owns the tables can drop the guards; that is
seen by `manage.py check`, and what was done meanwhile by `verify_log` against an exported seal.

They are installed after each migrate, since SQLite drops a table's triggers whenever a migration makes it anew.
"""

from collections.abc import Mapping
from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

REFUSED = "events are never changed or taken out: open eventstore.maintenance, which leaves a record"
LOGGED = "what was done to the log stays on record"

OPEN = "EXISTS (SELECT 1 FROM event_maintenance WHERE closed_at IS NULL)"

# In SQLite an INSERT OR REPLACE deletes what it replaces, which fires a trigger only with recursive_triggers on.
SQLITE = {
    "events_refuse_update": f"BEFORE UPDATE ON events WHEN NOT {OPEN} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    "events_refuse_delete": f"BEFORE DELETE ON events WHEN NOT {OPEN} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
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
    "events_refuse_change": "BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "events_refuse_truncate": "BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "event_maintenance_refuse_change": (
        "BEFORE UPDATE OR DELETE ON event_maintenance FOR EACH ROW EXECUTE FUNCTION refuse_forgetting()"
    ),
    "event_maintenance_refuse_truncate": (
        "BEFORE TRUNCATE ON event_maintenance FOR EACH STATEMENT EXECUTE FUNCTION refuse_forgetting()"
    ),
}

FUNCTIONS = {
    "refuse_change": f"""
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT {OPEN} THEN
        RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'UPDATE' THEN NEW ELSE OLD END;
END $$""",
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
    # The number from which a transaction's own numbers begin is named by a shared lock before the first is drawn, so
    # that a reader knows up to where all are told: see settled_number. One lock a transaction is enough, and many
    # would fill the server's lock table; the setting that remembers it ends with the transaction, or the savepoint, as
    # the lock does. The texts that are hashed are those of eventstore.hashing.
    "append_events": """
CREATE OR REPLACE FUNCTION append_events(
    stream_types text[], stream_ids text[], expected bigint[],
    streams integer[], versions bigint[], types text[], schemas integer[], datas text[], metadatas text[],
    recorded text
) RETURNS TABLE (place integer, at_number bigint, event_hash text) LANGUAGE plpgsql AS $$
DECLARE
    hashes text[];
    numbers bigint[];
    chained text[];
    stream integer;
    stands record;
    body text;
    prior text;
    drawn bigint;
    kind text;
    name text;
BEGIN
    FOR stream IN 1 .. array_length(stream_ids, 1) LOOP
        SELECT version, hash INTO stands FROM events
            WHERE aggregate_type = stream_types[stream] AND aggregate_id = stream_ids[stream]
            ORDER BY version DESC LIMIT 1;
        IF coalesce(stands.version, 0) <> expected[stream] THEN
            RETURN QUERY SELECT -stream, coalesce(stands.version, 0), NULL::text;
            RETURN;
        END IF;
        hashes[stream] := coalesce(stands.hash, '');
    END LOOP;
    IF coalesce(current_setting('eventstore.appending', true), '') = '' THEN
        PERFORM pg_advisory_xact_lock_shared(LOCKS + CASE WHEN is_called THEN last_value ELSE last_value - 1 END)
            FROM events_number_seq;
        PERFORM set_config('eventstore.appending', 'yes', true);
    END IF;
    FOR place IN 1 .. array_length(versions, 1) LOOP
        stream := streams[place];
        kind := stream_types[stream];
        name := stream_ids[stream];
        prior := hashes[stream];
        drawn := nextval('events_number_seq');
        body := octet_length(prior) || ':' || prior
            || octet_length(drawn::text) || ':' || drawn
            || octet_length(kind) || ':' || kind
            || octet_length(name) || ':' || name
            || octet_length(versions[place]::text) || ':' || versions[place]
            || octet_length(types[place]) || ':' || types[place]
            || octet_length(schemas[place]::text) || ':' || schemas[place]
            || octet_length(datas[place]) || ':' || datas[place]
            || octet_length(metadatas[place]) || ':' || metadatas[place]
            || octet_length(recorded) || ':' || recorded;
        prior := encode(sha256(convert_to(body, 'UTF8')), 'hex');
        hashes[stream] := prior;
        numbers[place] := drawn;
        chained[place] := prior;
    END LOOP;
    INSERT INTO events (number, aggregate_type, aggregate_id, version, type, schema, data, metadata, recorded_at, hash)
        SELECT e.number, stream_types[e.stream], stream_ids[e.stream], e.version, e.type, e.schema, e.data, e.metadata,
            recorded::timestamptz, e.hash
        FROM unnest(numbers, streams, versions, types, schemas, datas, metadatas, chained)
            AS e (number, stream, version, type, schema, data, metadata, hash);
    RETURN QUERY SELECT e.place::integer, e.number, e.hash
        FROM unnest(numbers, chained) WITH ORDINALITY AS e (number, hash, place);
END $$""",
    # Read in this order: a number that is drawn after the first line is above what that line says; one drawn before
    # belongs to a transaction whose lock the second line sees, or which is over, or which is the reader's own and so
    # seen by it. Transactions that append nothing, here or in another database, hold nobody up. Under a snapshot that
    # is older than this answer, what it promises would not be seen.
    "settled_number": """
CREATE OR REPLACE FUNCTION settled_number() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    drawn bigint;
    held bigint;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the log is followed in READ COMMITTED: an older snapshot does not show what is settled by now';
    END IF;
    SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END INTO drawn FROM events_number_seq;
    SELECT min(((classid::bigint << 32) | objid::bigint) - LOCKS) INTO held FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND pid <> pg_backend_pid()
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND ((classid::bigint << 32) | objid::bigint) BETWEEN LOCKS AND LOCKS + (1::bigint << 48) - 1;
    RETURN least(drawn, held);
END $$""",
}

# Advisory locks are named by 64 bits: the upper 16 are ours ("ht"), the lower 48 a number of the log.
LOCKS = 0x6874 << 48


class Guards(NamedTuple):
    """What tables are guarded by: triggers by name, and the functions that those of PostgreSQL call."""

    sqlite: Mapping[str, str]
    postgresql: Mapping[str, str]
    functions: Mapping[str, str]


EVENTS = Guards(SQLITE, POSTGRESQL, FUNCTIONS)


def install(connection: BaseDatabaseWrapper, guards: Guards = EVENTS) -> None:
    """Make the database refuse what it must, whatever of it is there already, in those tables that are."""
    with connection.cursor() as cursor:
        for text in _functions(connection, guards).values():
            cursor.execute(text.replace("LOCKS", f"{LOCKS}::bigint"))
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

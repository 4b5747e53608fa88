"""Partitions: the table of events divided by stream, on PostgreSQL, which is chosen before the first event.

A stream lies in one partition whole, so appending and loading look into one. It is done to the finished table: its
key, indexes, checks and triggers are read from the catalogue and made again, whatever they are by then.
"""

from collections.abc import Sequence

from django.db import connection, transaction

PARTITION = "events_partition_"
"""How the name of a partition begins; its number follows."""


class CannotPartition(Exception):
    """The table stays as it is. Take EVENT_PARTITIONS away, or begin with an empty table on PostgreSQL."""


def ensure_partitions(count: int) -> None:
    """Divide the table of events into so many partitions, unless it is. Raises CannotPartition."""
    if connection.vendor != "postgresql":
        raise CannotPartition(
            f"events are divided into {count} partitions on PostgreSQL only: set EVENT_PARTITIONS=none"
        )
    if "events" in connection.introspection.table_names() and count_partitions() != count:
        partition_events(count)


def count_partitions() -> int:
    """Return into how many partitions the table of events is divided; 0 where it is not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass")
        (count,) = cursor.fetchone()
    return int(count)


def partition_events(count: int) -> None:
    """Divide an empty table of events into so many partitions by the hash of the stream. Raises CannotPartition."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SELECT EXISTS (SELECT 1 FROM events)")
        if cursor.fetchone() == (True,):
            raise CannotPartition(
                f"expected an empty table of events to divide into {count} partitions, found events in "
                f"{count_partitions() or 'no'} partitions: this is chosen before the first event. "
                "Set EVENT_PARTITIONS=none, or to what is there"
            )
        constraints = _definitions(
            "SELECT format('ALTER TABLE events ADD CONSTRAINT %%I %%s', conname, pg_get_constraintdef(oid))"
            " FROM pg_constraint WHERE conrelid = 'events'::regclass AND contype IN ('p', 'u', 'c') ORDER BY conname"
        )
        indexes = _definitions(
            "SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index"
            " WHERE indrelid = 'events'::regclass"
            " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"
        )
        triggers = _definitions(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE tgrelid = 'events'::regclass AND NOT tgisinternal ORDER BY tgname"
        )
        cursor.execute(
            "CREATE TABLE events_divided (LIKE events INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMMENTS)"
            " PARTITION BY HASH (aggregate_type, aggregate_id)"
        )
        cursor.execute("ALTER SEQUENCE events_number_seq OWNED BY events_divided.number")
        cursor.execute("DROP TABLE events")
        cursor.execute("ALTER TABLE events_divided RENAME TO events")
        for remainder in range(count):
            cursor.execute(
                f"CREATE TABLE {PARTITION}{remainder} PARTITION OF events"
                f" FOR VALUES WITH (MODULUS {count}, REMAINDER {remainder})"
            )
        for statement in [*constraints, *indexes, *triggers, *_on_each_partition(triggers, count)]:
            cursor.execute(statement)


def _definitions(query: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, [])
        return [definition.replace("%", "%%") for (definition,) in cursor.fetchall()]


def _on_each_partition(triggers: Sequence[str], count: int) -> list[str]:
    """Triggers of whole statements, such as TRUNCATE: those of the table do not guard its partitions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('%%I', current_schema())", [])
        (schema,) = cursor.fetchone()
    return [
        trigger.replace(f" ON {schema}.events ", f" ON {schema}.{PARTITION}{remainder} ")
        for trigger in triggers
        if " FOR EACH STATEMENT " in trigger
        for remainder in range(count)
    ]

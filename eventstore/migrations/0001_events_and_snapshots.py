"""The log and its snapshots.

The table of events is written by hand, since the databases differ: on PostgreSQL its primary key is the stream and the
version, so that the table can be partitioned by stream one day, and the number comes from a sequence and is indexed,
not unique; on SQLite the number is the AUTOINCREMENT primary key, so that a number is never given twice.
"""

from django.db import migrations, models

POSTGRESQL = """
CREATE SEQUENCE events_number_seq AS bigint;
CREATE TABLE events (
    number bigint NOT NULL DEFAULT nextval('events_number_seq'),
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    schema integer NOT NULL,
    data text NOT NULL,
    metadata text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    hash text NOT NULL,
    CONSTRAINT events_stream_version PRIMARY KEY (aggregate_type, aggregate_id, version),
    CONSTRAINT events_version_from_1 CHECK (version >= 1),
    CONSTRAINT events_schema_from_1 CHECK (schema >= 1)
);
ALTER SEQUENCE events_number_seq OWNED BY events.number;
CREATE INDEX events_number ON events (number);
"""

SQLITE = """
CREATE TABLE events (
    number integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    schema integer NOT NULL,
    data text NOT NULL,
    metadata text NOT NULL,
    recorded_at datetime NOT NULL,
    hash text NOT NULL,
    CONSTRAINT events_stream_version UNIQUE (aggregate_type, aggregate_id, version),
    CONSTRAINT events_version_from_1 CHECK (version >= 1),
    CONSTRAINT events_schema_from_1 CHECK (schema >= 1)
);
"""

STATEMENTS = {"postgresql": POSTGRESQL, "sqlite": SQLITE}


def create_events(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    if vendor not in STATEMENTS:
        raise NotImplementedError(f"events are kept on PostgreSQL or SQLite, not on {vendor}: mend DATABASE_URL")
    for statement in STATEMENTS[vendor].strip().rstrip(";").split(";"):
        schema_editor.execute(statement, params=None)


def drop_events(apps, schema_editor):
    schema_editor.execute("DROP TABLE events", params=None)


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create_events, drop_events)],
            state_operations=[
                migrations.CreateModel(
                    name="StoredEvent",
                    fields=[
                        ("number", models.BigAutoField(primary_key=True, serialize=False)),
                        ("aggregate_type", models.TextField()),
                        ("aggregate_id", models.TextField()),
                        ("version", models.BigIntegerField()),
                        ("type", models.TextField()),
                        ("schema", models.IntegerField()),
                        ("data", models.TextField()),
                        ("metadata", models.TextField()),
                        ("recorded_at", models.DateTimeField()),
                        ("hash", models.TextField()),
                    ],
                    options={"verbose_name": "event", "db_table": "events"},
                ),
                migrations.AddConstraint(
                    model_name="storedevent",
                    constraint=models.UniqueConstraint(
                        fields=("aggregate_type", "aggregate_id", "version"), name="events_stream_version"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="storedevent",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)), name="events_version_from_1"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="storedevent",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("schema__gte", 1)), name="events_schema_from_1"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StoredSnapshot",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "aggregate_type", "aggregate_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("aggregate_type", models.TextField()),
                ("aggregate_id", models.TextField()),
                ("version", models.BigIntegerField()),
                ("schema", models.IntegerField()),
                ("data", models.TextField()),
                ("recorded_at", models.DateTimeField()),
            ],
            options={"verbose_name": "snapshot", "db_table": "snapshots"},
        ),
    ]

"""Seals over the log, and the index of its archives."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("eventstore", "0003_projections"),
    ]

    operations = [
        migrations.CreateModel(
            name="ArchivedStream",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "aggregate_type",
                        "aggregate_id",
                        "archive",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("aggregate_type", models.TextField()),
                ("aggregate_id", models.TextField()),
                ("archive", models.BigIntegerField()),
                ("first_version", models.BigIntegerField()),
                ("last_version", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "archived stream",
                "db_table": "event_archive_streams",
            },
        ),
        migrations.CreateModel(
            name="EventArchive",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("after_number", models.BigIntegerField()),
                ("up_to_number", models.BigIntegerField()),
                ("first_seal", models.BigIntegerField()),
                ("last_seal", models.BigIntegerField()),
                ("events", models.BigIntegerField()),
                ("file", models.TextField()),
                ("sha256", models.TextField()),
                ("archived_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "archive",
                "db_table": "event_archives",
                "indexes": [models.Index(fields=["up_to_number"], name="event_archives_up_to")],
            },
        ),
        migrations.CreateModel(
            name="StoredSeal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("after_number", models.BigIntegerField()),
                ("up_to_number", models.BigIntegerField()),
                ("events", models.IntegerField()),
                ("numbers", models.TextField()),
                ("marks", models.TextField()),
                ("root", models.TextField()),
                ("previous", models.TextField()),
                ("sealed_at", models.TextField()),
                ("hash", models.TextField()),
            ],
            options={
                "verbose_name": "seal",
                "db_table": "event_seals",
                "indexes": [models.Index(fields=["up_to_number"], name="event_seals_up_to")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="event_seals_number_from_1"),
                    models.CheckConstraint(condition=models.Q(("events__gte", 1)), name="event_seals_events_from_1"),
                    models.CheckConstraint(
                        condition=models.Q(("up_to_number__gt", models.F("after_number"))), name="event_seals_range"
                    ),
                ],
            },
        ),
    ]

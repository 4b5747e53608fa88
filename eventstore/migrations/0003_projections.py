from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0002_append_only")]

    operations = [
        migrations.CreateModel(
            name="Projection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("version", models.IntegerField()),
                (
                    "checkpoint",
                    models.BigIntegerField(default=0, help_text="the number up to which the log is projected"),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("booting", "Booting"),
                            ("active", "Active"),
                            ("failed", "Failed"),
                            ("paused", "Paused"),
                        ],
                        default="booting",
                        max_length=10,
                    ),
                ),
                ("attempts", models.IntegerField(default=0, help_text="failures in a row")),
                ("next_retry_at", models.DateTimeField(null=True)),
                ("last_error", models.TextField(null=True)),
                ("failed_number", models.BigIntegerField(help_text="the event that it failed at", null=True)),
                ("events_done", models.BigIntegerField(default=0)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "db_table": "projections",
                "constraints": [models.UniqueConstraint(fields=("name", "version"), name="projections_name_version")],
            },
        ),
        migrations.CreateModel(
            name="Rebuild",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("shape", models.TextField(help_text="what the live tables were like when it began")),
                (
                    "checkpoint",
                    models.BigIntegerField(default=0, help_text="the number up to which the log is projected"),
                ),
                ("events_done", models.BigIntegerField(default=0)),
                ("started_at", models.DateTimeField()),
            ],
            options={"db_table": "rebuilds"},
        ),
    ]

"""What the database itself holds: nothing is changed or taken out, and appending takes one round trip."""

from django.db import migrations, models

from eventstore.guards import install, remove


def install_guards(apps, schema_editor):
    install(schema_editor.connection)


def remove_guards(apps, schema_editor):
    remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0001_events_and_snapshots")]

    operations = [
        migrations.CreateModel(
            name="Maintenance",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.TextField()),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "maintenance of the log",
                "verbose_name_plural": "maintenance of the log",
                "db_table": "event_maintenance",
            },
        ),
        migrations.RunPython(install_guards, remove_guards),
    ]

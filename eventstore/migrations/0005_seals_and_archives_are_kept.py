"""Seals, and the index of archives, are kept as events are."""

from django.db import migrations

from eventstore.guards import install


def install_guards(apps, schema_editor):
    install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0004_seals")]

    # Backwards they go with their tables.
    operations = [migrations.RunPython(install_guards, migrations.RunPython.noop)]

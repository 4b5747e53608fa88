"""Rows of order work were kept for ever; from now on they go when an order is looked at for the last time."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

OVER = timedelta(days=1)


def forget(apps, schema_editor):
    rows = apps.get_model("trading", "OrderWork").objects.using(schema_editor.connection.alias)
    # A row that an open order still wants is made anew when it is looked at.
    rows.filter(not_before__lt=timezone.now() - OVER).delete()


class Migration(migrations.Migration):
    dependencies = [("trading", "0019_what_stories_ask")]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]

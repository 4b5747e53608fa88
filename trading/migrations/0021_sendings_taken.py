"""An order that the broker took under no name that is its own was taken all the same, and is never held to be absent."""

from django.db import migrations, models


def take_named(apps, schema_editor):
    rows = apps.get_model("trading", "Sending").objects.using(schema_editor.connection.alias)
    rows.exclude(named_id=None).update(is_taken=True)


class Migration(migrations.Migration):
    dependencies = [("trading", "0020_work_that_is_done")]

    operations = [
        migrations.AddField(
            model_name="sending",
            name="is_taken",
            field=models.BooleanField(
                default=False,
                db_default=False,
                help_text="the broker said that it took an order, this or another",
            ),
        ),
        migrations.RunPython(take_named, migrations.RunPython.noop),
    ]

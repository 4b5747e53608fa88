"""Upgrades: the schema of a release fits the code of the release before, as docs/operations/upgrades.md says."""

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

# Up to these, no release had been made: nobody runs older code beside them.
BEFORE_THE_FIRST_RELEASE = {"eventstore": 6, "trading": 17, "audit_trail": 10}

# Migrations that old code can live with though the rule does not say so, each with the reason.
LOOKED_AT: dict[tuple[str, str], str] = {
    (
        "audit_trail",
        "0012_records_of_scores",
    ): "a word more is allowed; old code writes the two that it knows, and shows whichever stands there",
    (
        "trading",
        "0020_work_that_is_done",
    ): "rows of work go; old code takes an order without one for due, as it always did",
    (
        "trading",
        "0021_sendings_taken",
    ): "what has a name is marked as taken; old code looks at the name alone",
}

HARMLESS = (
    migrations.CreateModel,
    migrations.AddIndex,
    AddIndexConcurrently,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.AlterModelTableComment,
)


def test_no_migration_breaks_the_release_before():
    broken = {
        (app, name): found
        for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items())
        if app in BEFORE_THE_FIRST_RELEASE and int(name[:4]) > BEFORE_THE_FIRST_RELEASE[app]
        if (found := what_breaks(migration)) and (app, name) not in LOOKED_AT
    }
    assert broken == {}


def test_the_release_that_is_named_is_there():
    newest = dict.fromkeys(BEFORE_THE_FIRST_RELEASE, 0)
    for app, name in MigrationLoader(None).disk_migrations:
        if app in newest:
            newest[app] = max(newest[app], int(name[:4]))
    assert all(newest[app] >= number for app, number in BEFORE_THE_FIRST_RELEASE.items())


def what_breaks(migration):
    """Name each operation with which code of the release before may not work."""
    return [operation.describe() for operation in migration.operations if not is_harmless(operation)]


def is_harmless(operation):
    if isinstance(operation, migrations.AddField):
        field = operation.field
        return field.null or field.db_default is not models.NOT_PROVIDED or isinstance(field, models.ManyToManyField)
    return isinstance(operation, HARMLESS)


@pytest.mark.parametrize(
    "operation",
    [
        migrations.CreateModel("Thing", [("id", models.BigAutoField(primary_key=True))]),
        migrations.AddIndex("thing", models.Index(fields=["id"], name="thing_id")),
        migrations.AddField("thing", "note", models.TextField(null=True)),
        migrations.AddField("thing", "note", models.TextField(db_default="")),
        migrations.AlterModelOptions("thing", {"verbose_name": "thing"}),
    ],
    ids=lambda operation: operation.describe(),
)
def test_old_code_can_live_with(operation):
    assert is_harmless(operation)


@pytest.mark.parametrize(
    "operation",
    [
        # An old process inserts rows without it, and the default of Django is not in the database.
        migrations.AddField("thing", "note", models.TextField(default="")),
        migrations.AddField("thing", "note", models.TextField()),
        migrations.RemoveField("thing", "note"),
        migrations.RenameField("thing", "note", "remark"),
        migrations.AlterField("thing", "note", models.IntegerField()),
        migrations.DeleteModel("Thing"),
        migrations.RenameModel("Thing", "Object"),
        migrations.AlterModelTable("thing", "objects"),
        migrations.AddConstraint("thing", models.UniqueConstraint(fields=["note"], name="one")),
        migrations.RunPython(migrations.RunPython.noop),
        migrations.RunSQL("SELECT 1"),
        migrations.SeparateDatabaseAndState(),
    ],
    ids=lambda operation: operation.describe(),
)
def test_old_code_may_not_live_with(operation):
    assert not is_harmless(operation)

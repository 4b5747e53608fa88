"""Preflight: what must hold before a command begins."""

from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor


def require_migrated() -> None:
    """Stop where the database lacks tables that this version needs."""
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as error:
        raise CommandError(f"the database of DATABASE_URL can't be opened: {error}", returncode=2) from error
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise CommandError(
            f"the database lacks {len(missing)} migrations, the first is {missing[0][0]}: run `manage.py migrate`",
            returncode=2,
        )

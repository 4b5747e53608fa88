"""Migrated: the tests of a mutant find a database that was migrated once, for the first of them.

A plugin of pytest's in the runs that mutmut makes. Migrating anew for each mutant would take longer than its tests do.
"""

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.sqlite3.creation import DatabaseCreation

from tests.mutations.copying import TEMPLATE

_made = DatabaseCreation.create_test_db


def pytest_configure() -> None:
    DatabaseCreation.create_test_db = create_test_db


def create_test_db(self: DatabaseCreation, *args: Any, **options: Any) -> str:
    """Copy what was migrated, or migrate and keep a copy."""
    if not Path(TEMPLATE).exists():
        name = _made(self, *args, **options)
        with self.connection.cursor() as cursor:
            cursor.execute(f"VACUUM INTO '{TEMPLATE}'")
        return name
    name = self._get_test_db_name()
    shutil.copy(TEMPLATE, name)
    self.connection.close()
    settings.DATABASES[self.connection.alias]["NAME"] = name
    self.connection.settings_dict["NAME"] = name
    return name

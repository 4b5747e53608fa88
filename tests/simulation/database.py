"""The database of a run: SQLite in memory, made once, and empty again for each story by a copy of it when it was new.

Transactions are real ones here: what is committed is, and what is checked at a commit is checked.
"""

import os
import sqlite3
from typing import Any


class BlankDatabase:
    """Sets Django up, and empties the database."""

    def __init__(self) -> None:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ.setdefault("SECRET_KEY", "only-for-simulations-" + "x" * 40)
        os.environ.setdefault("LOG_LEVEL", "CRITICAL")
        os.environ["DATABASE_URL"] = "sqlite:///never-made.sqlite3"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        connection.settings_dict["NAME"] = ":memory:"
        call_command("migrate", verbosity=0)
        self._new = sqlite3.connect(":memory:")
        self._raw().backup(self._new)

    def empty(self) -> None:
        self._new.backup(self._raw())

    def _raw(self) -> Any:
        from django.db import connection

        connection.ensure_connection()
        return connection.connection

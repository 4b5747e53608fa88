"""The database of a run: made once, and empty again for each story. Transactions are real ones here: what is committed
is, and what is checked at a commit is checked.
"""

import atexit
import os
import sqlite3
from typing import Any, Protocol


class Emptied(Protocol):
    """A database that can be emptied."""

    def empty(self) -> None:
        """Let it be as it was when it was new."""


def opened(which: str) -> Emptied:
    """Set Django up, and make the database."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("SECRET_KEY", "only-for-simulations-" + "x" * 40)
    os.environ.setdefault("LOG_LEVEL", "CRITICAL")
    return _InMemory() if which == "sqlite" else _Postgres()


class _InMemory:
    """SQLite in memory, empty again by a copy of it when it was new."""

    def __init__(self) -> None:
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


class _Postgres:
    """A database of its own on the PostgreSQL that the tests take, gone with the process."""

    def __init__(self) -> None:
        from tests.postgres_plugin import server_url

        os.environ["DATABASE_URL"] = server_url()
        import django

        django.setup()
        from django.db import connection

        # A name of this process's own: the tests, and other runs, may be at work beside it.
        connection.settings_dict["TEST"]["NAME"] = f"test_hedgetrail_simulation_{os.getpid()}"
        name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
        atexit.register(connection.creation.destroy_test_db, name, 0)

    def empty(self) -> None:
        from tests.support.emptying import begin_anew

        begin_anew()

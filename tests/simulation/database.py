"""The database of a run: made once, and empty again for each story. Transactions are real ones here: what is committed
is, and what is checked at a commit is checked.
"""

import atexit
import hashlib
import os
import sqlite3
import tempfile
from contextlib import closing
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Protocol

import django

from tests.simulation.runs import PROJECT

PACKAGES = ("config", "trading", "audit_trail", "eventstore")
KEPT = PROJECT / ".pytest_cache" / "simulation"


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
        django.setup()
        from django.core.management import call_command
        from django.db import connection

        connection.settings_dict["NAME"] = ":memory:"
        self._new = sqlite3.connect(":memory:")
        kept = KEPT / f"{_sources()}.sqlite3"
        if kept.exists():
            with closing(sqlite3.connect(f"{kept.as_uri()}?mode=ro", uri=True)) as file:
                file.backup(self._new)
        else:
            call_command("migrate", verbosity=0)
            self._raw().backup(self._new)
            _keep(self._new, kept)

    def empty(self) -> None:
        self._new.backup(self._raw())

    def _raw(self) -> Any:
        from django.db import connection

        connection.ensure_connection()
        return connection.connection


def _sources() -> str:
    """A hash of all that migrations may go by, ours and others', so that what was kept is of these and of no others."""
    installed = sorted((each.name, each.version) for each in distributions())
    found = hashlib.sha256(f"{installed} {sqlite3.sqlite_version}".encode())
    for folder in PACKAGES:
        for file in sorted((PROJECT / folder).rglob("*.py")):
            found.update(str(file.relative_to(PROJECT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:32]


def _keep(database: sqlite3.Connection, path: Path) -> None:
    """Keep it for the next process: to migrate takes longer than to play some stories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for older in set(path.parent.glob("*.sqlite3")) - {path}:
        older.unlink(missing_ok=True)
    # Another process may be at it too: whichever is the last, the file is whole.
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder) / path.name
        with closing(sqlite3.connect(written)) as file:
            database.backup(file)
        written.replace(path)


class _Postgres:
    """A database of its own on the PostgreSQL that the tests take, gone with the process."""

    def __init__(self) -> None:
        from tests.postgres_plugin import server_url

        os.environ["DATABASE_URL"] = server_url()
        django.setup()
        from django.db import connection

        # A name of this process's own: the tests, and other runs, may be at work beside it.
        connection.settings_dict["TEST"]["NAME"] = f"test_hedgetrail_simulation_{os.getpid()}"
        name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
        atexit.register(connection.creation.destroy_test_db, name, 0)

    def empty(self) -> None:
        from tests.support.emptying import begin_anew

        begin_anew()

"""Scratch databases: made for a measurement, copied from one another, and gone after it.

A file of SQLite lies in a folder of /var/tmp, which is on a disk even where /tmp is memory. On PostgreSQL they are
databases of a server that lets us create some.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import django
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg.conninfo import make_conninfo

SERVER = "host=127.0.0.1 port=5432 dbname=postgres"
PREFIX = "hedgetrail_benchmark"


class Scratch(Protocol):
    """Where scratch databases are made."""

    vendor: str

    def url(self, name: str) -> str: ...

    def copy(self, template: str, name: str) -> None:
        """Make a database as another one is; Django lets go of it first."""
        ...

    def drop(self, name: str) -> None: ...

    def settle(self) -> None:
        """Let what was written until now reach the disk, so that no measurement pays for it."""
        ...


class SQLiteFiles:
    vendor = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite3"

    def url(self, name: str) -> str:
        return f"sqlite:///{self.path(name)}"

    def copy(self, template: str, name: str) -> None:
        connections.close_all()  # Which brings what lies in the write-ahead log into the file.
        shutil.copyfile(self.path(template), self.path(name))

    def drop(self, name: str) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{self.path(name)}{end}").unlink(missing_ok=True)

    def settle(self) -> None:
        os.sync()


class PostgreSQLDatabases:
    vendor = "postgresql"

    def __init__(self, server: str) -> None:
        self._server = server
        self._prefix = f"{PREFIX}_{os.getpid()}"
        self._names: set[str] = set()

    def url(self, name: str) -> str:
        return make_conninfo(self._server, dbname=f"{self._prefix}_{name}")

    def create(self, name: str) -> None:
        self._ask(f'CREATE DATABASE "{self._prefix}_{name}"')
        self._names.add(name)

    def copy(self, template: str, name: str) -> None:
        connections.close_all()
        self._ask(f'CREATE DATABASE "{self._prefix}_{name}" TEMPLATE "{self._prefix}_{template}"')
        self._names.add(name)

    def drop(self, name: str) -> None:
        self._ask(f'DROP DATABASE IF EXISTS "{self._prefix}_{name}" WITH (FORCE)')
        self._names.discard(name)

    def drop_all(self) -> None:
        for name in sorted(self._names):
            self.drop(name)

    def settle(self) -> None:
        self._ask("CHECKPOINT")

    def _ask(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def scratch(vendor: str, server: str = SERVER) -> Iterator[Scratch]:
    """Open a place for scratch databases, with one called `empty` that has all tables; in the end all are gone.

    A process works with one vendor only, since Django is set up here.
    """
    if vendor == "postgresql":
        databases = PostgreSQLDatabases(server)
        try:
            databases.create("empty")
            _set_up(_django_url(databases.url("empty")))
            yield databases
        finally:
            connections.close_all()
            databases.drop_all()
        return
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir="/var/tmp") as folder:  # a disk, by its standard
        files = SQLiteFiles(Path(folder))
        _set_up(files.url("empty"))
        try:
            yield files
        finally:
            connections.close_all()


def use(scratch: Scratch, name: str) -> None:
    """Let Django work with a scratch database from now on."""
    connections["default"].close()
    database = scratch.path(name) if isinstance(scratch, SQLiteFiles) else _name_of(scratch.url(name))
    connections["default"].settings_dict["NAME"] = str(database)


def _set_up(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    django.setup()
    settings.DEBUG = False  # It would keep every statement.
    call_command("migrate", verbosity=0)
    connections["default"].close()


def _django_url(conninfo: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    found = conninfo_to_dict(conninfo)
    user = f"{found['user']}@" if found.get("user") else ""
    return f"postgresql://{user}{found['host']}:{found['port']}/{found['dbname']}"


def _name_of(conninfo: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    return str(conninfo_to_dict(conninfo)["dbname"])

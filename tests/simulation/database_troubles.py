"""Database troubles: what a database says no with, as its own library says it, at any statement or commit of a turn.

The errors go in where the library would raise them, below Django, which translates them as it would the real ones.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import psycopg
from django.db import connection

from tests.simulation.database_trouble import At, DatabaseTrouble, Kind

_WRITES = ("INSERT", "UPDATE", "DELETE")


def _sqlite(message: str, code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> Callable[[], Exception]:
    def made() -> Exception:
        error = kind(message)
        error.sqlite_errorcode = code
        return error

    return made


_SQLITE: dict[Kind, Callable[[], Exception]] = {
    Kind.BUSY: _sqlite("database is locked", sqlite3.SQLITE_BUSY),
    # A reader whose snapshot is old may not write.
    Kind.SERIALIZATION: _sqlite("database is locked", sqlite3.SQLITE_BUSY_SNAPSHOT),
    Kind.DEADLOCK: _sqlite("database table is locked", sqlite3.SQLITE_LOCKED),
    Kind.LOST: _sqlite("disk I/O error", sqlite3.SQLITE_IOERR),
    Kind.FULL: _sqlite("database or disk is full", sqlite3.SQLITE_FULL),
    Kind.READ_ONLY: _sqlite("attempt to write a readonly database", sqlite3.SQLITE_READONLY),
}
_POSTGRES: dict[Kind, Callable[[], Exception]] = {
    Kind.BUSY: partial(psycopg.errors.LockNotAvailable, "canceling statement due to lock timeout"),
    Kind.SERIALIZATION: partial(
        psycopg.errors.SerializationFailure, "could not serialize access due to concurrent update"
    ),
    Kind.DEADLOCK: partial(psycopg.errors.DeadlockDetected, "deadlock detected"),
    Kind.LOST: partial(psycopg.OperationalError, "server closed the connection unexpectedly"),
    Kind.FULL: partial(psycopg.errors.DiskFull, "could not extend file: No space left on device"),
    Kind.READ_ONLY: partial(psycopg.errors.ReadOnlySqlTransaction, "cannot execute INSERT in a read-only transaction"),
}
# After these SQLite has rolled the whole transaction back by itself.
_TAKES_ALL_BACK = {Kind.LOST, Kind.FULL}


class Troubles:
    """Lets the database fail in the turn that it was drawn for, if that comes to the place."""

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()
        self._armed: DatabaseTrouble | None = None
        self._left = 0
        self._fired = False
        self.failed_last = False
        """Whether the database failed in the turn that ended last."""
        self._commit = connection._commit

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See every commit of a story."""
        with mock.patch.object(connection, "_commit", self._committing):
            yield

    @contextmanager
    def armed(self, trouble: DatabaseTrouble | None) -> Iterator[None]:
        """Watch one turn. A turn within it, of another process, has a connection of its own."""
        before = self._armed, self._left, self._fired
        self._armed, self._left, self._fired = trouble, trouble.nth if trouble is not None else 0, False
        try:
            if trouble is not None and trouble.at is At.STATEMENT:
                with connection.execute_wrapper(self._statement):
                    yield
            else:
                yield
        finally:
            self.failed_last = self._fired
            self._armed, self._left, self._fired = before

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        trouble = self._armed
        if trouble is not None and self._counts(trouble, sql):
            self._left -= 1
            if self._left <= 0:
                self._armed = None
                self._fail(trouble)
        return execute(sql, params, many, context)

    def _counts(self, trouble: DatabaseTrouble, sql: str) -> bool:
        if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "SET ")):
            return False
        return trouble.kind is not Kind.READ_ONLY or sql.startswith(_WRITES)

    def _committing(self) -> Any:
        trouble = self._armed
        if trouble is None or trouble.at is At.STATEMENT:
            return self._commit()
        self._left -= 1
        if self._left > 0:
            return self._commit()
        self._armed = None
        if trouble.at is At.COMMIT_AFTER:
            self._commit()
        return self._fail(trouble)

    def _fail(self, trouble: DatabaseTrouble) -> None:
        self._fired = True
        self.met[f"database: {trouble.kind} at a {trouble.at}"] += 1
        raw: Any = connection.connection
        if connection.vendor == "sqlite":
            if trouble.kind in _TAKES_ALL_BACK:
                raw.rollback()
            error = _SQLITE[trouble.kind]()
        else:
            if trouble.kind is Kind.LOST:
                raw.close()
            error = _POSTGRES[trouble.kind]()
        with connection.wrap_database_errors:
            raise error

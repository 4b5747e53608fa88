"""Tampering: what whoever owns the database can do to the log, past everything that guards it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from eventstore.guards import install, triggers


def unprotect() -> None:
    """Let events be changed, as someone with the database's password could, to the end of the test's transaction."""
    with connection.cursor() as cursor:
        for name, text in triggers(connection).items():
            cursor.execute(
                f"ALTER TABLE {table(text)} DISABLE TRIGGER {name}" if postgresql() else f"DROP TRIGGER {name}"
            )


@contextmanager
def as_the_owner() -> Iterator[None]:
    """Switch the guards of the log off, and on again."""
    unprotect()
    yield
    if postgresql():
        with connection.cursor() as cursor:
            for name, text in triggers(connection).items():
                cursor.execute(f"ALTER TABLE {table(text)} ENABLE TRIGGER {name}")
    install(connection)


def table(trigger: str) -> str:
    return trigger.split(" ON ")[1].split()[0]


def postgresql() -> bool:
    return connection.vendor == "postgresql"

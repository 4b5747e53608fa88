"""What PostgreSQL and SQLite are asked in their own words. Nothing else in this package knows which one it is."""

from django.db import connection

from eventstore.on_postgresql import PostgreSQL, array
from eventstore.on_sqlite import SQLite
from eventstore.questions import Database, Entry, Place, Row, StandsElsewhere

__all__ = ["Database", "Entry", "Place", "Row", "StandsElsewhere", "array", "database"]

_DATABASES: dict[str, Database] = {"postgresql": PostgreSQL(), "sqlite": SQLite()}


def database(vendor: str | None = None) -> Database:
    """Return the words of a database, or of the one that the default connection speaks to."""
    return _DATABASES[vendor or connection.vendor]

"""Tables: what the databases are asked about tables and their shadows, each in its own words."""

from collections.abc import Sequence
from typing import Protocol

from django.db import connection
from django.db.backends.utils import CursorWrapper

from eventstore.shadows.postgresql import PostgreSQLShadows
from eventstore.shadows.sqlite import SQLiteShadows


class Shadows(Protocol):
    """A shadow has the live table's columns, constraints and indexes, from what the database has of it."""

    def shape(self, cursor: CursorWrapper, tables: Sequence[str]) -> str:
        """Describe the live tables, so that a change of any column, constraint or index changes the text."""
        ...

    def create(self, cursor: CursorWrapper, table: str, shadow: str) -> None:
        """Make a shadow. Raises CannotShadow where the table has what a shadow would lack."""
        ...

    def lock(self, cursor: CursorWrapper, tables: Sequence[str], *, wait_ms: int) -> None:
        """Hold everybody off the live tables to the transaction's end. Raises OperationalError if that takes longer."""
        ...

    def analyze(self, cursor: CursorWrapper, table: str) -> None:
        """Let the planner know what is in a table."""
        ...

    def put_in_place(self, cursor: CursorWrapper, table: str, shadow: str) -> None:
        """Let the shadow be the table, under every name that belonged to it, and drop the one before."""
        ...

    def exact(self, column: str) -> str:
        """Write a column so that two values are the same only where they are stored the same."""
        ...


_SHADOWS: dict[str, Shadows] = {"postgresql": PostgreSQLShadows(), "sqlite": SQLiteShadows()}


def shadows() -> Shadows:
    """Return the words of the database that the default connection speaks to."""
    return _SHADOWS[connection.vendor]

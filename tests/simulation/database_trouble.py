"""Database trouble, as it is drawn: what the database says no with, and where."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is the matter with the database."""

    BUSY = "busy"
    SERIALIZATION = "serialization failure"
    DEADLOCK = "deadlock"
    LOST = "connection lost"
    FULL = "disk full"
    READ_ONLY = "read-only"


class At(StrEnum):
    """Where it is met."""

    STATEMENT = "statement"
    COMMIT_BEFORE = "commit, before it took effect"
    COMMIT_AFTER = "commit, after it took effect"


@dataclass(frozen=True, kw_only=True)
class DatabaseTrouble:
    """At the how manieth statement or commit of a turn the database fails, and how."""

    kind: Kind
    at: At
    nth: int

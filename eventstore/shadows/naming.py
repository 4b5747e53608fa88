"""Naming: what a shadow, its indexes and its constraints are called until they take the live names over."""

from hashlib import sha256

PREFIX = "rebuilt_"


class CannotShadow(TypeError):
    """The live table has what a shadow would lack. Nothing was done; the message says what, and what to do."""


def shadow_of(table: str) -> str:
    """Name the shadow of a table."""
    return PREFIX + table


def for_now(name: str) -> str:
    """Name an index or a constraint of a shadow. Names are one space a database, and have a limit to their length."""
    return PREFIX + sha256(name.encode()).hexdigest()[:24]

"""Checks: whether the database still refuses to change calls and payloads."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections

from audit_trail.payloads.guards import GUARDS
from eventstore.guards import installed, triggers


def guards_are_there(databases: Sequence[str] | None, **options: Any) -> list[CheckMessage]:
    """Tell which guards are missing or switched off."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if "api_call_logs" not in connection.introspection.table_names():
            continue  # Not migrated yet; other commands say so.
        found += [
            Error(
                f"the trigger {name}, which keeps calls and payloads from being changed, is missing or disabled",
                hint="Ask who did it. `manage.py migrate` installs it.",
                id="audit_trail.E001",
            )
            for name in sorted(set(triggers(connection, GUARDS)) - installed(connection, GUARDS))
        ]
    return found

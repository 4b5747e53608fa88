"""Checks: whether the database still refuses what it must. `manage.py check --database default` asks."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from eventstore.guards import EVENTS, Guards, installed, triggers
from eventstore.models import Maintenance


def guards_are_there(databases: Sequence[str] | None, **options: Any) -> list[CheckMessage]:
    """Tell which guards of the log are missing or switched off, and whether it was left open."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if "event_maintenance" not in connection.introspection.table_names():
            continue  # Not migrated yet; other commands say so.
        hint = "Ask who did it. `manage.py migrate` installs it; then run `manage.py verify_log`."
        found += missing(connection, EVENTS, "the log", id="eventstore.E001", hint=hint)
        found += [
            Error(
                f"the log stands open for maintenance by {record}, since {record.opened_at.isoformat()}",
                hint="Only SQL by hand leaves it so. Close the row, then run `manage.py verify_log`.",
                id="eventstore.E002",
            )
            for record in Maintenance.objects.using(alias).filter(closed_at=None)
        ]
    return found


def missing(connection: BaseDatabaseWrapper, guards: Guards, what: str, *, id: str, hint: str) -> list[CheckMessage]:
    """Tell which of these guards, which keep `what` from being changed, are missing or switched off."""
    return [
        Error(f"the trigger {name}, which keeps {what} from being changed, is missing or disabled", hint=hint, id=id)
        for name in sorted(set(triggers(connection, guards)) - installed(connection, guards))
    ]

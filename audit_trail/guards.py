"""Guards of the audit trail, collected: what the database itself refuses to change or take out."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from audit_trail.days.models import DroppedCandidate, PlannedDay, PlannedDecision
from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from audit_trail.payloads.guards import GUARDS as PAYLOADS
from eventstore.checks import missing
from eventstore.guards import Guards, install, kept

WHY = kept(
    [
        model._meta.db_table
        for model in (TradeDecisionRecord, TradeDecisionRun, PlannedDay, PlannedDecision, DroppedCandidate)
    ],
    refused=("what was decided on stays as it was: open eventstore.maintenance, which leaves a record"),
    function="refuse_other_reasons",
)
"""Why a decision was made or not: once told, it is not told otherwise."""

GUARDS: dict[str, Guards] = {"calls and payloads": PAYLOADS, "what was decided on": WHY}
HINT = "Ask who did it. `manage.py migrate` installs it."


def install_all(connection: BaseDatabaseWrapper) -> None:
    """Make the database refuse what it must, in those tables that are there."""
    for guards in GUARDS.values():
        install(connection, guards)


def guards_are_there(databases: Sequence[str] | None, **options: Any) -> list[CheckMessage]:
    """Tell which guards are missing or switched off."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if "dropped_candidates" not in connection.introspection.table_names():
            continue  # Not migrated yet; other commands say so.
        for what, guards in GUARDS.items():
            found += missing(connection, guards, what, id="audit_trail.E001", hint=HINT)
    return found

"""Findings: what an operator is shown of a migration: rows that can't be understood, and what was put right."""

from typing import NamedTuple


class BadRow(NamedTuple):
    """A row that can't be taken over as it stands, and why."""

    table: str
    id: str
    column: str
    value: str
    reason: str


class Correction(NamedTuple):
    """A cell that means something else here than it did there."""

    subject: str
    column: str
    before: str
    after: str
    why: str

"""Batches: what a fetch brought, read and ready to be stored, or not readable and why."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from django.db import models

from trading.values.arithmetic import plain
from trading.values.outside import NotJson, json_of


class Unreadable(ValueError):
    """A row is not what the source's contract says. It is parked with this reason."""


class TooManyUnreadable(Exception):
    """So many rows can't be read that the source must have changed. Nothing was stored; look at the reasons."""


@dataclass(frozen=True)
class RecordKind:
    """A kind of record: its name, the table of its columns, and which fields of a row change from day to day."""

    name: str
    model: type[models.Model]
    """Its primary key is `record`, the SourceRecord's."""

    passing: frozenset[str] = frozenset()
    """Fields of a row that tell of the day on which it was asked for, as a return since then."""

    def mark_of(self, row: str) -> str:
        """Hash a row without what changes from day to day, so that it is known again."""
        try:
            fields = json_of(row)
        except NotJson:
            fields = None
        if isinstance(fields, dict):
            row = _json({name: value for name, value in fields.items() if name not in self.passing})
        return hashlib.sha256(row.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ReadRow:
    """A row that was understood."""

    key: tuple[str, ...]
    """What makes it the record that it is. Two rows of one batch with the same key are two records."""

    detail: str | None = None
    """What tells records of one key apart, where this row says it."""

    symbol: str | None
    disclosed_on: date
    columns: Mapping[str, Any]
    """By the names of the kind's table. A change in any of them is a new version."""

    row: str

    @property
    def key_hash(self) -> str:
        return hashlib.sha256(_json(self.key).encode()).hexdigest()

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(_json({name: _fixed(value) for name, value in self.columns.items()}).encode()).hexdigest()


@dataclass(frozen=True)
class BadRow:
    """A row that was not understood, and why."""

    row: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """All that a fetch brought of one kind within its window."""

    kind: RecordKind
    read: Sequence[ReadRow] = ()
    bad: Sequence[BadRow] = field(default=())

    MOST_BAD = 10
    MOST_BAD_PERCENT = 10

    def refuse_if_changed(self) -> None:
        """Raise TooManyUnreadable where more rows are bad than a source brings by mistake."""
        count, bad = len(self.read) + len(self.bad), len(self.bad)
        if bad > self.MOST_BAD and bad * 100 > count * self.MOST_BAD_PERCENT:
            reasons = "; ".join(dict.fromkeys(one.reason for one in self.bad[:3]))
            raise TooManyUnreadable(
                f"expected at most {self.MOST_BAD_PERCENT}% of rows that can't be read, was {bad} of {count}: {reasons}"
            )


def _fixed(value: Any) -> Any:
    """The one way of writing a value, so that 1001.0 is 1001."""
    return plain(value) if isinstance(value, Decimal) else value


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()

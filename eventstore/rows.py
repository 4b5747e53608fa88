"""Rows: many of one table in one statement, each value as its field stores it.

Views and tables are written by the thousand when the log is caught up with; a model instance a row costs ten times
the statement itself.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Any

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field

from eventstore.copying import copy_rows

Row = Mapping[str, Any]
Converter = Callable[[Any], Any]

# Fields whose Python values every driver takes as they are.
_PLAIN = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.BooleanField,
)


def insert_rows(
    model: type[models.Model], rows: Sequence[Row], *, unless: models.UniqueConstraint | None = None
) -> None:
    """Insert rows that name their fields by attribute; all rows name the same ones.

    `unless` names the one unique constraint whose violation means that the row is there already, and may be left out.
    (Django's `ignore_conflicts` would, on SQLite, leave out rows that break any constraint at all.)
    """
    if rows:
        _Statement(model, list(rows[0])).insert(rows, unless=unless)


def upsert_rows(model: type[models.Model], rows: Sequence[Row], *, key: str) -> None:
    """Insert rows, or overwrite the named fields of those that have the key already."""
    if rows:
        _Statement(model, list(rows[0])).insert(rows, conflict=key)


def update_rows(model: type[models.Model], rows: Sequence[Row], *, key: str) -> None:
    """Overwrite the named fields of the rows with these keys."""
    if rows:
        _Statement(model, list(rows[0])).update(rows, key)


class _Statement:
    def __init__(self, model: type[models.Model], names: list[str]) -> None:
        self.connection: BaseDatabaseWrapper = connections[router.db_for_write(model)]
        self.model = model
        self.names = names
        self.fields: list[Field[Any, Any]] = [self._field(name) for name in names]
        self.columns = [self.connection.ops.quote_name(str(field.column)) for field in self.fields]
        self.converters = [
            (index, converter)
            for index, field in enumerate(self.fields)
            if (converter := _converter(field, self.connection)) is not None
        ]
        self.table = self.connection.ops.quote_name(model._meta.db_table)

    def insert(
        self, rows: Sequence[Row], conflict: str | None = None, unless: models.UniqueConstraint | None = None
    ) -> None:
        tail = ""
        if conflict is not None:
            tail = f" ON CONFLICT ({self._column(conflict)}) DO UPDATE SET {self._excluded(conflict)}"
        elif unless is not None:
            tail = f" ON CONFLICT {self._target(unless)} DO NOTHING"
        head = f"INSERT INTO {self.table} ({', '.join(self.columns)})"
        if self.connection.vendor != "postgresql":
            marks = ", ".join(["%s"] * len(self.columns))
            self._run_many(f"{head} VALUES ({marks}){tail}", self._lines(rows))
        elif tail:
            self._run(f"{head} SELECT * FROM unnest({self._arrays()}){tail}", rows)  # noqa: S608  # names of ours
        else:
            with self.connection.cursor() as cursor:
                copy_rows(self.connection, cursor, self.table, self.columns, self._lines(rows))

    def update(self, rows: Sequence[Row], key: str) -> None:
        place = self.names.index(key)
        others = [column for index, column in enumerate(self.columns) if index != place]
        if self.connection.vendor == "postgresql":
            assignments = ", ".join(f"{column} = news.{column}" for column in others)
            names, mine = ", ".join(self.columns), self.columns[place]
            self._run(
                f"UPDATE {self.table} SET {assignments} FROM unnest({self._arrays()}) AS news({names})"  # noqa: S608
                f" WHERE {self.table}.{mine} = news.{mine}",
                rows,
            )
        else:
            assignments = ", ".join(f"{column} = %s" for column in others)
            values = [(*v[:place], *v[place + 1 :], v[place]) for v in self._lines(rows)]
            where = f"WHERE {self.columns[place]} = %s"
            self._run_many(f"UPDATE {self.table} SET {assignments} {where}", values)  # noqa: S608  # names of ours

    def _run(self, sql: str, rows: Sequence[Row]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, [list(column) for column in self._by_column(rows)])

    def _run_many(self, sql: str, lines: Sequence[tuple[Any, ...]]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, lines)

    def _lines(self, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        return list(zip(*self._by_column(rows), strict=True))

    def _by_column(self, rows: Sequence[Row]) -> list[Sequence[Any]]:
        pick = itemgetter(*self.names)
        columns: list[Sequence[Any]] = (
            list(zip(*map(pick, rows), strict=True)) if len(self.names) > 1 else [list(map(pick, rows))]
        )
        for index, convert in self.converters:
            columns[index] = [None if value is None else convert(value) for value in columns[index]]
        return columns

    def _arrays(self) -> str:
        return ", ".join(f"%s::{_cast_type(field, self.connection)}[]" for field in self.fields)

    def _excluded(self, key: str) -> str:
        kept = self._column(key)
        return ", ".join(f"{column} = excluded.{column}" for column in self.columns if column != kept)

    def _target(self, constraint: models.UniqueConstraint) -> str:
        columns = ", ".join(self._column(name) for name in constraint.fields)
        if constraint.condition is None:
            return f"({columns})"
        # The condition as the index has it: both databases want to be told it again.
        editor = self.connection.SchemaEditorClass(self.connection)
        return f"({columns}) WHERE {constraint._get_condition_sql(self.model, editor)}"  # type: ignore[attr-defined]

    def _column(self, name: str) -> str:
        return self.connection.ops.quote_name(str(self._field(name).column))

    def _field(self, name: str) -> "Field[Any, Any]":
        for field in self.model._meta.concrete_fields:
            if name in (field.name, field.attname):
                return field
        raise LookupError(f"{self.model.__name__} has no field {name!r}")


def _cast_type(field: "Field[Any, Any]", connection: BaseDatabaseWrapper) -> str:
    db_type = field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
    if db_type is None:
        raise LookupError(f"{field} is stored in no column")
    return db_type


def _converter(field: "Field[Any, Any]", connection: BaseDatabaseWrapper) -> Converter | None:
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    if isinstance(target, _PLAIN):
        return None
    if isinstance(target, models.DateTimeField):
        return None if connection.vendor == "postgresql" else _sqlite_datetime(connection)
    return partial(target.get_db_prep_save, connection=connection)


def _sqlite_datetime(connection: BaseDatabaseWrapper) -> Converter:
    # A batch shares a few times among thousands of rows.
    seen: dict[datetime, Any] = {}
    in_utc = connection.timezone is UTC

    def convert(value: datetime) -> Any:
        stored = seen.get(value)
        if stored is None:
            # What Django writes too; nearly every time of ours is in UTC.
            plainly = in_utc and value.tzinfo is UTC
            stored = str(value.replace(tzinfo=None)) if plainly else connection.ops.adapt_datetimefield_value(value)
            seen[value] = stored
        return stored

    return convert

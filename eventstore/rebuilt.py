"""Rebuilt against live: whether views made again from the log are the views that are there, byte for byte.

Rows are held against each other by their key, each column as it is stored. Where the key is only a counter (a link's
id, which leaves out a number for every append that was rolled back) it is left aside, and rows are the same if
everything else is, as often.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple

from django.db import connection, models, transaction

from eventstore.rebuilding import Building
from eventstore.shadows.naming import shadow_of
from eventstore.shadows.tables import shadows


class Unlike(NamedTuple):
    """What is not the same: in which table and row, in which column (None: the row), and how either has it."""

    table: str
    row: str
    column: str | None
    live: str | None
    rebuilt: str | None


def differences(building: Building) -> Iterator[Unlike]:
    """Yield every difference as of one moment; what is projected for it is taken back at the end.

    On PostgreSQL appends go on meanwhile; on SQLite they wait.
    """
    before = building.row.checkpoint, building.row.events_done
    with _one_moment():
        building.catch_up_in_this_transaction()
        for model in building.views.tables:
            yield from _unlike(model)
        transaction.set_rollback(True)
    building.row.checkpoint, building.row.events_done = before


@contextmanager
def _one_moment() -> Iterator[None]:
    with transaction.atomic(durable=True):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # Events and inline views are of one commit, so what this reads of either is of the same moment.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _unlike(model: type[models.Model]) -> Iterator[Unlike]:
    counted = isinstance(model._meta.pk, models.AutoField)
    names = [str(field.column) for field in model._meta.local_concrete_fields if not (counted and field.primary_key)]
    table = model._meta.db_table
    key = [str(model._meta.pk.column)] if not counted else names
    for where, cells in groupby(_rows(table, names, key, counted=counted), key=lambda row: row[0]):
        sides = {side: values for _, side, values in cells}
        row = ", ".join(f"{name} {value}" for name, value in where) if not counted else "a row"
        live, rebuilt = sides.get("live"), sides.get("rebuilt")
        if live is None or rebuilt is None:
            yield Unlike(table, row, None, _told(live), _told(rebuilt))
            continue
        for name in names:
            if live[name] != rebuilt[name]:
                yield Unlike(table, row, name, live[name], rebuilt[name])


def _told(values: dict[str, str | None] | None) -> str | None:
    return None if values is None else ", ".join(f"{name} {value}" for name, value in values.items())


def _rows(table: str, names: list[str], key: list[str], *, counted: bool) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """Yield the rows that are in one of the tables only, by key."""
    quote = connection.ops.quote_name
    exact = [f"{shadows().exact(quote(name))} AS {quote(name)}" for name in names]
    if counted:
        # Rows that are alike are told apart by how many came before them.
        exact.append(f"row_number() OVER (PARTITION BY {', '.join(map(quote, names))}) AS occurrence")
    selected = ", ".join(exact)
    live = f"SELECT {selected} FROM {quote(table)}"  # noqa: S608  # names of ours
    rebuilt = f"SELECT {selected} FROM {quote(shadow_of(table))}"  # noqa: S608
    query = (
        f"SELECT 'live' AS side, a.* FROM (SELECT * FROM ({live}) AS l EXCEPT SELECT * FROM ({rebuilt}) AS r) AS a"  # noqa: S608
        f" UNION ALL"
        f" SELECT 'rebuilt', b.* FROM (SELECT * FROM ({rebuilt}) AS r EXCEPT SELECT * FROM ({live}) AS l) AS b"
        f" ORDER BY {', '.join(str(2 + names.index(name)) for name in key)}{', occurrence' if counted else ''}, 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(500):
            for side, *cells in rows:
                values = dict(zip(names, cells, strict=False))
                where = tuple((name, values[name]) for name in key)
                yield (*where, ("occurrence", cells[-1])) if counted else where, side, values

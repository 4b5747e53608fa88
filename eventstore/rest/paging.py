"""Paging by cursor: a page begins right after the last row of the one before it, however many rows lie ahead of it.

Nothing is counted and nothing is skipped over, so a page deep in ten million rows costs what the first one does. The
cursor is signed: one that was made up, or for another order of the rows, is refused rather than followed somewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ParseError

Rows = QuerySet[Any]
Order = Sequence[str]
"""Fields that together tell any two rows apart, each with a - before it where it descends."""

CHUNK = 1000


class Page(NamedTuple):
    """Rows in order, and the cursor of the rows after them, or None where these are the last."""

    rows: list[Any]
    next_cursor: str | None


def both_ways(name: str, *fields: str) -> dict[str, Order]:
    """Offer an order under a name, descending first; an index has to hold these fields."""
    return {f"-{name}": [f"-{field}" for field in fields], name: list(fields)}


def page_of(rows: Rows, order: Order, *, limit: int, cursor: str | None) -> Page:
    """Return a page. Raises ParseError where the cursor is none of ours for these rows in this order."""
    after = None if cursor is None else _read(cursor, rows.model, order)
    found = list(_after(rows, order, after)[: limit + 1])
    more = len(found) > limit
    return Page(found[:limit], _written(found[limit - 1], rows.model, order) if more else None)


def all_of(rows: Rows, order: Order) -> Iterator[list[Any]]:
    """Go through all rows, so many at a time; no transaction is held open meanwhile."""
    after: list[Any] | None = None
    while True:
        found = list(_after(rows, order, after)[:CHUNK])
        yield found
        if len(found) < CHUNK:
            return
        after = _position(found[-1], order)


def _after(rows: Rows, order: Order, position: Sequence[Any] | None) -> Rows:
    ordered = rows.order_by(*order)
    if position is None:
        return ordered
    same: dict[str, Any] = {}
    later = Q(pk__in=[])
    for field, value in zip(order, position, strict=True):
        name = field.removeprefix("-")
        later |= Q(**same, **{f"{name}__{'lt' if field.startswith('-') else 'gt'}": value})
        same[name] = value
    # Said apart, so that the index is entered there: of the alternatives alone it would be walked from its beginning.
    first = order[0].removeprefix("-")
    bound = {f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": position[0]}
    return ordered.filter(later, **bound)


def _position(row: Any, order: Order) -> list[Any]:
    return [getattr(row, field.removeprefix("-")) for field in order]


def _written(row: Any, model: type[Model], order: Order) -> str:
    values = [{"at": value.isoformat()} if isinstance(value, datetime) else value for value in _position(row, order)]
    return _signer(model, order).sign_object(values)


def _read(cursor: str, model: type[Model], order: Order) -> list[Any]:
    try:
        values = _signer(model, order).unsign_object(cursor)
    except signing.BadSignature as error:
        raise ParseError(
            "cursor: expected the next_cursor of a page of these rows in this order; begin again without it",
            code="cursor_invalid",
        ) from error
    return [datetime.fromisoformat(value["at"]) if isinstance(value, Mapping) else value for value in values]


def _signer(model: type[Model], order: Order) -> signing.Signer:
    # Without a time, so that the same page is the same answer, and need not be sent again.
    return signing.Signer(salt=f"cursor:{model._meta.db_table}:{','.join(order)}")

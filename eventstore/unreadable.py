"""Unreadable values: what a row holds that its field can't read, kept and shown instead of breaking the page."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from django.db import models
from django.db.models.sql import Query

_Row = TypeVar("_Row", bound=models.Model)
_Read = Callable[[Any, Any, Any], Any]


class Unreadable(NamedTuple):
    """A stored value as the database gave it, and why it is no value of its field."""

    stored: object
    problem: str

    def __str__(self) -> str:
        return f"unreadable: {str(self.stored)[:80]!r}"


class _ForgivingQuery(Query):
    def get_compiler(self, *args: Any, **kwargs: Any) -> Any:
        compiler = super().get_compiler(*args, **kwargs)
        strict = compiler.get_converters
        compiler.get_converters = lambda expressions: {
            place: ([_forgiving(read) for read in readers], expression)
            for place, (readers, expression) in strict(expressions).items()
        }
        return compiler


def forgiving(rows: "models.QuerySet[_Row]") -> "models.QuerySet[_Row]":
    """Read what a field can't read as Unreadable, so that one bad row hides no other. For looking only."""
    copy = rows.all()
    copy.query = rows.query.chain(klass=_ForgivingQuery)
    return copy


def _forgiving(read: _Read) -> _Read:
    def attempt(value: Any, expression: Any, connection: Any) -> Any:
        if isinstance(value, Unreadable):
            return value
        try:
            return read(value, expression, connection)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it is shown
            return Unreadable(value, str(error))

    return attempt

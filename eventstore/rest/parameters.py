"""Parameters of queries: each is known with what it may be, and one that is not known is refused.

A name that is misspelt, said twice or left empty would silently show other rows than were asked for.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django import forms
from django_filters.rest_framework import CharFilter, ChoiceFilter, Filter, FilterSet
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from eventstore.history import NotATime, parsed_time

LARGEST = 2**63 - 1
FEWEST, MOST, USUAL = 1, 1000, 100

_SUFFIXES = ("__gt", "__gte", "__lt", "__lte", "__range", "_min", "_max", "_above", "_below")


class Parameter(NamedTuple):
    """What a parameter may be, as JSON Schema has it, and what it does, in words."""

    schema: Mapping[str, Any]
    text: str
    required: bool = False


LIMIT = Parameter(
    {"type": "integer", "minimum": FEWEST, "maximum": MOST, "default": USUAL}, "how many rows a page has at most"
)
FORMAT = Parameter({"type": "string", "enum": ["json", "csv"]}, "csv: all rows that match, not a page of them")


def refuse_others(request: Request, known: Iterable[str], exact: Iterable[str] = ()) -> None:
    """Raise ParseError where the query has a parameter that is not known, stands twice, or is empty.

    `exact` are names of numbers that are kept to the last digit, which a database may not compare.
    """
    names = {*known}
    for name, values in request.query_params.lists():
        if name not in names:
            stem = next((name.removesuffix(end) for end in _SUFFIXES if name.endswith(end)), name)
            if stem in exact:
                raise ParseError(
                    f"{stem} is an exact number, which no database compares alike: rows are not picked or ordered by "
                    f"it. Expected one of: {_listed(names)}",
                    code="parameter_not_comparable",
                )
            raise ParseError(
                f"unknown parameter {name[:80]!r}: expected one of: {_listed(names)}", code="parameter_unknown"
            )
        if len(values) > 1:
            raise ParseError(f"{name}: expected once, found {len(values)} times", code="parameter_repeated")
        if not values[0].strip():
            raise ParseError(f"{name}: expected a value, was empty; leave it out instead", code="parameter_empty")


def number(request: Request, name: str, *, least: int, most: int = LARGEST) -> int | None:
    """Read a whole number, or None where it is not asked for. Raises ParseError."""
    text = request.query_params.get(name)
    if text is None:
        return None
    # As many digits as the largest has, at most: int() takes its time over more.
    if text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= most:
        return int(text)
    reach = f"from {least}" if most == LARGEST else f"from {least} to {most}"
    raise ParseError(f"{name}: expected a whole number {reach}, was {text[:80]!r}", code="parameter_invalid")


def limit(request: Request) -> int:
    """Read how many rows a page is to have. Raises ParseError."""
    asked = number(request, "limit", least=FEWEST, most=MOST)
    return USUAL if asked is None else asked


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


# Filters: how rows are picked. Each has its schema beside it.


class _MomentField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return parsed_time(text)
        except NotATime as error:
            raise forms.ValidationError(str(error)) from error


class _WholeNumberField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST):
            raise forms.ValidationError(f"expected a whole number from 0, was {text[:80]!r}")
        return int(text)


class TimeFilter(Filter):  # type: ignore[misc]
    """A time with its zone."""

    field_class = _MomentField
    schema: Mapping[str, Any] = {"type": "string", "format": "date-time"}


class NumberFilter(Filter):  # type: ignore[misc]
    """A whole number that is an id or a count."""

    field_class = _WholeNumberField
    schema: Mapping[str, Any] = {"type": "integer", "minimum": 0, "maximum": LARGEST}


class TextFilter(CharFilter):  # type: ignore[misc]
    """A text, as it is stored."""

    schema: Mapping[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, max_length=200, **kwargs)


class WordFilter(ChoiceFilter):  # type: ignore[misc]
    """One of a few words."""

    def __init__(self, words: Iterable[str], **kwargs: Any) -> None:
        self.words = [str(word) for word in words]
        expected = f"expected one of {', '.join(self.words)}, was '%(value)s'"
        super().__init__(
            choices=[(word, word) for word in self.words], error_messages={"invalid_choice": expected}, **kwargs
        )

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "string", "enum": self.words}


def yes_no(**kwargs: Any) -> WordFilter:
    """A filter that is `true` or `false`, and nothing that only looks like it."""
    return WordFilter(("true", "false"), **kwargs)


class RowFilters(FilterSet):  # type: ignore[misc]
    """Filters of rows. Each has a label, which the schema tells."""


def parameters_of(filters: type[FilterSet]) -> dict[str, Parameter]:
    """Tell the parameters that a set of filters takes."""
    declared = filters.base_filters
    return {name: Parameter(each.schema, str(each.label or "")) for name, each in declared.items()}

"""Finding: filters and searches in the admin that go through an index, and never look for their own choices."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

LARGEST = 2**63 - 1

_HEX = re.compile(r"0x[0-9a-f]*")


def choices_filter(parameter: str, choices: Mapping[str, Q], title: str = "") -> type[SimpleListFilter]:
    """Make a filter of fixed choices, so that the table is not searched for them."""

    class ChoicesFilter(SimpleListFilter):
        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(choice, choice.replace("_", " ")) for choice in choices]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            chosen = choices.get(self.value() or "")
            return queryset if chosen is None else queryset.filter(chosen)

    ChoicesFilter.title = title or parameter.replace("_", " ")
    ChoicesFilter.parameter_name = parameter
    return ChoicesFilter


def matching(model: type[models.Model], fields: Iterable[str], text: str) -> Q:
    """Tell which rows have a text, or each of its words, in one of the fields.

    A field has it as it is, or where the field's name starts with ^, at its beginning.
    """
    fields = list(fields)
    each = Q(*(_having(model, fields, word) for word in text.split()))
    return each | _having(model, fields, text.strip())


def _having(model: type[models.Model], fields: list[str], word: str) -> Q:
    found = Q(pk__in=[])
    for name in fields:
        path = name.removeprefix("^")
        field = get_fields_from_path(model, path)[-1]
        if isinstance(field, models.ForeignKey):
            field = field.target_field
        if isinstance(field, models.IntegerField):
            if (number := _number(word)) is not None:
                found |= Q((path, number))
        elif name.startswith("^"):
            found |= _beginning(path, word)
        else:
            found |= Q((f"{path}__in", sorted({word, word.upper()})))
    return found


def _number(word: str) -> int | None:
    if not word.isascii() or not word.isdigit() or len(word) > len(str(LARGEST)):
        return None
    return int(word) if int(word) <= LARGEST else None


def _beginning(path: str, word: str) -> Q:
    lowered = word.lower()
    if _HEX.fullmatch(lowered):
        # A range goes through any index. What follows is hexadecimal, which is all below a g.
        return Q((f"{path}__gte", lowered), (f"{path}__lt", f"{lowered}g"), (f"{path}__startswith", lowered))
    return Q((f"{path}__startswith", word))

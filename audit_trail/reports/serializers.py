"""Serializers: what the JSON of a report looks like, for the API's schema; made from the reports' own classes."""

from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec
from rest_framework import serializers

_FIELDS: dict[type, type[serializers.Field]] = {  # type: ignore[type-arg]
    bool: serializers.BooleanField,
    int: serializers.IntegerField,
    str: serializers.CharField,
    Decimal: serializers.CharField,  # As text, with every digit.
    datetime: serializers.DateTimeField,
    date: serializers.DateField,
    UUID: serializers.UUIDField,
}


@cache
def serializer_of(report: type[msgspec.Struct]) -> type[serializers.Serializer]:  # type: ignore[type-arg]
    """Make the serializer of a class of reports, or of the rows of one."""
    fields = {field.name: _field(field.type) for field in msgspec.structs.fields(report)}
    return type(report.__name__, (serializers.Serializer,), fields)


def _field(kind: Any, **options: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (inner,) = (one for one in arguments if one is not NoneType)
        return _field(inner, **options | {"allow_null": True})
    if origin in (tuple, list):
        inner = arguments[0]
        if _is_struct(inner):
            return serializer_of(inner)(many=True, **options)
        return serializers.ListField(child=_field(inner), **options)
    if origin is dict:
        child = {} if arguments[1] is Any else {"child": _field(arguments[1])}
        return serializers.DictField(**child, **options)
    return serializer_of(kind)(**options) if _is_struct(kind) else _FIELDS[kind](**options)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)

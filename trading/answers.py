"""Answers: rows as the API writes them, with numbers as text to the last digit."""

import json
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from trading.fields import ExactDecimalField
from trading.values.arithmetic import plain

NUMBER = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}


@extend_schema_field(NUMBER)
class ExactNumber(serializers.Field[Decimal, Any, str, Any]):
    """A number as text: as a number of JSON it would lose digits wherever it is read."""

    def to_representation(self, value: Decimal) -> str:
        return plain(value)


class RowSerializer(serializers.ModelSerializer[Any]):
    """A row, read only."""

    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, ExactDecimalField: ExactNumber}

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        if isinstance(model_field, ExactDecimalField):
            told = {"help_text": model_field.help_text} if model_field.help_text else {}
            return ExactNumber, {"read_only": True, "allow_null": model_field.null, **told}
        kind, options = super().build_standard_field(field_name, model_field)
        return kind, {**options, "read_only": True, "allow_null": model_field.null}


@extend_schema_field({})
class TextOfJson(serializers.Field[Any, Any, Any, Any]):
    """What a column holds as JSON, as it is; a text that is none is told as a text."""

    def to_representation(self, value: str) -> Any:
        try:
            return json.loads(value, parse_float=str)
        except (ValueError, RecursionError):
            return value

"""Fields: what stands in a row of a source, read exactly. What is missing is told, and never becomes a zero."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from audit_trail.ingestion.batches import Unreadable
from trading.fields import NotExact, exact
from trading.values.outside import NotJson, json_of
from trading.values.symbols import NotASymbol, Symbol, symbol

Fields = Mapping[str, Any]

# Sources write these where there is nothing.
_NOTHING = frozenset({"", "-", "--", "N/A", "n/a", "None", "null"})

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
# A class of shares after a dash or a slash is one after a dot, as brokers write it.
_CLASS = re.compile(r"([A-Z]+)[-/]([A-Z])", re.ASCII)

_LONGEST_SHOWN = 80


def fields_of(row: str) -> Fields:
    """Read a row: whole numbers are int, others Decimal with each of their digits."""
    try:
        fields = json_of(row)
    except NotJson as error:
        raise Unreadable(f"expected an object in JSON ({error}), was {shown(row)}") from None
    if not isinstance(fields, dict):
        raise Unreadable(f"expected an object, was {shown(fields)}")
    return fields


def text_or_none(fields: Fields, name: str, *, longest: int | None = None) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unreadable(f"expected {name} as text, was {shown(value)}")
    if "\0" in value:
        raise Unreadable(f"expected {name} as text, was {shown(value)}, which no database keeps")
    text = value.strip()
    if longest is not None and len(text) > longest:
        raise Unreadable(f"expected {name} of at most {longest} characters, was one of {len(text)}: {shown(text)}")
    return None if text in _NOTHING else text


def text_of(fields: Fields, name: str, *, longest: int | None = None) -> str:
    text = text_or_none(fields, name, longest=longest)
    if text is None:
        raise Unreadable(f"expected {name} as text, was {shown(fields.get(name))}")
    return text


def day_of(fields: Fields, name: str) -> date:
    """Read a day; of a time, the day that is written."""
    text = text_of(fields, name)
    found = _DAY.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return date.fromisoformat(found[1])
    except ValueError:
        raise Unreadable(f"expected {name} as a date, as 2026-03-02, was {shown(text)}") from None


def number_or_none(fields: Fields, name: str) -> Decimal | None:
    """Read a number, as such or in quotes, with every digit that it has."""
    value = fields.get(name)
    if value is None or (isinstance(value, str) and value.strip() in _NOTHING):
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = value.strip()
    elif isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unreadable(f"expected {name} as a number, was {shown(value)}")
    try:
        return exact(Decimal(value))
    except (NotExact, InvalidOperation) as error:
        raise Unreadable(f"expected {name} as a number ({error}), was {shown(value)}") from None


def number_of(fields: Fields, name: str) -> Decimal:
    number = number_or_none(fields, name)
    if number is None:
        raise Unreadable(f"expected {name} as a number, was {shown(fields.get(name))}")
    return number


def flag_or_none(fields: Fields, name: str) -> bool | None:
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise Unreadable(f"expected {name} as true or false, was {shown(value)}")


def ticker_or_none(fields: Fields, name: str) -> Symbol | None:
    """Read a ticker as a symbol that a broker knows; None where the trade is in nothing that is listed."""
    text = text_or_none(fields, name)
    if text is None:
        return None
    try:
        read = symbol(text)
    except NotASymbol as error:
        raise Unreadable(f"{name}: {error}") from None
    found = _CLASS.fullmatch(read)
    return symbol(f"{found[1]}.{found[2]}") if found else read


def shown(value: object) -> str:
    return repr(value)[:_LONGEST_SHOWN]

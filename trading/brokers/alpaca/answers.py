"""Answers: Alpaca's JSON, read strictly. What is missing or of another kind is told, and never becomes a zero."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.brokers.http import Answer
from trading.values.outside import NotATime, NotJson, in_utc, number
from trading.values.quantities import NotANumber, Shares, Usd
from trading.values.symbols import NotASymbol, Symbol, symbol

Json = Mapping[str, Any]

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_LONGEST_SHOWN = 80


class Unreadable(ValueError):
    """A field is missing or of another kind. Whoever reads it tells in which answer it stood."""


# Whole answers.


def object_of(answer: Answer) -> Json:
    return _an_object(_json_of(answer))


def objects_of(answer: Answer) -> list[Json]:
    rows = _json_of(answer)
    if not isinstance(rows, list):
        raise Unreadable(f"expected a list, was {_shown(rows)}")
    return [_an_object(row) for row in rows]


def _json_of(answer: Answer) -> Any:
    try:
        return answer.json()
    except NotJson as error:
        raise Unreadable(str(error)) from None


def _an_object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise Unreadable(f"expected an object, was {_shown(value)}")
    return value


# Fields.


def inner_of(row: Json, name: str) -> Json:
    value = row.get(name)
    if not isinstance(value, dict):
        raise Unreadable(f"expected {name} as an object, was {_shown(value)}")
    return value


def text_of(row: Json, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"expected {name} as text, was {_shown(value)}")
    return value


def text_or_none(row: Json, name: str) -> str | None:
    return None if row.get(name) is None else text_of(row, name)


def flag_of(row: Json, name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise Unreadable(f"expected {name} as true or false, was {_shown(value)}")
    return value


def flag_or_none(row: Json, name: str) -> bool | None:
    return None if row.get(name) is None else flag_of(row, name)


def shares_of(row: Json, name: str) -> Shares:
    return Shares(_number(row, name, "a number of shares"))


def shares_or_none(row: Json, name: str) -> Shares | None:
    return None if row.get(name) is None else shares_of(row, name)


def usd_of(row: Json, name: str) -> Usd:
    return Usd(_number(row, name, "an amount of dollars"))


def usd_or_none(row: Json, name: str) -> Usd | None:
    return None if row.get(name) is None else usd_of(row, name)


def symbol_of(row: Json, name: str = "symbol") -> Symbol:
    """Read a symbol as it stands: BRK.B is BRK.B, and what we would have to change first is none."""
    text = text_of(row, name)
    try:
        read = symbol(text)
    except NotASymbol as error:
        raise Unreadable(f"{name}: {error}") from None
    if read != text:
        raise Unreadable(f"expected {name} in capitals and without spaces, was {_shown(text)}")
    return read


def time_of(row: Json, name: str) -> datetime:
    """Read a time with its offset, in UTC. Of nanoseconds, whole microseconds are kept."""
    text = text_of(row, name)
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        return in_utc(datetime.fromisoformat(text))
    except NotATime as error:
        raise Unreadable(f"{name}: {error}") from None
    except ValueError:
        raise Unreadable(f"expected {name} as a time with its offset, was {_shown(text)}") from None


def time_or_none(row: Json, name: str) -> datetime | None:
    return None if row.get(name) is None else time_of(row, name)


def _number(row: Json, name: str, expected: str) -> Decimal:
    try:
        return number(row.get(name), expected)
    except NotANumber as error:
        raise Unreadable(f"{name}: {error}") from None


def _shown(value: object) -> str:
    return repr(value)[:_LONGEST_SHOWN]

"""Answers: Schwab's JSON, read strictly. What is missing or of another kind is told, and never becomes a zero."""

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from trading.brokers.http import Answer, refuse_by_status
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, UnusableAnswer
from trading.values.outside import NotATime, NotJson, in_utc, number
from trading.values.quantities import NotANumber

Json = Mapping[str, Any]

_GZIP = b"\x1f\x8b"
_MOST_UNPACKED = 20_000_000
_LONGEST_TOLD = 300


class Unreadable(ValueError):
    """A field is missing or of another kind. Whoever reads it tells in which answer it stood."""


# Whole answers.


def unpacked(answer: Answer) -> Answer:
    """Undo a compression that the headers are silent about, as on some of Schwab's errors."""
    if not answer.body.startswith(_GZIP):
        return answer
    try:
        body = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(answer.body, _MOST_UNPACKED)
    except zlib.error:
        return answer
    return msgspec.structs.replace(answer, body=body)


def json_of(answer: Answer, *, what: str) -> Any:
    """Read what was asked for, in an answer to a question. Raises BrokerUnavailable and its kin, UnusableAnswer."""
    answer = unpacked(answer)
    refuse_by_status(answer, changes=False, what=what)
    if answer.status == 403:
        raise NotAuthorised(f"{what}: Schwab forbids it (403): {told(answer)}")
    if answer.status != 200:
        raise UnusableAnswer(f"{what}: expected an answer with status 200, was {answer.status}: {told(answer)}")
    try:
        return answer.json()
    except NotJson as error:
        raise UnusableAnswer(f"{what}: {error}") from None


def order_json_of(answer: Answer, *, what: str) -> Any:
    """Read what was asked of orders. What is no report at all, as a proxy's page, is no answer: ask again."""
    try:
        return json_of(answer, what=what)
    except UnusableAnswer as error:
        raise BrokerUnavailable(str(error)) from None


def told(answer: Answer) -> str:
    """Schwab's own words for a refusal, else the beginning of the body, and the number it keeps the call under."""
    words = refusal(answer) or unpacked(answer).told() or "no words"
    called = answer.header("schwab-client-correlid")
    return f"{words} (Schwab-Client-CorrelId {called})" if called else words


def refusal(answer: Answer) -> str | None:
    """Read the words of an error as Schwab's services give it; None where the body is none, as a proxy's page."""
    try:
        body = unpacked(answer).json()
    except NotJson:
        return None
    if not isinstance(body, dict):
        return None
    words = [body.get("message"), body.get("error")]
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        words += [error.get("title"), error.get("detail")] if isinstance(error, dict) else [error]
    spoken = list(dict.fromkeys(word for word in words if isinstance(word, str) and word))
    return "; ".join(spoken)[:_LONGEST_TOLD] or None


def time_of(answer: Answer) -> datetime | None:
    """When the broker gave an answer, by its own clock; None where it names no time."""
    header = answer.header("date")
    if header is None:
        return None
    try:
        at = parsedate_to_datetime(header)
        return in_utc(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


# Fields.


def object_of(value: Any, *, name: str) -> Json:
    if not isinstance(value, dict):
        raise Unreadable(f"expected {name} as an object, was {_shown(value)}")
    return value


def objects_of(raw: Json, key: str) -> list[Json]:
    """Read a list of objects; none where the key is missing or null, as Schwab leaves empty lists out."""
    value = raw.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"expected {key} as a list, was {_shown(value)}")
    return [object_of(each, name=f"each of {key}") for each in value]


def text_of(raw: Json, key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"expected {key} as a text, was {_shown(value)}")
    return value


def number_of(raw: Json, key: str) -> Decimal:
    """Read a number exactly: 3.0 is 3."""
    value = raw.get(key)
    if not isinstance(value, int | Decimal | str) or isinstance(value, bool):
        raise Unreadable(f"expected {key} as a number, was {_shown(value)}")
    try:
        return number(value)
    except NotANumber:
        raise Unreadable(f"expected {key} as a number, was {_shown(value)}") from None


def number_or_none(raw: Json, key: str) -> Decimal | None:
    return None if raw.get(key) is None else number_of(raw, key)


def flag_of(raw: Json, key: str) -> bool:
    value = raw.get(key)
    if not isinstance(value, bool):
        raise Unreadable(f"expected {key} as true or false, was {_shown(value)}")
    return value


def instant_of(raw: Json, key: str) -> datetime:
    """Read a time with a zone, as 2025-11-20T14:31:02+0000 or with a fraction of a second, in UTC."""
    return zoned_of(raw, key).astimezone(UTC)


def zoned_of(raw: Json, key: str) -> datetime:
    """Read a time in the zone that it is told in."""
    text = text_of(raw, key)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"expected {key} as a time, was {_shown(text)}") from None
    try:
        in_utc(at)
    except NotATime as error:
        raise Unreadable(f"{key}: {error}") from None
    return at


def instant_or_none(raw: Json, key: str) -> datetime | None:
    return None if raw.get(key) is None else instant_of(raw, key)


def _shown(value: Any) -> str:
    return "missing" if value is None else repr(value)[:80]

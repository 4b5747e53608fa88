"""Outside: JSON, numbers and times as others tell them, read exactly, or refused where nothing real is like that.

Whatever is told costs little time and memory: a number of a thousand million digits is short to write and endless to
reckon with.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from trading.values.quantities import NotANumber, parsed

PLACES = 50
"""On either side of the point. Of two such numbers the sum and the product are exact."""

_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class NotJson(ValueError):
    """The text is not JSON, as where a proxy answers with a page of its own."""


class NotATime(ValueError):
    """The time has no zone, or is none that anything happens at, as the year 1."""


def json_of(text: bytes | str) -> Any:
    """Read JSON: numbers with a point are Decimal, whole ones int. Raises NotJson."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NotJson(str(error)) from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except InvalidOperation:
        raise NotJson("a number in it has an exponent beyond all numbers") from None


def number(value: object, expected: str = "a number") -> Decimal:
    """Read a number, as text or as JSON has it. Raises NotANumber."""
    found = parsed(value, expected)
    exponent = found.as_tuple().exponent
    if found and (found.adjusted() >= PLACES or not isinstance(exponent, int) or exponent < -PLACES):
        raise NotANumber(
            f"expected {expected} of at most {PLACES} places on either side of the point, was {str(value)[:80]}"
        )
    return found


def in_utc(at: datetime) -> datetime:
    """Tell a time in UTC. Raises NotATime."""
    if at.tzinfo is None:
        raise NotATime(f"expected a time with a zone, was {at.isoformat()}")
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise NotATime(f"expected a time from {_FIRST_YEAR} to {_LAST_YEAR}, was {at.isoformat()}")
    return at.astimezone(UTC)

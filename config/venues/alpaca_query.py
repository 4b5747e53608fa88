"""What stands in the query of a call to Alpaca. Each of these raises Refusing where it can't be read."""

from datetime import date

from config.venues.alpaca_asks import INVALID, refused
from config.venues.alpaca_words import parsed_nanoseconds
from config.venues.wire import Asked


def count(asked: Asked, name: str, *, usually: int, most: int) -> int:
    text = asked.query.get(name)
    if not text:
        return usually
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise refused(422, INVALID, f"{name} must be between 1 and {most}")
    return int(text)


def moment(asked: Asked, name: str) -> int | None:
    """Read a time as nanoseconds since 1970."""
    text = asked.query.get(name)
    if not text:
        return None
    found = parsed_nanoseconds(text)
    if found is None:
        raise refused(422, INVALID, f"invalid {name}: {text}")
    return found


def day(asked: Asked, name: str, otherwise: date) -> date:
    text = asked.query.get(name)
    if not text:
        return otherwise
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise refused(422, INVALID, f"invalid {name}: {text}") from None


def within(at: int, after: int | None, until: int | None) -> bool:
    """Tell whether a time lies in between; neither end counts."""
    return (after is None or at > after) and (until is None or at < until)

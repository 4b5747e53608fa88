"""Mutations: real answers, changed as no test would think of changing them, written as JSON that may be none."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st


class Written(str):
    """A value as it is written, whether or not it is JSON."""


class Members(list[tuple[str, Any]]):
    """An object's members in order; one name may stand there twice."""


DEEP = 3_000

NUMBERS = (
    "0", "-0", "-1", "1.5", "3", "0.1", "NaN", "Infinity", "-Infinity", "-NaN",
    "1e999999999", "-1e999999999", "1e-999999999", "1E99999999999999999999999", "1e-99999999999999999999999",
    "1e400", "1e-400", "1e290", "1e-290", "9" * 20, "-" + "9" * 20, "9" * 400, "9" * 5_000, "0." + "3" * 3_000,
    "9" * 310 + "." + "9" * 310, "18446744073709551616", "99999999999999", "0x10", "01", "1_000", ".5", "5.", "+5",
)  # fmt: skip

TEXTS = (
    "", " ", "\0", "a\0b", "null", "N/A", "-", "é", "\u202e", "１２", "٣", "𝟜", "ß" * 300, "x" * 100_000, "'\"\\",
    "1" * 5_000, "0x", "0x0", "0x" + "f" * 16, "0x" + "f" * 64, "0x" + "F" * 20_000, "0xZZ", "0x1 2",
    "0001-01-01", "9999-12-31", "2025-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2025-11-20T16:00:00", "2025-11-20T16:00:00+99:99", "2025-W01-1",
    "2025-11-20T24:00:00Z", "20251120T160000Z", "0000-00-00T00:00:00Z", "2025-11-20T16:00:00.1234567890123Z",
    "00:00", "23:59", "24:00", "BRK.B", "brk/b", "A" * 33, "AAPL\n", "AAPL AAPL", "buy", "SELL", "filled", "REPLACED",
)  # fmt: skip

ODD = (
    *map(Written, NUMBERS),
    *map(Written, ("true", "false", "null", "{}", "[]", '""', "[[]]", '[{"a":1}]', '"\\ud800"', '"\\udc00\\ud800"')),
    *map(Written, ('"\\u0000"', "undefined", "", "'a'", '"a', "[", "}", "/* */ 1", '{"a":1,}', '"\\x41"')),
    Written('"a\0b"'),
    Written('"a\nb"'),
    Written("[" * DEEP + "]" * DEEP),
    Written('{"a":' * DEEP + "1" + "}" * DEEP),
    *TEXTS,
    *NUMBERS,
)

STATUSES = (
    200,
    200,
    200,
    200,
    201,
    204,
    207,
    301,
    400,
    401,
    402,
    403,
    404,
    408,
    409,
    413,
    422,
    429,
    500,
    502,
    504,
    599,
)

HEADERS = (
    "", "0", "-1", "5", "1.5", "1e308", "1e999", "nan", "inf", "9" * 30, "٣", "Wed, 21 Oct 2015 07:28:00 GMT",
    "Wed, 21 Oct 99999999999999999999 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Wed, 21 Oct 2015 07:28:00 +99999999999", "Wed, 21 Oct 2015 07:99:00 GMT", "x" * 5_000, "é",
)  # fmt: skip


def members_of(value: Any) -> Any:
    """A value with the members of its objects in lists, and its numbers as they are written."""
    if isinstance(value, dict):
        return Members((name, members_of(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return [members_of(inner) for inner in value]
    return Written(json.dumps(value)) if isinstance(value, bool | int | float) or value is None else value


def written(value: Any) -> str:
    """Write it as JSON, mutations and all."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(name)}:{written(inner)}" for name, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def odd_values() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(ODD),
        st.integers().map(lambda number: Written(str(number))),
        st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: Written(str(number))),
        st.text(max_size=40),
        st.datetimes().map(lambda at: at.isoformat() + "Z"),
    )


@st.composite
def changed(draw: st.DrawFn, samples: Sequence[Any]) -> str:
    """One of the samples in JSON, with up to four things in it replaced, dropped, doubled, renamed or exchanged."""
    root = [members_of(samples[draw(st.integers(0, len(samples) - 1))])]
    for _ in range(draw(st.integers(0, 4))):
        if places := _places(root):
            holder, at = places[draw(st.integers(0, len(places) - 1))]
            _change(draw, holder, at, places)
    return written(root[0]) if root else ""


@st.composite
def bodies(draw: st.DrawFn, samples: Sequence[Any]) -> bytes:
    """A body: mostly a sample that was changed, its bytes at times too, or nothing of the kind at all."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=200))
    if kind == 1:
        return draw(odd_values().map(written)).encode("utf-8", "surrogatepass")
    body = draw(changed(samples)).encode("utf-8", "surrogatepass")
    if kind == 2 and body:
        start, end = sorted(draw(st.tuples(st.integers(0, len(body)), st.integers(0, len(body)))))
        return body[:start] + draw(st.binary(max_size=8)) + body[end:]
    return body


def _places(value: Any) -> list[tuple[Any, int]]:
    """Every place in a tree that something stands in: what holds it, and where."""
    found, waiting = [], [value]
    while waiting:
        holder = waiting.pop()
        for at, inner in enumerate(holder):
            found.append((holder, at))
            inner = inner[1] if isinstance(holder, Members) else inner
            if isinstance(inner, list):
                waiting.append(inner)
    return found


def _change(draw: st.DrawFn, holder: Any, at: int, places: list[tuple[Any, int]]) -> None:
    if at >= len(holder):
        return  # An earlier change took it out.
    match draw(
        st.sampled_from(("replace", "replace", "replace", "drop", "double", "rename", "exchange", "wrap", "quote"))
    ):
        case "drop":
            del holder[at]
        case "double":
            holder.append(_with(holder, at, draw(odd_values())) if draw(st.booleans()) else holder[at])
        case "rename" if isinstance(holder, Members):
            holder[at] = (draw(st.sampled_from((holder[0][0], "", "id", "\ud800", "a\0"))), holder[at][1])
        case "exchange":
            other, there = places[draw(st.integers(0, len(places) - 1))]
            if there < len(other) and not isinstance(_at(other, there), list):
                holder[at] = _with(holder, at, _at(other, there))
        case "wrap":
            inner = _at(holder, at)
            holder[at] = _with(holder, at, [inner] if draw(st.booleans()) else Members([("a", inner)]))
        case "quote":
            told = _at(holder, at)
            if not isinstance(told, list):
                holder[at] = _with(holder, at, str(told) if isinstance(told, Written) else Written(told))
        case _:
            holder[at] = _with(holder, at, draw(odd_values()))


def _at(holder: Any, at: int) -> Any:
    return holder[at][1] if isinstance(holder, Members) else holder[at]


def _with(holder: Any, at: int, value: Any) -> Any:
    return (holder[at][0], value) if isinstance(holder, Members) else value

"""Sections: rows under a title, and each way in which they are shown: a table, plain columns, or JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.management.base import OutputWrapper
from rich.box import ROUNDED
from rich.table import Table
from rich.text import Text

from config.listing import list_rows
from eventstore.hashing import moment
from trading.values.arithmetic import plain

BAD = frozenset({"failed", "rejected", "unknown", "halted", "cancelled", "expired", "reorged", "silent", "failing"})
GOOD = frozenset({"filled", "executed"})

LITTLE = timedelta(seconds=1)
STEPS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Section(NamedTuple):
    """Rows of a kind. A cell is text, a number, a time or a span; a time is shown with its age beside it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def age(span: timedelta, *, units: int = 2) -> str:
    """Tell a span as a person does, in its two largest units at most: `3 s`, `2 min 5 s`, `4 d 1 h`."""
    left = max(int(span.total_seconds()), 0)
    for place, (size, unit) in enumerate(STEPS):
        if left >= size:
            told = f"{left // size} {unit}"
            rest = left % size
            if units > 1 and rest and place + 1 < len(STEPS) and (smaller := rest // STEPS[place + 1][0]):
                return f"{told} {smaller} {STEPS[place + 1][1]}"
            return told
    return "0 s"


def ago(at: datetime, now: datetime, *, units: int = 2) -> str:
    """How long ago it was, or until when it is; of two clocks that are a little apart, it was just now."""
    if timedelta(0) < at - now < LITTLE:
        return "0 s ago"
    return f"in {age(at - now, units=units)}" if at > now else f"{age(now - at, units=units)} ago"


# As a table.


def table(section: Section, *, now: datetime) -> Table:
    """Lay a section out for a terminal, without the columns that are empty."""
    filled = [place for place in range(len(section.columns)) if any(row[place] is not None for row in section.rows)]
    shown = Table(title=section.title, title_justify="left", title_style="bold", box=ROUNDED)
    for place in filled:
        is_number = any(isinstance(row[place], int | Decimal) for row in section.rows)
        shown.add_column(
            section.columns[place].replace("_", " "), justify="right" if is_number else "left", overflow="fold"
        )
    for row in section.rows:
        shown.add_row(*(_cell(row[place], now) for place in filled))
    return shown


def _cell(cell: Any, now: datetime) -> Text:
    if isinstance(cell, datetime):
        at = cell.astimezone(UTC)
        written = f"{at:%H:%M:%S}" if at.date() == now.astimezone(UTC).date() else f"{at:%Y-%m-%d %H:%M:%S}"
        return Text.assemble(written, " ", (f"({ago(cell, now, units=1)})", "dim"))
    text = "" if cell is None else _text(cell)
    return Text(text, style="red" if text in BAD else "green" if text in GOOD else "")


# As plain columns.


def write_columns(out: OutputWrapper, section: Section, *, now: datetime) -> None:
    """Write a section as lines with tabs between, a header first; nothing where it has no rows."""
    list_rows(out, list(_header(section, "age")), [list(_plain(row, _times(section), now)) for row in section.rows])


def _header(section: Section, suffix: str) -> Iterator[str]:
    times = _times(section)
    for place, name in enumerate(section.columns):
        yield name
        if place in times:
            yield f"{name.removesuffix('_at')}_{suffix}"


def _times(section: Section) -> set[int]:
    """The columns of times. Each has a column of ages beside it, whether or not a row has a time there."""
    return {place for place, name in enumerate(section.columns) if name == "at" or name.endswith("_at")}


def _plain(row: Sequence[Any], times: set[int], now: datetime) -> Iterator[str | None]:
    for place, cell in enumerate(row):
        if place in times:
            yield None if cell is None else moment(cell)
            yield None if cell is None else ago(cell, now)
        else:
            yield None if cell is None else _text(cell)


# As JSON.


def objects(section: Section, *, now: datetime) -> list[dict[str, Any]]:
    """The rows as objects: amounts are text, a time has its age in seconds beside it."""
    header, times = list(_header(section, "age_seconds")), _times(section)
    return [dict(zip(header, _jsons(row, times, now), strict=True)) for row in section.rows]


def _jsons(row: Sequence[Any], times: set[int], now: datetime) -> Iterator[Any]:
    for place, cell in enumerate(row):
        if place in times:
            yield None if cell is None else moment(cell)
            yield None if cell is None else int((now - cell).total_seconds())
        elif isinstance(cell, timedelta):
            yield int(cell.total_seconds())
        elif cell is None or isinstance(cell, bool | int):
            yield cell
        else:
            yield _text(cell)


def lines(section: Section, *, now: datetime) -> Iterable[str]:
    """The rows as JSON, a line each."""
    return (json.dumps(each) for each in objects(section, now=now))


def _text(cell: Any) -> str:
    if isinstance(cell, Decimal):
        return plain(cell)
    if isinstance(cell, timedelta):
        return age(cell)
    # A broker's words may hold anything: nothing of it moves the cursor or makes a column.
    return "".join(letter if letter.isprintable() else " " for letter in str(cell))

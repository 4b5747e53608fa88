"""The table: its rows, what is wrong with them, and the document that they make."""

import ast
import tomllib
from functools import cache
from pathlib import Path

import msgspec

from tests.architecture.source import PROJECT

ROWS = Path(__file__).with_name("rows.toml")
DOCUMENT = PROJECT / "docs" / "immunity.md"
BREAKAGES = "tests/simulation/breakages"

HEAD = """\
# What broke elsewhere, and what holds here

Systems that hedge and trade as this one does have broken in these ways; their histories, their documents and their code
tell of them. A row says what broke there, what holds here, and which tests hold it, or why it can't arise. A test fails
when a row has neither, when it names a test that is not there, or when this page is not what
`python -m tests.immunity` makes of `tests/immunity/rows.toml`. Change it there.

A row may name a breakage, as `tests/simulation/breakages….py::NAME`: the simulation plays without that guarantee,
and its judge must find that it is gone: `tests/simulation/test_breakages.py` holds that.

What must always hold, whatever happens, is told in [invariants.md](invariants.md), and how all of it is played against
chance in [simulation.md](simulation.md).
"""
COLUMNS = "| row | what broke elsewhere | what holds here | tests |\n| --- | --- | --- | --- |\n"


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to break: one sentence each of what broke elsewhere and of what holds here."""

    id: str
    broke: str
    holds: str = ""
    tests: tuple[str, ...] = ()
    cannot_arise: str = ""
    """Why no test is needed."""


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str
    rows: tuple[Row, ...]


def load(text: str | None = None) -> tuple[Group, ...]:
    tables = tomllib.loads(ROWS.read_text() if text is None else text)
    return msgspec.convert(tables["group"], tuple[Group, ...])


def wrongs(rows: list[Row]) -> list[str]:
    """What is wrong with rows, a line each."""
    told = []
    for row in rows:
        held = bool(row.tests and row.holds)
        if held is bool(row.cannot_arise) or bool(row.tests) is not bool(row.holds):
            told.append(f"{row.id}: expected what holds with its tests, or why it can't arise, and not both")
        told += [f"{row.id}: there is no {name}" for name in row.tests if not is_test(name)]
        told += [
            f"{row.id}: expected a sentence, was {sentence[:40]!r}"
            for sentence in (row.broke, row.holds, row.cannot_arise)
            if sentence and not sentence.endswith(".")
        ]
    return told


def document(groups: tuple[Group, ...]) -> str:
    parts = [HEAD]
    for group in groups:
        parts.append(f"\n## {group.title}\n\n{COLUMNS}")
        parts += map(_line, group.rows)
    return "".join(parts)


def _line(row: Row) -> str:
    tests = "none: it can't arise" if row.cannot_arise else "<br>".join(f"`{name}`" for name in row.tests)
    return f"| {row.id} | {row.broke} | {row.holds or row.cannot_arise} | {tests} |\n"


def is_test(name: str) -> bool:
    """Tell whether there is a test of this name, or a breakage, which the simulation's judge must find."""
    path, _, function = name.partition("::")
    is_one = not function.startswith("_") if path.startswith(BREAKAGES) else function.startswith("test_")
    return is_one and function in _functions_of(path)


@cache
def _functions_of(path: str) -> frozenset[str]:
    """The functions of a file of tests, in classes too; none where it is not there."""
    file = PROJECT / path
    if not path.startswith("tests/") or not file.is_file():
        return frozenset()
    return frozenset(node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))

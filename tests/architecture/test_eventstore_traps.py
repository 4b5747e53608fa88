"""Every trap of event stores that docs/eventstore_traps.md lists is borne by tests that are there."""

import ast
import re
from functools import cache

from tests.architecture.source import PROJECT

ROWS = [
    *(f"S{number}" for number in range(1, 13)),
    *(f"D{number}" for number in range(1, 11)),
    *("DA", "DB", "DC", "DD"),
    *("R1", "R2", "R3"),
    *(f"L{number}" for number in range(1, 16)),
    # There is no U6: it asked for what waits for nothing, which this store does not offer.
    *(f"U{number}" for number in range(1, 14) if number != 6),
]
DOCUMENT = PROJECT / "docs" / "eventstore_traps.md"


def test_every_trap_is_there_with_its_tests():
    rows = documented(DOCUMENT.read_text())

    assert list(rows) == ROWS
    assert [row for row, tests in rows.items() if not tests] == []


def test_every_test_that_is_named_is_there():
    assert missing(documented(DOCUMENT.read_text())) == []


def test_a_test_that_is_not_there_is_found():
    text = (
        "| S1 | Nothing is lost. | `tests/eventstore/test_append.py::test_nothing_of_the_kind`,"
        " `tests/eventstore/test_append.py::append_alone`, `tests/eventstore/nowhere.py::test_what` |\n"
        "| S2 | Nothing is done twice. | none |\n"
    )

    assert documented(text)["S2"] == []
    assert missing(documented(text)) == [
        "S1: tests/eventstore/test_append.py::test_nothing_of_the_kind",
        "S1: tests/eventstore/test_append.py::append_alone",
        "S1: tests/eventstore/nowhere.py::test_what",
    ]


def documented(text: str) -> dict[str, list[str]]:
    """The tests that the document names, by row."""
    rows = re.findall(r"^\| ([A-Z][A-Z0-9]+) \| [^|]+ \| ([^|]+) \|$", text, flags=re.MULTILINE)
    return {row: re.findall(r"`([^`]+)`", tests) for row, tests in rows}


def missing(rows: dict[str, list[str]]) -> list[str]:
    return [f"{row}: {name}" for row, names in rows.items() for name in names if not is_test(name)]


def is_test(name: str) -> bool:
    path, _, function = name.partition("::")
    return function.startswith("test_") and function in functions(path)


@cache
def functions(path: str) -> frozenset[str]:
    """The functions of a file that pytest calls tests, if it is there."""
    file = PROJECT / path
    if not file.is_file():
        return frozenset()
    return frozenset(node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef))

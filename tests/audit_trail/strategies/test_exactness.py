"""Strategies hold no float and read no clock, in whichever file."""

import ast

import pytest

from tests.architecture.source import PROJECT
from tests.architecture.test_house import floats

FILES = sorted((PROJECT / "audit_trail" / "strategies").glob("**/*.py"))
CLOCKS = {"now", "utcnow", "today"}


def inexact(source: str) -> list[int]:
    """Return the lines with a float, written down or made."""
    literals = [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    return sorted({*literals, *floats(source)})


def clocks(source: str) -> list[int]:
    return [
        node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute) and node.attr in CLOCKS
    ]


def test_there_are_files_to_look_at():
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_float_and_no_clock(path):
    assert (inexact(path.read_text()), clocks(path.read_text())) == ([], [])


@pytest.mark.parametrize("source", ["x = 0.5", "x = float(y)", "x = Decimal(0.1)"])
def test_a_float_is_found(source):
    assert inexact(source) == [1]


def test_a_clock_is_found():
    assert clocks("at = datetime.now(UTC)") == [1]

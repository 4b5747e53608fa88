"""The house rules that a reviewer would otherwise have to remember."""

import ast

import pytest

from tests.architecture.source import PROJECT, files

LONGEST_FILE = 450

# A name that says nothing about what is inside gathers everything.
NAMELESS = {"utils", "helpers", "services", "common", "core", "exceptions"}

# Where a binary float is right: seconds to wait, never a price, a quantity or an amount.
FLOATS_ALLOWED = {
    "trading/brokers/dry_run/broker.py: self._sleep(float(self._latency_seconds))",
    (
        "trading/chain/node.py: "
        "return float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 3600 else None"
    ),
    "trading/chain/transports.py: seconds = float(header)",
}


def test_every_module_is_named_after_what_is_in_it():
    nameless = [
        str(path.relative_to(PROJECT))
        for path in files()
        if NAMELESS & set(path.relative_to(PROJECT).with_suffix("").parts)
    ]
    assert nameless == []


def test_no_file_is_too_long_to_read():
    long = [
        f"{path.relative_to(PROJECT)} has {lines} lines"
        for path in files()
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    ]
    assert long == []


def test_no_money_and_no_quantity_is_a_float():
    found = {
        f"{path.relative_to(PROJECT)}: {path.read_text().splitlines()[line - 1].strip()}"
        for path in files()
        if path.relative_to(PROJECT).parts[0] in ("eventstore", "trading")
        for line in floats(path.read_text())
    }
    assert found - FLOATS_ALLOWED == set()


@pytest.mark.parametrize(
    "source",
    [
        "price = float(text)",
        "prices = [*map(float, texts)]",
        "price = models.FloatField()",
        "from django.db.models import FloatField",
    ],
)
def test_a_float_is_found(source):
    assert floats(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        '"""float(x) loses digits."""',
        "if isinstance(value, float): raise TypeError",
        "timeout_seconds: float = 0.5",
    ],
)
def test_what_is_said_of_floats_is_no_float(source):
    assert floats(source) == []


def floats(source: str) -> list[int]:
    """Return the lines that turn something into a float or store one. Asking whether something is one is fine."""
    lines = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="isinstance")):
                continue
            case ast.Call(func=ast.Name(id="float")) | ast.Name(id="FloatField") | ast.Attribute(attr="FloatField"):
                lines.add(node.lineno)
            case ast.Call(args=arguments) if any(isinstance(one, ast.Name) and one.id == "float" for one in arguments):
                lines.add(node.lineno)
            case ast.ImportFrom(names=names) if any(name.name == "FloatField" for name in names):
                lines.add(node.lineno)
    return sorted(lines)


def test_the_folder_of_each_app_is_there():
    # The tests above pass on an empty list too.
    assert {path.relative_to(PROJECT).parts[0] for path in files()} == {
        "eventstore",
        "trading",
        "audit_trail",
        "config",
    }

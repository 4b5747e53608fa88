"""Tables of documents that name tests, as the architecture tests read them."""

import re
from pathlib import Path

from tests.architecture.source import PROJECT


def rows(document: Path) -> list[tuple[str, str, str]]:
    """The rows of three cells: what it is of, what holds, and what holds it."""
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", document.read_text(), flags=re.MULTILINE)
    return [row for row in found if row[0] not in ("---", "row", "section")]


def named(cell: str) -> list[str]:
    """The tests that a cell names: a file, or a test within it."""
    return re.findall(r"`(tests/[^`]+)`", cell)


def is_there(name: str) -> bool:
    """Tell whether there is such a file, and such a test in it where one is named."""
    path, _, test = name.partition("::")
    file = PROJECT / path
    return file.is_file() and (not test or re.search(rf"^def {re.escape(test)}\(", file.read_text(), re.M) is not None)

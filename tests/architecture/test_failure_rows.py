"""What once broke in systems like ours has a test that bears its number; docs/failures.md says which."""

import re

from tests.architecture.source import PROJECT
from tests.architecture.tables import named, rows

# The rows that concern orders, brokers and decisions, as docs/failures.md lists them.
ROWS = [
    *(f"G3-{number}" for number in range(24, 42)),
    "C9",
    *(f"L{number}" for number in (1, 2, 3, 4, 5, 6, 9, 10, 12, 13, 14, 16, 19, 21, 22, 23)),
    *(f"Q{number}" for number in (1, 2, 3, 4, 6, 8, 12, 16)),
]
DOCUMENT = PROJECT / "docs" / "failures.md"


def test_each_row_is_borne_by_a_test():
    assert [row for row in ROWS if not bearers(row)] == []


def test_the_document_names_a_test_for_each_row_that_is_there_and_bears_it():
    told = documented()

    assert list(told) == ROWS
    wrong = [
        f"{row}: {name}"
        for row, names in told.items()
        for name in names
        if name not in bearers(row) or not (PROJECT / name).exists()
    ]
    assert wrong == []
    assert all(told.values())


def test_a_row_that_no_test_bears_is_found():
    assert bearers("G3-" + "999") == []


def bearers(row: str) -> list[str]:
    """The files of tests whose names or words hold the number of a row."""
    pattern = re.compile(rf"(?<![A-Za-z0-9-]){re.escape(row)}(?![0-9])|_{row.lower().replace('-', '_')}(?![0-9])")
    return sorted(
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "tests").rglob("*.py")
        if path.name != "test_failure_rows.py" and pattern.search(path.read_text())
    )


def documented() -> dict[str, list[str]]:
    """The tests that the document names, by row."""
    return {row: named(tests) for row, _, tests in rows(DOCUMENT) if row in ROWS}

"""What an audit trail has to do is held by tests; docs/audit_requirements.md says which."""

from tests.architecture.source import PROJECT
from tests.architecture.tables import is_there, named, rows

DOCUMENT = PROJECT / "docs" / "audit_requirements.md"
NOT_BUILT = "not built: "
SECTIONS = [
    *("1", "2", "3", "4", "5", "6", "7"),
    *(f"8.{number}" for number in range(11)),
    *(str(number) for number in range(9, 20)),
]
DEFECTS = [
    *(f"B-aud-{number}" for number in range(1, 14)),
    *(f"B-str-{number}" for number in range(1, 14)),
    *(f"B-ing-{number}" for number in range(1, 7)),
]


def test_each_section_and_each_defect_has_a_row():
    told = {section.strip() for section, _, _ in rows(DOCUMENT)}

    assert [each for each in SECTIONS + DEFECTS if each not in told] == []
    assert sorted(told - {*SECTIONS, *DEFECTS}) == []


def test_each_requirement_is_held_by_tests_that_are_there():
    nothing = [row for row in rows(DOCUMENT) if not named(row[2]) and not row[2].startswith(NOT_BUILT)]
    missing = [name for _, _, cell in rows(DOCUMENT) for name in named(cell) if "::" not in name or not is_there(name)]

    assert nothing == []
    assert missing == []


def test_a_test_that_is_not_there_is_found():
    there = "tests/architecture/test_audit_requirements.py"

    assert is_there(f"{there}::test_a_test_that_is_not_there_is_found")
    assert not is_there(f"{there}::test_a_test")
    assert not is_there("tests/architecture/test_nothing.py")

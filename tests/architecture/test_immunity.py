"""Every known way to break is held by tests, or can't arise; docs/immunity.md says which."""

from tests.immunity.table import DOCUMENT, Row, document, load, wrongs

EXPECTED = [
    *(f"G1-{number}" for number in range(1, 14)),
    *(f"G2-{number}" for number in range(14, 24)),
    *(f"G3-{number}" for number in range(24, 42)),
    "C9",
    *(f"G4-{number}" for number in range(42, 53)),
    *(f"G5-{number}" for number in range(53, 59)),
    *(f"G6-{number}" for number in range(59, 69)),
    *(f"Q{number}" for number in range(1, 18)),
    *(f"L{number}" for number in range(1, 24)),
    *(f"J{number}" for number in range(1, 26)),
    *(f"U{number}" for number in range(1, 7)),
]
HERE = "tests/architecture/test_immunity.py"
BREAKAGE = "tests/simulation/breakages.py::silence_is_failure"


def test_each_way_to_break_has_its_row():
    assert [row.id for group in load() for row in group.rows] == EXPECTED


def test_each_row_is_held_by_tests_that_are_there_or_can_not_arise():
    assert wrongs([row for group in load() for row in group.rows]) == []


def test_the_document_is_what_the_rows_make():
    assert DOCUMENT.read_text() == document(load()), "write it anew with `python -m tests.immunity`"


def test_a_row_that_nothing_holds_is_found():
    there, nowhere = f"{HERE}::test_a_row_that_nothing_holds_is_found", f"{HERE}::test_nothing_of_the_kind"

    def wrong(**row):
        return [line.removeprefix("X1: ") for line in wrongs([Row(id="X1", broke="It broke.", **row)])]

    assert wrong(holds="It holds.", tests=(there,)) == []
    assert wrong(cannot_arise="There is none.") == []
    assert wrong(holds="It holds.", tests=(there, nowhere)) == [f"there is no {nowhere}"]
    assert wrong(holds="It holds.", tests=(BREAKAGE,)) == []
    assert wrong(holds="It holds.", tests=(f"{BREAKAGE}_not",)) == [f"there is no {BREAKAGE}_not"]
    assert wrong(holds="It holds.", tests=(f"{HERE}::wrong",)) == [f"there is no {HERE}::wrong"]
    assert wrong(holds="It holds.", tests=("tests/nowhere.py::test_it",)) == ["there is no tests/nowhere.py::test_it"]
    assert len(wrong()) == len(wrong(holds="It holds.")) == 1
    assert len(wrong(holds="It holds.", tests=(there,), cannot_arise="There is none.")) == 1
    assert wrong(cannot_arise="there is none") == ["expected a sentence, was 'there is none'"]

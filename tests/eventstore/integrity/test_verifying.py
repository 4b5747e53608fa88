"""Verifying: each kind of tampering with sealed events, by whoever owns the database, is found and named."""

import pytest
from django.db import connection

from eventstore.integrity.exports import file_of
from eventstore.integrity.sealing import seal_next, seals
from eventstore.integrity.verifying import PAGE, Verification
from eventstore.store import append
from tests.eventstore.integrity.logs import (
    change,
    exported,
    found,
    free_number,
    log_of_three_seals,
    number_of,
    put_in,
    rechain,
    rechain_seals,
    reseal,
    signed,
    stored_seals,
    tail,
    take_out,
)
from tests.eventstore.samples import AT, deposits

pytestmark = pytest.mark.django_db

A, B, C = "Account-A", "Account-B", "Account-C"


def test_a_log_left_alone_is_whole(tmp_path):
    log_of_three_seals()
    tail()
    verification = Verification(exported=exported(tmp_path))

    assert list(verification.findings()) == []
    assert verification.counts() == {
        "events": 15,
        "seals": 3,
        "events_under_none_of_them": 4,
        "seals_without_a_file": 0,
    }


def test_an_empty_log_is_whole(tmp_path):
    assert found(tmp_path) == []


def test_gaps_that_were_there_when_it_was_sealed_are_no_finding():
    append(deposits("B", 1), at=AT)
    free_number()
    append(deposits("B", 2), at=AT)
    seal_next(now=AT)

    assert found() == []


# Changed events


@pytest.mark.parametrize(
    "assignment",
    [
        """data = '{"amount":"15"}'""",
        # It means the same, and is another row all the same.
        """data = '{"amount": "1.5"}'""",
        """metadata = '{"actor":"nobody","correlation":"a test","causation":null}'""",
        "type = 'AccountEvent::Withdrawn'",
        "schema = 2",
        "recorded_at = '2025-03-01 12:30:00.250001'",
    ],
)
def test_a_changed_event_is_named(assignment):
    if connection.vendor == "postgresql" and "recorded_at" in assignment:
        assignment = assignment.replace("250001", "250001Z")
    log_of_three_seals()
    change(assignment, "A", 3)

    (finding,) = Verification().findings()

    assert (finding.kind, finding.stream, finding.version, finding.number) == ("changed", A, 3, number_of("A", 3))
    assert finding.expected.startswith("hash ")
    assert finding.found.startswith("hash ")
    assert finding.expected != finding.found


def test_a_changed_hash_is_named_by_the_seal_too():
    log_of_three_seals()
    change("hash = %s", "A", 3, "0" * 64)

    assert found() == [
        ("changed", A, 3, number_of("A", 3), None),
        ("changed", A, 4, number_of("A", 4), None),  # It does not follow from that hash.
        ("changed", A, 3, number_of("A", 3), 1),
    ]


def test_a_changed_number_is_named():
    log_of_three_seals()
    gap = free_number()
    was = number_of("A", 3)
    change("number = %s", "A", 3, gap)

    assert found() == [
        # Its place in the log is empty, and version 4 comes before it now.
        ("out of order", A, 4, number_of("A", 4), None),
        ("changed", A, 3, gap, None),
        ("missing", None, None, was, 1),
    ]


def test_a_value_that_is_none_of_its_column_hides_no_other():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps to the types of its columns")
    log_of_three_seals()
    change("data = CAST(x'ff' AS TEXT)", "A", 2)
    change("recorded_at = 'at noon'", "A", 3)
    change("data = x'00ff'", "B", 1)
    change("aggregate_id = CAST(x'ff' AS TEXT)", "C", 1)

    assert ("changed", A, 2, number_of_raw("A", 2), None) in found()
    assert ("changed", A, 3, number_of_raw("A", 3), None) in found()
    assert ("changed", B, 1, number_of_raw("B", 1), None) in found()
    assert ("changed", "Account-\udcff", 1) in [finding[:3] for finding in found()]


# Missing events


def test_an_event_taken_from_the_middle_is_named():
    log_of_three_seals()
    number = number_of("A", 3)
    take_out("A", 3)

    assert found() == [("missing", A, 3, None, None), ("missing", None, None, number, 1)]


def test_several_taken_from_the_middle_are_named():
    log_of_three_seals()
    numbers = [number_of("A", version) for version in (2, 3, 5)]
    take_out("A", 2, 3, 5)

    findings = list(Verification().findings())

    gaps = {finding.version: finding.expected for finding in findings if finding.stream}
    assert gaps == {2: "versions 2 to 3", 5: "version 5"}
    assert [finding.number for finding in findings if finding.number] == numbers


def test_the_first_event_of_a_stream_is_named():
    log_of_three_seals()
    number = number_of("A", 1)
    take_out("A", 1)

    assert found() == [("missing", A, 1, None, None), ("missing", None, None, number, 1)]


def test_an_event_taken_from_a_streams_end_is_named_by_its_seal():
    log_of_three_seals()
    number = number_of("B", 3)
    take_out("B", 3)

    assert found() == [("missing", None, None, number, 2)]


def test_a_stream_taken_out_as_a_whole_is_named_by_its_seals():
    log_of_three_seals()
    numbers = [number_of("B", version) for version in (1, 2, 3)]
    take_out("B", 1, 2, 3)

    assert found() == [
        ("missing", None, None, numbers[0], 1),
        ("missing", None, None, numbers[1], 1),
        ("missing", None, None, numbers[2], 2),
    ]


def test_the_end_of_the_log_is_named_by_its_seal():
    log_of_three_seals()
    number = number_of("A", 7)
    take_out("A", 7)

    assert found() == [("missing", None, None, number, 3)]


# Swapped and inserted events


def test_two_events_that_changed_places_in_their_stream_are_named():
    log_of_three_seals()
    first, second = number_of("A", 2), number_of("A", 3)
    change("version = 50", "A", 2)
    change("version = 2", "A", 3)
    change("version = 3", "A", 50)

    findings = found()

    assert ("changed", A, 3, first, 1) in findings
    assert ("changed", A, 2, second, 1) in findings
    assert ("out of order", A, 3, first, None) in findings


def test_two_streams_whose_events_changed_places_are_named():
    log_of_three_seals()
    ours, theirs = number_of("A", 1), number_of("B", 1)
    change("aggregate_id = 'X'", "A", 1)
    change("aggregate_id = 'A'", "B", 1)
    change("aggregate_id = 'B'", "X", 1)

    findings = found()

    assert ("changed", B, 1, ours, 1) in findings
    assert ("changed", A, 1, theirs, 1) in findings


def test_an_event_inserted_among_sealed_ones_is_named():
    gap = sealed_gap()
    put_in(gap, "C", 1)

    assert found() == [("inserted", "Account-C", 1, gap, 1)]


@pytest.mark.parametrize("number", [0, -1, -(2**63)])
@pytest.mark.parametrize(("identity", "version"), [("Z", 1), ("A", 8)])
def test_an_event_inserted_below_all_seals_is_named(tmp_path, number, identity, version):
    log_of_three_seals()
    exported(tmp_path)
    put_in(number, identity, version)

    assert found(tmp_path) == [("inserted", f"Account-{identity}", version, number, None)]


def test_an_event_inserted_above_all_numbers_given_out_is_named(tmp_path):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite goes on from the highest number, whoever gave it")
    log_of_three_seals()
    exported(tmp_path)
    put_in(10**15, "A", 8)

    assert found(tmp_path) == [("inserted", A, 8, 10**15, None)]


def test_an_event_with_a_number_that_is_taken_is_named():
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the number is the primary key")
    log_of_three_seals()
    number = number_of("A", 3)
    put_in(number, "Z", 1)

    assert ("inserted", "Account-Z", 1, number, 1) in found()


def test_numbers_that_are_taken_twice_at_the_end_of_a_page_hide_nothing():
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the number is the primary key")
    append(deposits("A", *range(1, PAGE + 1)), at=AT)
    append(deposits("B", 1), at=AT)
    put_in(number_of("A", PAGE), "Z", 1, previous="0" * 64)

    assert found() == [("changed", "Account-Z", 1, number_of("A", PAGE), None)]


# Seals


@pytest.mark.parametrize(
    "changes",
    [
        {"root": "0" * 64},
        {"marks": "0" * 48},
        {"events": 7},
        {"numbers": "1-6"},
        {"up_to_number": 10**9},
        {"sealed_at": "2025-03-01T12:30:00.250001Z"},
        {"previous": "0" * 64},
        {"hash": "0" * 64},
    ],
)
def test_a_changed_seal_is_named(changes):
    append(deposits("Z", 1), at=AT)
    free_number()
    log_of_three_seals()
    stored_seals(number=2).update(**changes)

    assert ("changed", None, None, None, 2) in found()


def test_a_seal_taken_out_is_named():
    log_of_three_seals()
    stored_seals(number=2).delete()

    assert ("missing", None, None, None, 2) in found()


def test_a_seal_that_reaches_too_far_is_named_by_the_next():
    log_of_three_seals()
    made = signed(seals(after=1, limit=1)[0], up_to_number=10**9)
    stored_seals(number=2).update(up_to_number=10**9, hash=made.hash)

    assert found()[:2] == [("changed", None, None, None, 3)] * 2


def test_many_seals_taken_out_are_one_finding():
    log_of_three_seals()
    stored_seals(number__lt=3).delete()

    (finding,) = Verification().findings()

    assert (finding.kind, finding.seal, finding.expected) == ("missing", 1, "seals 1 to 2, for there are later ones")


def test_the_newest_seal_taken_out_is_named_by_its_file(tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    stored_seals(number=3).delete()

    (finding,) = Verification(exported=tmp_path).findings()

    assert (finding.kind, finding.seal, finding.found) == ("missing", 3, "none")
    assert str(file_of(tmp_path, 3)) in finding.expected


def test_a_seal_that_holds_nonsense_breaks_nothing():
    log_of_three_seals()
    for number, changes in ((1, {"numbers": "one"}), (2, {"numbers": "1-9999999999"}), (3, {"marks": ""})):
        made = signed(seals(after=number - 1, limit=1)[0], **changes)
        stored_seals(number=number).update(hash=made.hash, **changes)

    assert [finding[4] for finding in found() if finding[0] == "changed"][:3] == [1, 2, 3]


# Whoever owns the database computes everything anew


def test_a_stream_computed_anew_is_named_by_its_seals():
    log_of_three_seals()
    change("""data = '{"amount":"15"}'""", "A", 4)
    rechain("A", 4)

    assert found() == [
        ("changed", A, 4, number_of("A", 4), 1),
        ("changed", A, 5, number_of("A", 5), 2),
        ("changed", A, 6, number_of("A", 6), 2),
        ("changed", A, 7, number_of("A", 7), 3),
    ]


def test_an_exported_seal_names_what_was_computed_anew_together_with_all_seals(tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    change("""data = '{"amount":"15"}'""", "A", 5)
    rechain("A", 5)
    reseal(2)

    assert found() == []
    assert found(tmp_path) == [
        ("changed", None, None, None, 2),
        ("changed", A, 5, number_of("A", 5), 2),
        ("changed", A, 6, number_of("A", 6), 2),
        ("changed", None, None, None, 3),
        ("changed", A, 7, number_of("A", 7), 3),
    ]


def test_an_exported_seal_names_what_is_missing_under_seals_made_anew(tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    numbers = [number_of("B", version) for version in (1, 2, 3)]
    newest = number_of("A", 7)
    take_out("B", 1, 2, 3)
    take_out("A", 7)
    stored_seals(number=3).delete()
    reseal(1)

    assert found() == []
    assert found(tmp_path) == [
        ("changed", None, None, None, 1),
        ("missing", None, None, numbers[0], 1),
        ("missing", None, None, numbers[1], 1),
        ("changed", None, None, None, 2),
        ("missing", None, None, numbers[2], 2),
        ("missing", None, None, None, 3),
        ("missing", None, None, newest, 3),
    ]


def test_an_event_inserted_under_seals_made_anew_is_named_by_an_exported_one(tmp_path):
    gap = sealed_gap()
    exported(tmp_path)
    put_in(gap, "C", 1)
    reseal(1)

    assert found() == []
    assert ("inserted", "Account-C", 1, gap, 1) in found(tmp_path)


def test_seals_that_follow_a_changed_one_are_not_news(tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    stored_seals(number=1).update(sealed_at="2025-03-01T12:31:00.000000Z")
    rechain_seals()

    assert found() == []
    assert found(tmp_path) == [("changed", None, None, None, 1)]


@pytest.mark.parametrize("content", ["", "{}", "[]", "no seal"])
def test_an_exported_file_that_is_no_seal_is_named(tmp_path, content):
    log_of_three_seals()
    exported(tmp_path)
    file_of(tmp_path, 2).write_text(content)

    (finding,) = Verification(exported=tmp_path).findings()

    assert (finding.kind, finding.seal) == ("changed", 2)
    assert str(file_of(tmp_path, 2)) in finding.found


def test_a_file_of_another_seal_is_named(tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    file_of(tmp_path, 2).write_bytes(file_of(tmp_path, 1).read_bytes())

    assert found(tmp_path) == [("changed", None, None, None, 2)]


def test_an_exported_file_that_was_changed_by_itself_is_named(tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    text = file_of(tmp_path, 2).read_text()
    file_of(tmp_path, 2).write_text(text.replace('"events":4', '"events":5'))

    (finding,) = Verification(exported=tmp_path).findings()

    assert (finding.kind, finding.seal) == ("changed", 2)
    assert str(tmp_path) in finding.expected


def test_seals_without_a_file_are_counted(tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    file_of(tmp_path, 3).unlink()
    verification = Verification(exported=tmp_path)

    assert list(verification.findings()) == []
    assert verification.counts()["seals_without_a_file"] == 1


# Parts of the log


def test_a_part_of_the_log_is_looked_at_with_the_seals_that_lie_in_it():
    first, second, _ = log_of_three_seals()
    change("hash = %s", "A", 1, "0" * 64)
    change("hash = %s", "A", 7, "1" * 64)

    assert found(after=first.up_to_number, up_to=second.up_to_number) == []
    assert [finding[2:] for finding in found(after=second.up_to_number)] == [
        (7, number_of("A", 7), None),
        (7, number_of("A", 7), 3),
    ]


def test_a_part_that_begins_within_a_seal_leaves_that_seal_out():
    first, _, third = log_of_three_seals()
    verification = Verification(after=first.up_to_number - 2, up_to=third.up_to_number)

    assert list(verification.findings()) == []
    assert (verification.counts()["seals"], verification.counts()["events_under_none_of_them"]) == (2, 2)


def test_a_long_log_is_looked_at_page_by_page(monkeypatch):
    monkeypatch.setattr("eventstore.integrity.verifying.PAGE", 3)
    log_of_three_seals()
    tail()
    assert found() == []

    change("hash = %s", "A", 5, "0" * 64)
    assert [finding[:3] for finding in found()] == [("changed", A, 5), ("changed", A, 5), ("changed", A, 6)]


def sealed_gap():
    """Seal a log with a number that no event has. Return the number."""
    append(deposits("A", 1), at=AT)
    gap = free_number()
    append(deposits("B", 1, 2), at=AT)
    seal_next(now=AT)
    return gap


def number_of_raw(identity, version):
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM events WHERE aggregate_id = %s AND version = %s", [identity, version])
        (number,) = cursor.fetchone()
    return number

"""The tail that no seal covers yet: what is seen there, and what is not. Each test is a line of docs/integrity.md."""

import pytest

from eventstore.integrity.sealing import seal_next
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
    reseal,
    tail,
    take_out,
)
from tests.eventstore.samples import AT, deposits

pytestmark = pytest.mark.django_db

A, B = "Account-A", "Account-B"


@pytest.fixture
def folder(tmp_path):
    """The exported seals of a log whose newest events are A 8 to 10 and B 4."""
    log_of_three_seals()
    tail()
    return exported(tmp_path)


# Seen


@pytest.mark.parametrize(
    "assignment",
    [
        """data = '{"amount":"15"}'""",
        """metadata = '{}'""",
        "type = 'AccountEvent::Withdrawn'",
        "schema = 2",
        "recorded_at = '2025-03-01 12:30:01+00:00'",
        "hash = '00'",
    ],
)
def test_an_event_changed_by_itself_is_seen(folder, assignment):
    change(assignment, "A", 10)

    assert found(folder) == [("changed", A, 10, number_of("A", 10), None)]


def test_a_number_changed_by_itself_is_seen(folder):
    gap = free_number()
    change("number = %s", "A", 10, gap)

    assert found(folder) == [("changed", A, 10, gap, None)]


def test_an_event_taken_from_before_others_of_its_stream_is_seen(folder):
    take_out("A", 9)

    assert found(folder) == [("missing", A, 9, None, None)]


def test_the_beginning_of_a_stream_taken_out_is_seen(folder):
    append(deposits("D", 1, 2), at=AT)
    take_out("D", 1)

    assert found(folder) == [("missing", "Account-D", 1, None, None)]


def test_two_events_of_a_stream_that_changed_places_are_seen(folder):
    first, second = number_of("A", 8), number_of("A", 9)
    change("version = 50", "A", 8)
    change("version = 8", "A", 9)
    change("version = 9", "A", 50)

    assert found(folder) == [
        ("out of order", A, 9, first, None),
        ("changed", A, 9, first, None),
        ("changed", A, 8, second, None),
        ("changed", A, 10, number_of("A", 10), None),
    ]


def test_an_event_moved_to_another_stream_is_seen(folder):
    number = number_of("B", 4)
    change("aggregate_id = 'A', version = 11", "B", 4)

    # Version 10 came later, and its hash is another one.
    assert found(folder) == [("out of order", A, 11, number, None), ("changed", A, 11, number, None)]


def test_an_event_put_in_with_a_hash_that_does_not_fit_is_seen(folder):
    number = free_number()
    put_in(number, "A", 11, previous="0" * 64)

    assert found(folder) == [("changed", A, 11, number, None)]


def test_an_event_put_in_below_others_of_its_stream_is_seen_by_its_number():
    append(deposits("A", 1), at=AT)
    gap = free_number()
    append(deposits("A", 2), at=AT)
    put_in(gap, "A", 3)

    assert found() == [("out of order", A, 3, gap, None)]


# Not seen


def test_events_taken_from_a_streams_end_are_not_seen(folder):
    take_out("A", 9, 10)

    assert found(folder) == []


def test_a_stream_without_a_sealed_event_taken_out_as_a_whole_is_not_seen(folder):
    append(deposits("D", 1, 2), at=AT)
    take_out("D", 1, 2)

    assert found(folder) == []


def test_an_event_appended_by_hand_is_not_seen(folder):
    put_in(free_number(), "A", 11)

    assert found(folder) == []


def test_a_stream_rewritten_from_an_unsealed_event_on_is_not_seen(folder):
    change("""data = '{"amount":"15"}'""", "A", 8)
    rechain("A", 8)

    assert found(folder) == []


def test_what_was_done_before_the_seal_is_sealed(folder):
    change("""data = '{"amount":"15"}'""", "A", 8)
    rechain("A", 8)
    seal_next(now=AT, regardless=True)

    assert found(exported(folder)) == []


def test_seals_that_are_in_the_database_alone_are_no_more_than_a_tail(folder):
    seal_next(now=AT, regardless=True)  # Never exported.
    change("""data = '{"amount":"15"}'""", "A", 8)
    rechain("A", 8)
    reseal(4)

    assert found(folder) == []


def test_the_tail_ends_where_the_seal_is_exported(folder):
    seal_next(now=AT, regardless=True)
    exported(folder)
    change("""data = '{"amount":"15"}'""", "A", 8)
    rechain("A", 8)
    reseal(4)

    assert [finding[:3] for finding in found(folder) if finding[1]] == [
        ("changed", A, 8),
        ("changed", A, 9),
        ("changed", A, 10),
    ]

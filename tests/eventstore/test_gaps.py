"""Gaps: numbers that no event has. Those that may still be filled are waited for, and no others."""

import psycopg
from django.db import connection

from eventstore.following import events_between, follow, settled
from eventstore.functions import APPENDING
from eventstore.store import Draft, append_alone
from tests.eventstore.samples import AT, METADATA, Deposited, coins, deposits
from tests.eventstore.test_following import Reader, another, append_by, on_postgresql, parameters, real


@real
@on_postgresql
def test_what_was_under_way_when_the_mark_was_taken_is_not_read_past():
    """The mark is taken, everything is committed, and only then are events read: up to the mark, and no further."""
    append_alone(deposits("before", 1), at=AT)
    with another() as raw:
        append_by(raw, "slow")
        append_alone(deposits("A", 1), at=AT)
        mark = settled()
        append_alone(deposits("B", 1), at=AT)
        raw.commit()

    assert [event.aggregate_id for event in events_between(0, mark, limit=10)] == ["before"]
    assert [event.aggregate_id for event in events_between(mark, settled(), limit=10)] == ["slow", "A", "B"]


@real
@on_postgresql
def test_the_highest_number_that_is_committed_is_no_mark():
    with another() as raw:
        append_by(raw, "slow")
        (above,) = append_alone(deposits("A", 1), at=AT)

        assert settled() == above.number - 2
        raw.commit()

    assert settled() == above.number


@real
@on_postgresql
def test_a_writer_that_is_killed_is_waited_for_no_longer():
    reader = Reader()
    with another() as raw:
        append_by(raw, "killed")
        append_alone(deposits("A", 1), at=AT)
        reader.turn()
        assert reader.seen == []
        with psycopg.connect(**parameters(), autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(%s, 10000)", [raw.info.backend_pid])

        reader.turn()

    assert [name for _, name, _ in reader.seen] == ["Account-A"]


@real
def test_however_many_numbers_are_missing_they_are_passed_in_one_step(django_assert_max_num_queries):
    """One rival keeps every missing number in its token, and asks for each; another waits for each."""
    append_alone(deposits("A", 1), at=AT)
    lose_numbers(50_000)
    append_alone(deposits("A", 2), at=AT)

    with django_assert_max_num_queries(6):
        (page,) = follow()

    assert [event.version for event in page] == [1, 2]
    assert page[1].number - page[0].number == 50_001


@real
def test_numbers_of_other_kinds_are_no_gap():
    """Followers of one kind see numbers that do not follow one another, and need not wait for those between."""
    append_alone([*deposits("A", 1, 2), purse(1), *deposits("A", 3), purse(2), *deposits("B", 1)], at=AT)

    (page,) = follow(aggregate_types={"Purse"})

    assert [(str(event.stream), event.version) for event in page] == [("Purse-P", 1), ("Purse-P", 2)]


@real
def test_numbers_and_versions_go_on_beyond_32_bits():
    lose_numbers(2**33)
    (first,) = append_alone(deposits("A", 1), at=AT)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events (number, aggregate_type, aggregate_id, version, type, schema, data, metadata,"
            " recorded_at, hash) SELECT number + 1, aggregate_type, aggregate_id, %s, type, schema, data, metadata,"
            " recorded_at, hash FROM events",
            [2**33],
        )
    lose_numbers(1)

    (last,) = append_alone(deposits("A", 2**33 + 1), at=AT)

    assert first.number > 2**33
    assert last.number > first.number + 1
    assert last.version == 2**33 + 1
    assert [event.version for page in follow(after=first.number) for event in page] == [2**33, 2**33 + 1]


def test_no_append_wakes_anybody():
    """A notification in each commit makes commits wait for each other. Whoever follows the log looks by itself."""
    assert [name for name, text in APPENDING.items() if "notify" in text.lower()] == []


def purse(version):
    return Draft("Purse", "P", version, Deposited(amount=coins(1)), METADATA)


def lose_numbers(count):
    """Let numbers be given out to nobody, as by appends that were rolled back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval('events_number_seq', nextval('events_number_seq') + %s - 1)", [count])
        else:
            cursor.execute(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 0 WHERE NOT EXISTS"
                " (SELECT 1 FROM sqlite_sequence WHERE name = 'events')"
            )
            cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = 'events'", [count])

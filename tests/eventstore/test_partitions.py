"""A table of events in partitions: it takes, refuses and finds what the plain one does, and is chosen beforehand."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from eventstore.functions import APPENDING
from eventstore.guards import installed, triggers
from eventstore.loading import load
from eventstore.models import StoredEvent
from eventstore.partitions import CannotPartition, count_partitions, ensure_partitions, partition_events
from eventstore.read_only import estimated_rows
from eventstore.store import Draft, WrongExpectedVersion, append, verify_chain
from tests.eventstore import test_append, test_chain, test_history
from tests.eventstore.samples import AT, METADATA, Account, Opened, coins, deposits
from trading.growth.sizes import table_sizes

pytestmark = pytest.mark.django_db


@pytest.fixture
def partitioned():
    if connection.vendor != "postgresql":
        pytest.skip("events are partitioned on PostgreSQL only")
    # A test's own transaction takes it back.
    partition_events(4)


def facts():
    """What the catalogue says of the table: constraints, indexes, columns and the owner of the sequence."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'events'::regclass ORDER BY conname"
        )
        constraints = [row for row in cursor.fetchall() if not row[1].startswith("NOT NULL")]
        cursor.execute(
            "SELECT replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes"
            " WHERE tablename = 'events' ORDER BY indexname"
        )
        indexes = cursor.fetchall()
        cursor.execute(
            "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_name = 'events' ORDER BY ordinal_position"
        )
        columns = cursor.fetchall()
        cursor.execute(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'events'::regclass AND NOT tgisinternal"
            " ORDER BY tgname"
        )
        triggers = cursor.fetchall()
        cursor.execute("SELECT pg_get_serial_sequence('events', 'number')")
        return constraints, indexes, columns, triggers, cursor.fetchall()


def test_the_table_is_what_it_was_but_for_its_partitions():
    if connection.vendor != "postgresql":
        pytest.skip("events are partitioned on PostgreSQL only")
    before = facts()

    partition_events(4)

    assert facts() == before
    assert count_partitions() == 4


def test_streams_are_spread_and_each_lies_in_one_partition(partitioned):
    append([draft for n in range(40) for draft in deposits(f"A{n}", 1, 2)], at=AT)

    with connection.cursor() as cursor:
        cursor.execute("SELECT aggregate_id, count(DISTINCT tableoid) FROM events GROUP BY aggregate_id")
        assert {count for _, count in cursor.fetchall()} == {1}
        cursor.execute("SELECT count(DISTINCT tableoid) FROM events")
        assert cursor.fetchone() == (4,)


CORE = [
    test_append.test_what_is_appended_reads_back,
    test_append.test_a_row_holds_plain_json,
    test_append.test_streams_interleave_in_the_order_given,
    test_append.test_streams_of_one_id_and_two_kinds_are_two_streams,
    test_append.test_a_long_stream_is_read_whole_and_from_anywhere,
    test_append.test_the_log_is_read_from_a_number_on,
    test_append.test_one_wrong_stream_refuses_the_batch,
    test_append.test_inline_projectors_see_the_batch_of_their_kind_as_it_is_stored,
    test_append.test_seventy_digits_and_more_come_back_from_the_database,
    test_history.test_a_state_is_told_as_it_stood_at_each_version,
    test_history.test_a_timeline_is_read_page_by_page,
    test_history.test_streams_of_a_type_are_listed_by_id,
]


@pytest.mark.parametrize("case", CORE, ids=lambda case: case.__name__)
def test_what_holds_of_a_plain_table_holds_of_this_one(partitioned, case):
    case()


def test_many_streams_are_still_read_in_one_query(partitioned, django_assert_num_queries):
    test_append.test_many_streams_are_read_in_one_query(django_assert_num_queries)


@pytest.mark.parametrize(("versions", "expected"), [((1,), 0), ((4,), 3)])
def test_another_version_than_the_streams_is_refused(partitioned, versions, expected):
    test_append.test_another_version_than_the_streams_is_refused(versions, expected)


@pytest.mark.parametrize(
    ("function", "looking", "blind", "before"),
    [
        ("append_event", "IF coalesce(stands, 0) <> expected THEN", "prior := ''; IF false THEN", []),
        (
            "append_events",
            "IF coalesce(stands.version, 0) <> expected[stream] THEN",
            "stands.hash := ''; IF false THEN",
            deposits("B", 1),
        ),
    ],
)
def test_a_taken_place_is_found_out_by_the_constraint_alone(partitioned, function, looking, blind, before):
    append(deposits("A", 1), at=AT)
    # As if the look at the heads had come before that.
    assert looking in APPENDING[function]
    with connection.cursor() as cursor:
        cursor.execute(APPENDING[function].replace(looking, blind))

    with (
        pytest.raises(WrongExpectedVersion, match="Account-A: expected version 0, another event was appended") as lost,
        transaction.atomic(),
    ):
        append([*before, *deposits("A", 1)], at=AT)

    assert isinstance(lost.value.__cause__, IntegrityError)
    assert StoredEvent.objects.count() == 1


@pytest.mark.parametrize("versions", [(1,), (1, 2)])
def test_another_constraint_is_not_taken_for_the_streams(partitioned, monkeypatch, versions):
    test_append.write_badly(monkeypatch)

    with pytest.raises(IntegrityError, match="events_schema_from_1"), transaction.atomic():
        append(deposits("A", *versions), at=AT)


def test_a_stream_is_loaded_and_verified(partitioned):
    append([Draft("Account", "A", 1, Opened(limit=coins(5), opened_at=AT), METADATA), *deposits("A", 2, 3)], at=AT)

    assert load(Account, "A").version == 3
    verify_chain("Account", "A")
    test_chain.change("data = '{}'", 2)
    with pytest.raises(test_chain.ChainBroken):
        verify_chain("Account", "A")


def test_a_load_looks_into_one_partition(partitioned):
    append(deposits("A", 1), at=AT)

    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT * FROM events WHERE aggregate_type = 'Account' AND aggregate_id = 'A'")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert plan.count(" on events_partition_") == 1


def test_the_size_of_all_partitions_is_told_as_one(partitioned):
    append([draft for n in range(40) for draft in deposits(f"A{n}", 1)], at=AT)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events")

    found = {one.table: one for one in table_sizes()}

    assert found["events"].rows == 40
    assert found["events"].bytes >= 4 * 8192
    assert [name for name in found if name.startswith("events_partition_")] == []
    assert estimated_rows(StoredEvent.objects.all()) == 40


def test_triggers_guard_the_table_and_each_partition(partitioned):
    append(deposits("A", 1, 2), at=AT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM events")
        (partition,) = cursor.fetchone()

        for statement in (
            "UPDATE events SET version = 9",
            f"UPDATE {partition} SET version = 9",  # noqa: S608
            f"DELETE FROM {partition}",  # noqa: S608
            "TRUNCATE events",
            *(f"TRUNCATE events_partition_{n}" for n in range(4)),
        ):
            with pytest.raises(IntegrityError, match="never changed or taken out"), transaction.atomic():
                cursor.execute(statement)
    assert installed(connection) == set(triggers(connection))


def test_a_table_with_events_stays_as_it_is(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("events are partitioned on PostgreSQL only")
    append(deposits("A", 1), at=AT)
    before = count_partitions()

    monkeypatch.setenv("EVENT_PARTITIONS", "7")
    with pytest.raises(CommandError, match="expected an empty table of events to divide into 7 partitions") as refused:
        call_command("migrate", stdout=StringIO())

    assert refused.value.returncode == 2
    assert count_partitions() == before
    assert StoredEvent.objects.count() == 1


def test_migrate_divides_an_empty_table_once(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("events are partitioned on PostgreSQL only")
    monkeypatch.setenv("EVENT_PARTITIONS", "3")

    call_command("migrate", stdout=StringIO())
    append(deposits("A", 1), at=AT)
    # With events in it, as long as it is as it is to be.
    call_command("migrate", stdout=StringIO())

    assert count_partitions() == 3
    with pytest.raises(CannotPartition, match="found events in 3 partitions"):
        ensure_partitions(4)


def test_there_are_no_partitions_on_sqlite(monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("on PostgreSQL there may be")
    monkeypatch.setenv("EVENT_PARTITIONS", "4")

    with pytest.raises(CommandError, match="on PostgreSQL only: set EVENT_PARTITIONS=none"):
        call_command("migrate", stdout=StringIO())

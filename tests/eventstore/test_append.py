"""The store: what is appended, where, and what is refused."""

import json
import threading
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, connections, transaction

from eventstore import store
from eventstore.codec import CannotEncode
from eventstore.databases import database
from eventstore.events import Event, NotAnEvent
from eventstore.handling import load
from eventstore.maintenance import maintenance
from eventstore.models import StoredEvent
from eventstore.projections import ProjectorTwice, inline_projectors, only_inline, register_inline
from eventstore.store import (
    Draft,
    DraftsOutOfOrder,
    Metadata,
    TransactionNeeded,
    WrongExpectedVersion,
    all_events,
    append,
    head,
    stream,
    streams,
)
from tests.eventstore.samples import (
    AT,
    METADATA,
    Account,
    Deposited,
    Opened,
    OverTheLimit,
    Withdraw,
    Withdrawn,
    coins,
    deposits,
)


def append_alone(drafts):
    with transaction.atomic():
        return append(drafts, at=AT)


@pytest.mark.django_db
def test_what_is_appended_reads_back():
    opened = Opened(limit=coins("5.00"), opened_at=AT)
    cause = Metadata(actor="me", correlation="c-1", causation="m-1")

    recorded = append(
        [Draft("Account", "ä\"\\{},'x", 1, opened, cause), *deposits("ä\"\\{},'x", 2, amount="1E-60")], at=AT
    )

    assert list(stream("Account", "ä\"\\{},'x")) == recorded
    assert [r.event for r in recorded] == [opened, Deposited(amount=coins("1E-60"))]
    assert [r.metadata for r in recorded] == [cause, METADATA]
    assert [r.version for r in recorded] == [1, 2]
    assert [r.recorded_at for r in recorded] == [AT, AT]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [1, 2])
def test_a_session_that_began_with_a_table_known_to_be_empty_never_reads_it_whole(size):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite looks at no figures when it plans")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE events")  # So that the server knows, and would plan a scan.
        cursor.execute("DISCARD PLANS")

        with transaction.atomic():
            for version in range(1, 40, size):
                append(deposits("A", *range(version, version + size)), at=AT)
            cursor.execute("SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'events'")
            whole, by_index = cursor.fetchone()

    assert whole == 0
    assert by_index >= 39 // size


@pytest.mark.django_db
def test_a_row_holds_plain_json():
    append(deposits("A", 1, amount="1.50"), at=AT)

    row = StoredEvent.objects.get()

    assert (row.type, row.schema, row.data) == ("AccountEvent::Deposited", 1, '{"amount":"1.5"}')
    assert json.loads(row.metadata) == {"actor": "tests", "correlation": "a test", "causation": None}
    assert row.recorded_at == AT
    assert len(row.hash) == 64


@pytest.mark.django_db
@pytest.mark.parametrize("microsecond", [0, 1, 999_999])
def test_a_time_of_recording_is_kept_to_the_microsecond(microsecond):
    at = datetime(2025, 3, 1, 23, 30, 0, microsecond, tzinfo=timezone(timedelta(hours=-5)))

    (recorded,) = append(deposits("A", 1), at=at)

    assert recorded.recorded_at == at
    assert next(stream("Account", "A")).recorded_at == at
    store.verify_chain("Account", "A")


@pytest.mark.django_db
def test_streams_interleave_in_the_order_given():
    append(deposits("B", 1), at=AT)
    drafts = [*deposits("A", 1), *deposits("B", 2), *deposits("A", 2), *deposits("C", 1), *deposits("B", 3)]

    recorded = append(drafts, at=AT)

    assert [(r.aggregate_id, r.version) for r in recorded] == [("A", 1), ("B", 2), ("A", 2), ("C", 1), ("B", 3)]
    numbers = [r.number for r in recorded]
    assert numbers == sorted(set(numbers))
    assert [r.number for r in all_events(limit=100)][1:] == numbers
    for identity, length in (("A", 2), ("B", 3), ("C", 1)):
        store.verify_chain("Account", identity)
        assert head("Account", identity) == length


@pytest.mark.django_db(transaction=True)
def test_one_event_and_many_are_stored_alike():
    """The databases have a way of their own for one; both chain, and in either kind of transaction."""
    ways = [append_alone, lambda drafts: store.append_alone(drafts, at=AT)]
    versions = iter(range(1, 13))

    for write in ways * 2:
        write(deposits("ä", next(versions), amount="2.50"))
        write(deposits("ä", next(versions), next(versions), amount="2.50"))

    store.verify_chain("Account", "ä")
    rows = StoredEvent.objects.order_by("number")
    assert [row.version for row in rows] == list(range(1, 13))
    unlike = {"number", "version", "hash"}
    facts = [{name: value for name, value in row.items() if name not in unlike} for row in rows.values()]
    assert facts == [facts[0]] * 12
    assert facts[0]["data"] == '{"amount":"2.5"}'


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("versions", [(1,), (3,), (1, 2), (3, 4)])
def test_a_commit_of_its_own_is_refused_at_another_version_too(versions):
    append_alone(deposits("A", 1))

    with pytest.raises(WrongExpectedVersion, match=f"Account-A: expected version {versions[0] - 1}, was 1"):
        store.append_alone(deposits("A", *versions), at=AT)

    store.append_alone(deposits("A", 2), at=AT)
    assert head("Account", "A") == 2


@pytest.mark.django_db
def test_streams_of_one_id_and_two_kinds_are_two_streams():
    append([*deposits("A", 1), Draft("Purse", "A", 1, Deposited(amount=coins(1)), METADATA)], at=AT)

    assert (head("Account", "A"), head("Purse", "A"), head("Wallet", "A")) == (1, 1, 0)


@pytest.mark.django_db
def test_many_streams_are_read_in_one_query(django_assert_num_queries):
    append([draft for n in range(2000) for draft in deposits(f"A{n}", 1, 2)], at=AT)

    with django_assert_num_queries(1):
        found = streams("Account", [*(f"A{n}" for n in range(2000)), "nobody"])

    assert found.pop("nobody") == []
    assert {tuple(r.version for r in events) for events in found.values()} == {(1, 2)}
    assert streams("Account", []) == {}


@pytest.mark.django_db
def test_a_long_stream_is_read_whole_and_from_anywhere():
    append(deposits("A", *range(1, 2501)), at=AT)

    assert [r.version for r in stream("Account", "A")] == list(range(1, 2501))
    assert [r.version for r in stream("Account", "A", after=2498)] == [2499, 2500]
    assert list(stream("Account", "A", after=2500)) == []


@pytest.mark.django_db
def test_the_log_is_read_from_a_number_on():
    recorded = append(deposits("A", *range(1, 6)), at=AT)

    assert all_events(after_number=recorded[1].number, limit=2) == recorded[2:4]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ((1,), 0),  # The stream is not new.
        ((2,), 1),  # It has come further.
        ((4,), 3),  # It has not come so far: there would be a gap.
        ((4, 5), 3),
    ],
)
def test_another_version_than_the_streams_is_refused(versions, expected):
    append(deposits("A", 1, 2), at=AT)

    with pytest.raises(WrongExpectedVersion, match=f"Account-A: expected version {expected}, was 2") as refused:
        append(deposits("A", *versions), at=AT)

    assert (refused.value.stream, refused.value.expected, refused.value.actual) == (("Account", "A"), expected, 2)
    # Nothing was written, so the transaction goes on.
    assert [r.version for r in append(deposits("A", 3), at=AT)] == [3]


@pytest.mark.django_db
@pytest.mark.parametrize("versions", [(1, 3), (2, 1), (1, 1), (0,), (-1, 0)])
def test_versions_must_follow_one_another(versions):
    with pytest.raises(DraftsOutOfOrder, match="Account-A"):
        append(deposits("A", *versions), at=AT)


@pytest.mark.django_db
def test_one_wrong_stream_refuses_the_batch():
    with pytest.raises(WrongExpectedVersion, match="Account-B"):
        append([*deposits("A", 1), *deposits("B", 2)], at=AT)

    assert not StoredEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_is_needed():
    for drafts in (deposits("A", 1), []):
        with pytest.raises(TransactionNeeded, match=r"transaction\.atomic"):
            append(drafts, at=AT)


@pytest.mark.django_db
def test_no_drafts_are_no_events(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert append([], at=AT) == []


@pytest.mark.django_db
def test_a_time_of_recording_without_a_zone_is_refused():
    with pytest.raises(CannotEncode, match="time zone"):
        append(deposits("A", 1), at=datetime(2025, 1, 1))  # noqa: DTZ001


@pytest.mark.django_db
def test_an_event_that_would_read_back_otherwise_is_refused():
    as_text = Opened(limit=coins(1), opened_at="2025-03-01T00:00:00Z")

    with pytest.raises(CannotEncode, match="'AccountEvent::Opened' would not read back"), transaction.atomic():
        append([Draft("Account", "A", 1, as_text, METADATA)], at=AT)


@pytest.mark.django_db
def test_an_event_without_a_name_is_refused():
    class Nameless(Event):
        pass

    with pytest.raises(NotAnEvent, match="Nameless"), transaction.atomic():
        append([Draft("Account", "A", 1, Nameless(), METADATA)], at=AT)


@pytest.mark.django_db(transaction=True)
def test_numbers_are_never_given_twice():
    (first, last) = append_alone(deposits("A", 1, 2))
    with maintenance(actor="tests", reason="as if A had never been", at=AT):
        StoredEvent.objects.filter(aggregate_id="A").delete()

    (after,) = append_alone(deposits("B", 1))

    assert first.number < last.number < after.number


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_rolled_back_leaves_no_event():
    with transaction.atomic():
        append(deposits("A", 1, 2), at=AT)
        transaction.set_rollback(True)

    assert head("Account", "A") == 0


# Several at once.


def at_once(tasks):
    """Run tasks in threads, each with a connection of its own; return what each returned or raised."""
    outcomes = [None] * len(tasks)

    def run(index, task):
        try:
            outcomes[index] = task()
        except Exception as error:  # noqa: BLE001
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("expected", [0, 1, 7])
def test_of_appends_with_one_expected_version_exactly_one_wins(expected):
    append_alone(deposits("A", *range(1, expected + 1)))
    start = threading.Barrier(6)

    def contend():
        start.wait()
        return append_alone(deposits("A", expected + 1, expected + 2))

    outcomes = at_once([contend] * 6)

    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    losers = [outcome for outcome in outcomes if not isinstance(outcome, list)]
    assert {type(loser) for loser in losers} == {WrongExpectedVersion}
    assert {(loser.stream, loser.expected) for loser in losers} == {(("Account", "A"), expected)}
    assert [r.version for r in stream("Account", "A")] == list(range(1, expected + 3))
    store.verify_chain("Account", "A")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("expected", [0, 2])
@pytest.mark.parametrize("before", [[], deposits("X", 1)])
def test_who_is_overtaken_after_looking_loses_too(expected, before):
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite nobody looks while another one writes")
    append_alone(deposits("A", *range(1, expected + 1)))
    losers = []

    def lose():
        # The stream that they contend for need not be its first.
        with pytest.raises(WrongExpectedVersion, match="another event was appended meanwhile") as lost:
            append_alone([*before, *deposits("A", expected + 1)])
        losers.append(lost.value)
        connections.close_all()

    thread = threading.Thread(target=lose, daemon=True)
    with transaction.atomic():
        append(deposits("A", expected + 1), at=AT)
        thread.start()
        wait_until(somebody_waits)  # It has seen the old head by now, and wants the place that is ours.
    thread.join(30)

    (loser,) = losers
    assert (loser.stream, loser.expected, loser.actual) == (("Account", "A"), expected, None)
    assert isinstance(loser.__cause__, IntegrityError)
    assert head("Account", "X") == 0
    assert StoredEvent.objects.count() == expected + 1


@pytest.mark.django_db(transaction=True)
def test_who_loses_keeps_what_it_wanted_to_store_and_wins_by_deciding_again():
    append_alone([Draft("Account", "A", 1, Opened(limit=coins(0), opened_at=AT), METADATA)])
    append_alone(deposits("A", 2, amount="5"))
    mine = loaded_and_decided(Withdraw(coins(3)))
    append_alone(loaded_and_decided(Withdraw(coins(3))))
    wanted = list(mine)

    with pytest.raises(WrongExpectedVersion) as lost:
        append_alone(mine)
    assert mine == wanted
    assert (lost.value.expected, lost.value.actual) == (2, 3)
    # What was right before is right no longer.
    with pytest.raises(OverTheLimit):
        loaded_and_decided(Withdraw(coins(3)))
    append_alone(loaded_and_decided(Withdraw(coins(2))))

    assert load(Account, "A").state.balance == 0
    assert head("Account", "A") == 4


def loaded_and_decided(command):
    state, version = load(Account, "A")
    return [Draft("Account", "A", version + 1, event, METADATA) for event in state.decide(command)]


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
        return cursor.fetchone()[0] > 0


def wait_until(done):
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_appends_to_different_streams_all_win():
    outcomes = at_once(
        [lambda n=n: [append_alone(deposits(f"A{n}", version)) for version in (1, 2, 3)] for n in range(4)]
    )

    assert [type(outcome) for outcome in outcomes] == [list] * 4
    assert StoredEvent.objects.values("number").distinct().count() == 12


# Errors of others.


def write_badly(monkeypatch):
    """Let every event go to the database with a schema that no event has."""
    words = type(database())
    one, many = words.append_one, words.append

    def bad(entry):
        return entry._replace(schema=0)

    monkeypatch.setattr(
        words,
        "append_one",
        lambda self, using, stream, entry, at, *, alone: one(self, using, stream, bad(entry), at, alone=alone),
    )
    monkeypatch.setattr(
        words,
        "append",
        lambda self, using, streams, expected, entries, at, *, alone: many(
            self, using, streams, expected, list(map(bad, entries)), at, alone=alone
        ),
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("versions", [(1,), (1, 2)])
@pytest.mark.parametrize("write", [append_alone, lambda drafts: store.append_alone(drafts, at=AT)])
def test_an_error_other_than_a_taken_place_passes_through(monkeypatch, versions, write):
    write_badly(monkeypatch)

    with pytest.raises(IntegrityError, match="events_schema_from_1"):
        write(deposits("A", *versions))

    assert head("Account", "A") == 0
    assert not connection.in_atomic_block


class Projecting:
    """A projector that notes what it is given, or does what it is told."""

    aggregate_type = "Account"

    def __init__(self, name="noting", project=None):
        self.name = name
        self.seen = []
        self._project = project

    def project(self, batch):
        self.seen.extend(batch)
        if self._project is not None:
            self._project(batch)


def fail(batch):
    raise ZeroDivisionError


@pytest.mark.django_db
def test_inline_projectors_see_the_batch_of_their_kind_as_it_is_stored():
    first, second = Projecting("first"), Projecting("second")
    withdrawn = Draft("Account", "A", 2, Withdrawn(amount=coins("2.50")), METADATA)
    other = Draft("Purse", "A", 1, Deposited(amount=coins(1)), METADATA)

    with only_inline(first, second):
        recorded = append([*deposits("A", 1), other, withdrawn], at=AT)

    assert first.seen == second.seen == [recorded[0], recorded[2]]
    assert str(first.seen[1].event.amount) == "2.5"


@pytest.mark.django_db(transaction=True)
def test_a_projector_that_fails_takes_the_append_back():
    with only_inline(Projecting(project=fail)), pytest.raises(ZeroDivisionError):
        append_alone(deposits("A", 1))

    assert head("Account", "A") == 0


@pytest.mark.django_db(transaction=True)
def test_events_are_not_kept_without_their_view_even_if_the_caller_swallows_the_error():
    with only_inline(Projecting(project=fail)), transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            append(deposits("A", 1), at=AT)
        with pytest.raises(transaction.TransactionManagementError):
            head("Account", "A")

    assert head("Account", "A") == 0


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_of_the_callers_own_keeps_the_rest():
    with only_inline(Projecting(project=fail)), transaction.atomic():
        Group.objects.create(name="kept")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            append(deposits("A", 1), at=AT)

    assert Group.objects.filter(name="kept").exists()
    assert head("Account", "A") == 0


@pytest.mark.django_db(transaction=True)
def test_a_views_own_conflict_is_not_taken_for_the_streams():
    Group.objects.create(name="taken")
    projector = Projecting(project=lambda batch: Group.objects.create(name="taken"))

    with only_inline(projector), pytest.raises(IntegrityError):
        append_alone(deposits("A", 1))


def test_projectors_have_names_of_their_own():
    projector = Projecting()

    with only_inline(projector):
        register_inline(projector)
        with pytest.raises(ProjectorTwice, match="'noting'"):
            register_inline(Projecting())
        assert inline_projectors("Account") == (projector,)
        assert inline_projectors("Purse") == ()
    assert projector not in inline_projectors("Account")


@pytest.mark.django_db
def test_seventy_digits_and_more_come_back_from_the_database():
    amount = Decimal("-" + "123456789" * 20 + "." + "987654321" * 20)

    append([Draft("Account", "A", 1, Deposited(amount=amount), METADATA)], at=AT)

    assert next(stream("Account", "A")).event.amount == amount

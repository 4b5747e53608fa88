"""Replaying: streams that today's code would break on are named, before a deploy."""

import json
from decimal import Decimal
from io import StringIO

import msgspec
import pytest
from django.core.management import call_command
from django.db import connection, connections

from eventstore import replaying
from eventstore.codec import decode_value, encode_value
from eventstore.maintenance import maintenance
from eventstore.models import StoredEvent, StoredSnapshot
from eventstore.replaying import Replay
from eventstore.store import Draft, append
from tests.eventstore.samples import AT, METADATA, Account, Deposited, coins, deposits
from tests.support import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def every_ten(settings):
    settings.EVENTSTORE_SNAPSHOT_EVERY = 10


def broken(**options):
    """Return what breaks, and the run's counts."""
    run = Replay(**options)
    found = list(run.broken())
    return found, (run.streams, run.events, run.snapshots)


def stored(id, version, **facts):
    """Store an event as another program would have."""
    given = {"aggregate_type": "Account", "type": "AccountEvent::Deposited", "data": '{"amount":"1"}'}
    return make.event(aggregate_id=id, version=version, **given | facts)


def test_a_sound_log_replays(monkeypatch):
    monkeypatch.setattr(replaying, "PAGE", 7)
    append([*deposits("A", *range(1, 26)), *deposits("B", *range(1, 12)), *deposits("C", 1)], at=AT)

    # The snapshots of A at 25 and of B at 11 are what the replay comes to there.
    assert broken() == ([], (3, 37, 2))


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"type": "AccountEvent::Forgotten"}, "UnknownEventType: no class is registered for events named"),
        ({"schema": 2}, "NewerSchema: 'AccountEvent::Deposited' was stored with schema 2"),
        ({"type": "UpcastSample::Forgotten", "schema": 2}, "MissingUpcaster: 'UpcastSample::Forgotten' was stored"),
        ({"data": '{"sum":"1"}'}, "CannotDecode: 'AccountEvent::Deposited' of schema 1 can't be read"),
        ({"data": "{"}, "CannotDecode: 'AccountEvent::Deposited' of schema 1 can't be read"),
        ({"version": 4}, "expected version 3 next, found 4"),
    ],
)
def test_a_stream_that_breaks_is_named_with_its_event_and_error(facts, error):
    import tests.eventstore.test_events  # noqa: F401  # registers the samples

    append([*deposits("A", 1, 2), *deposits("Z", 1)], at=AT)
    event = stored("A", **{"version": 3} | facts)

    (found,), counts = broken()

    assert found[:5] == ("Account", "A", event.version, event.number, event.type)
    assert found.error.startswith(error)
    assert counts == (2, 4, 0)


def test_an_event_that_the_aggregate_fails_on_breaks_its_stream(monkeypatch):
    append(deposits("A", 1, 2, 3), at=AT)
    evolve = Account.evolve

    def refusing(self, event):
        if self.movements == 1:
            raise ZeroDivisionError("no more")
        return evolve(self, event)

    monkeypatch.setattr(Account, "evolve", refusing)

    # One line a stream, whatever would follow.
    assert [(each.version, each.error) for each in broken()[0]] == [(2, "ZeroDivisionError: no more")]


def test_a_kind_without_an_aggregate_breaks():
    append([Draft("Purse", "P", 1, Deposited(amount=coins(1)), METADATA)], at=AT)

    (found,), _ = broken()

    assert found.error == "no aggregate of type 'Purse' is registered: run the program that wrote it"


def test_a_snapshot_that_differs_from_the_replay_is_a_break():
    append(deposits("A", *range(1, 16)), at=AT)
    kept = StoredSnapshot.objects.get()
    state = msgspec.structs.replace(decode_value(Account, kept.data), balance=Decimal(99))
    StoredSnapshot.objects.update(data=encode_value(state))

    (found,), _ = broken()

    assert found.version == kept.version
    assert "(balance is Decimal('99') there and Decimal('22.5') here): raise state_schema of Account" in found.error


@pytest.mark.parametrize(("left", "last"), [(10, 10), (0, 0)])
def test_a_snapshot_that_is_newer_than_its_stream_is_a_break(left, last):
    recorded = append([*deposits("A", *range(1, 21)), *deposits("B", *range(1, 12))], at=AT)
    with maintenance(actor="tests", reason="as if the end were lost", at=AT):
        StoredEvent.objects.filter(aggregate_id="A", version__gt=left).delete()

    (found,), _ = broken()

    assert found[:3] == ("Account", "A", last)
    assert (found.number, found.type) == ((recorded[9].number, "AccountEvent::Deposited") if left else (0, ""))
    assert f"its snapshot is of version 20, and its last event of version {last}: events are missing" in found.error


def test_snapshots_of_another_schema_are_never_newer_than_their_streams():
    append(deposits("A", *range(1, 11)), at=AT)
    StoredSnapshot.objects.update(schema=7, version=99)

    assert broken() == ([], (1, 10, 0))


def test_snapshots_of_another_schema_and_unreadable_ones_are_ignored_as_loading_does(monkeypatch):
    append([*deposits("A", *range(1, 11)), *deposits("B", *range(1, 11))], at=AT)
    StoredSnapshot.objects.filter(aggregate_id="A").update(schema=7, data="[]")
    StoredSnapshot.objects.filter(aggregate_id="B").update(data="[]")

    run = Replay()

    assert list(run.broken()) == []
    assert (run.snapshots, run.unreadable_snapshots) == (0, 1)


def test_kinds_and_number_of_streams_can_be_named():
    append([*deposits("A", 1), *deposits("B", 1, 2), *deposits("C", 1)], at=AT)
    append([Draft("Purse", "P", 1, Deposited(amount=coins(1)), METADATA)], at=AT)

    assert broken(kinds=["Account"], limit=2) == ([], (2, 3, 0))
    assert broken(kinds=["Account"])[1] == (3, 4, 0)


def test_memory_holds_a_page_however_long_the_log_is(monkeypatch):
    monkeypatch.setattr(replaying, "PAGE", 5)
    append([draft for n in range(12) for draft in deposits(f"A{n:02}", 1, 2, 3)], at=AT)
    told = []

    run = Replay(progress=told.append)

    assert list(run.broken()) == []
    assert told == [5, 10, 15, 20, 25, 30, 35, 36]


# The command


def test_the_command_sums_up_and_ends_well(capsys):
    append(deposits("A", *range(1, 12)), at=AT)

    call_command("replay")

    assert capsys.readouterr().out == "11 events of 1 streams were replayed, 1 snapshots compared\n"


def test_the_command_tells_what_breaks_and_ends_with_1():
    append(deposits("A", 1), at=AT)
    event = stored("A", 2, schema=9)
    out, errors = StringIO(), StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("replay", stdout=out, stderr=errors)

    assert ended.value.code == 1
    assert out.getvalue().startswith(f"Account\tA\t2\t{event.number}\tAccountEvent::Deposited\tNewerSchema: ")
    assert "found 1 that break" in errors.getvalue()


def test_the_command_prints_json_lines():
    append(deposits("A", 1), at=AT)
    stored("A", 2, schema=9)
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("replay", "--json", "--aggregate-type", "Account", "--limit", "5", stdout=out)

    line, sums = map(json.loads, out.getvalue().splitlines())
    assert (line["aggregate_id"], line["version"]) == ("A", 2)
    assert sums == {"streams": 1, "events": 2, "broken": 1, "snapshots": 0, "unreadable_snapshots": 0}


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_can_only_read_will_do():
    make.event(aggregate_type="Account", aggregate_id="A", type="AccountEvent::Deposited", data='{"amount":"1"}')
    only = "SET default_transaction_read_only = on" if connection.vendor == "postgresql" else "PRAGMA query_only = ON"
    with connection.cursor() as cursor:
        cursor.execute(only)
    try:
        assert broken() == ([], (1, 1, 0))
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            StoredEvent.objects.create()
    finally:
        connections["default"].close()

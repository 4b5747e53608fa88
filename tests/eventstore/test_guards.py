"""Guards: the database itself refuses to change or forget an event, whoever asks."""

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, connection, transaction

from eventstore.guards import install, installed, triggers
from eventstore.integrity.archiving import archive
from eventstore.integrity.sealing import seal_next
from eventstore.maintenance import ReasonNeeded, maintenance
from eventstore.models import Maintenance, StoredEvent
from eventstore.store import append
from tests.eventstore.samples import AT, deposits
from tests.eventstore.tampering import unprotect

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def account():
    return append(deposits("A", 1, 2, 3), at=AT)


def by_hand(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def replacing():
    """SQLite deletes what an INSERT OR REPLACE replaces."""
    by_hand("INSERT OR REPLACE INTO events SELECT * FROM events WHERE version = 2")


WAYS = {
    "the ORM updates": lambda: StoredEvent.objects.filter(version=2).update(data="{}"),
    "the ORM deletes": lambda: StoredEvent.objects.filter(version=2).delete(),
    "a row is saved": lambda: StoredEvent.objects.get(version=2).save(),
    "a row is deleted": lambda: StoredEvent.objects.get(version=2).delete(),
    "many are updated": lambda: StoredEvent.objects.bulk_update(
        [StoredEvent(number=StoredEvent.objects.get(version=2).number, data="{}")], ["data"]
    ),
    "SQL updates": lambda: by_hand("UPDATE events SET data = '{}'"),
    "SQL deletes": lambda: by_hand("DELETE FROM events"),
}
ON_ONE = {"postgresql": {"SQL truncates": lambda: by_hand("TRUNCATE events")}, "sqlite": {"SQL replaces": replacing}}


@pytest.mark.parametrize("way", [*WAYS, *ON_ONE[connection.vendor]])
def test_events_are_neither_changed_nor_taken_out(way):
    before = list(StoredEvent.objects.order_by("number").values())

    with pytest.raises(DatabaseError, match="never changed or taken out"), transaction.atomic():
        (WAYS | ON_ONE[connection.vendor])[way]()

    assert list(StoredEvent.objects.order_by("number").values()) == before


@pytest.fixture
def archived(settings, tmp_path):
    """A log of which a seal and an archive, with its streams, are known."""
    settings.ARCHIVE_FOLDER = tmp_path
    seal_next(now=AT)
    list(archive(up_to=10**9, folder=tmp_path, at=AT))


TO_THEM = {
    "updates": "UPDATE {table} SET {number} = 9",
    "deletes": "DELETE FROM {table}",
    **({"truncates": "TRUNCATE {table}"} if connection.vendor == "postgresql" else {}),
}
OF_THE_LOG = {"event_seals": "number", "event_archives": "number", "event_archive_streams": "archive"}


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("table", OF_THE_LOG)
@pytest.mark.parametrize("change", TO_THEM)
def test_seals_and_archives_are_kept_as_events_are(table, change):
    statement = TO_THEM[change].format(table=table, number=OF_THE_LOG[table])

    with pytest.raises(DatabaseError, match="never changed or taken out"), transaction.atomic():
        by_hand(statement)
    with maintenance(actor="anna", reason="a test of the way round", at=AT):
        by_hand(statement)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {OF_THE_LOG[table]} FROM {table}")  # noqa: S608
            assert cursor.fetchall() == ([(9,)] if change == "updates" else [])


@pytest.mark.parametrize("way", [*WAYS, *ON_ONE[connection.vendor]])
def test_maintenance_is_the_way_round_and_leaves_a_record(way):
    before = list(StoredEvent.objects.order_by("number").values())
    with maintenance(actor="anna", reason="a test of the way round", at=AT):
        (WAYS | ON_ONE[connection.vendor])[way]()
        now = list(StoredEvent.objects.order_by("number").values())

    assert now != before or way in ("a row is saved", "SQL replaces")
    record = Maintenance.objects.latest("id")
    assert (record.actor, record.reason) == ("anna", "a test of the way round")
    assert (record.opened_at, record.closed_at) == (AT, AT)
    append(deposits("B", 1), at=AT)
    with pytest.raises(DatabaseError, match="never changed or taken out"), transaction.atomic():
        StoredEvent.objects.filter(aggregate_id="B").delete()


def test_maintenance_that_fails_leaves_neither_change_nor_record():
    records = Maintenance.objects.count()

    def fail_at_it():
        with maintenance(actor="anna", reason="a test", at=AT):
            StoredEvent.objects.filter(version=2).delete()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_at_it()

    assert (StoredEvent.objects.count(), Maintenance.objects.count()) == (3, records)


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("anna", "  ")])
def test_maintenance_asks_who_and_why(actor, reason):
    with pytest.raises(ReasonNeeded), maintenance(actor=actor, reason=reason, at=AT):
        raise AssertionError("never comes here")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM event_maintenance",
        "UPDATE event_maintenance SET reason = 'nothing much'",
        "UPDATE event_maintenance SET actor = 'nobody'",
        "UPDATE event_maintenance SET closed_at = NULL",
    ],
)
def test_the_record_of_maintenance_stays_as_it_is(sql):
    with maintenance(actor="anna", reason="a test", at=AT):
        pass

    with pytest.raises(DatabaseError, match="stays on record"), transaction.atomic():
        by_hand(sql)


def test_guards_that_are_gone_are_told_and_come_back_with_the_next_migrate():
    assert run_checks(databases=["default"], tags=["database"]) == []
    unprotect()
    found = run_checks(databases=["default"], tags=["database"])
    assert [error.id for error in found] == ["eventstore.E001"] * len(triggers(connection))

    if connection.vendor == "sqlite":
        install(connection)
        assert installed(connection) == set(triggers(connection))


def test_a_log_that_was_left_open_by_hand_is_told():
    Maintenance.objects.create(actor="mallory", reason="none of your business", opened_at=AT)

    assert [error.id for error in run_checks(databases=["default"], tags=["database"])] == ["eventstore.E002"]

"""Following: nobody who reads the log up to where it is settled ever skips an event, or sees one twice."""

import subprocess
import sys
import threading
from contextlib import contextmanager

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from eventstore import guards
from eventstore.following import events_between, follow, settled
from eventstore.functions import APPENDING, LOCKS
from eventstore.handling import load
from eventstore.store import WrongExpectedVersion, append, append_alone
from tests.eventstore.samples import AT, Account, deposits

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="on SQLite whoever writes is alone, so numbers are committed in order"
)
real = pytest.mark.django_db(transaction=True)


class Reader:
    """Follows the log by checkpoint, as a projector does."""

    def __init__(self):
        self.checkpoint = 0
        self.seen = []

    def turn(self):
        for page in follow(after=self.checkpoint):
            self.seen += [(event.number, str(event.stream), event.version) for event in page]
            self.checkpoint = page[-1].number


@contextmanager
def another():
    """A transaction of another process, which appends or writes elsewhere, and stands open."""
    raw = psycopg.connect(**parameters())
    try:
        yield raw
    finally:
        raw.close()


def parameters():
    ours = connection.get_connection_params()
    return {name: value for name, value in ours.items() if name not in ("cursor_factory", "context")}


def append_by(raw, id, version=1):
    """Append as another process does."""
    raw.execute(
        "SELECT * FROM append_events(ARRAY['Account'], ARRAY[%s], ARRAY[%s::bigint], ARRAY[1], ARRAY[%s::bigint],"
        " ARRAY['AccountEvent::Deposited'], ARRAY[1], ARRAY['{\"amount\":\"1\"}'], ARRAY[%s], %s)",
        [id, version - 1, version, CAUSE, "2025-03-01T12:30:00.000000Z"],
    )


CAUSE = '{"actor":"tests","correlation":"a test","causation":null}'


@real
@on_postgresql
def test_events_above_one_that_is_not_committed_yet_wait_for_it():
    reader = Reader()
    with another() as raw:
        append_by(raw, "slow")
        append_alone(deposits("A", 1), at=AT)
        append_alone(deposits("B", 1), at=AT)
        reader.turn()
        assert reader.seen == []
        raw.commit()

    reader.turn()
    reader.turn()

    assert [name for _, name, _ in reader.seen] == ["Account-slow", "Account-A", "Account-B"]


@real
@on_postgresql
def test_numbers_of_a_transaction_that_is_taken_back_are_waited_for_no_longer():
    reader = Reader()
    with another() as raw:
        append_by(raw, "slow")
        append_alone(deposits("A", 1), at=AT)
        raw.rollback()

    reader.turn()

    assert [name for _, name, _ in reader.seen] == ["Account-A"]


@real
@on_postgresql
def test_an_append_that_a_savepoint_took_back_holds_nobody_up_and_the_next_one_does():
    reader = Reader()
    with another() as raw:
        raw.execute("SAVEPOINT s")
        append_by(raw, "gone")
        raw.execute("ROLLBACK TO SAVEPOINT s")
        append_alone(deposits("A", 1), at=AT)
        reader.turn()
        assert [name for _, name, _ in reader.seen] == ["Account-A"]

        append_by(raw, "slow")
        append_alone(deposits("B", 1), at=AT)
        reader.turn()
        assert len(reader.seen) == 1
        raw.commit()
    reader.turn()
    assert [name for _, name, _ in reader.seen] == ["Account-A", "Account-slow", "Account-B"]


@real
@on_postgresql
def test_a_transaction_takes_one_lock_however_often_it_appends():
    """Each lock takes a place in a table of the server's that has a few thousand."""
    with transaction.atomic(), connection.cursor() as cursor:
        for version in range(1, 21):
            append(deposits("A", version), at=AT)
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (1,)


@real
def test_a_transaction_that_wrote_elsewhere_first_keeps_the_order_of_its_stream(django_user_model):
    with transaction.atomic():
        django_user_model.objects.create(username="written first")
        append(deposits("A", 1), at=AT)
    append_alone(deposits("A", 2), at=AT)
    reader = Reader()

    reader.turn()

    assert [version for _, _, version in reader.seen] == [1, 2]


@real
@on_postgresql
@pytest.mark.parametrize("where", ["here", "in another database"])
def test_transactions_that_append_nothing_hold_nobody_up(where):
    reader = Reader()
    with another() as raw:
        if where == "here":
            raw.execute("INSERT INTO auth_group (name) VALUES ('open')")
        else:
            raw.close()
            raw = psycopg.connect(**parameters() | {"dbname": "postgres"})
            raw.execute("CREATE TEMP TABLE written (id int)")
            raw.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCKS])
        append_alone(deposits("A", 1), at=AT)
        reader.turn()
        raw.close()

    assert [name for _, name, _ in reader.seen] == ["Account-A"]


@real
def test_what_is_committed_between_asking_and_reading_comes_with_the_next_turn():
    append_alone(deposits("A", 1), at=AT)
    up_to = settled()
    append_alone(deposits("B", 1), at=AT)

    assert [str(event.stream) for event in events_between(0, up_to, limit=10)] == ["Account-A"]
    assert [str(event.stream) for event in events_between(up_to, settled(), limit=10)] == ["Account-B"]


SLOWLY = {
    "before its lock": ("append_event", "    IF coalesce(current_setting("),
    "between its lock and its number": ("append_event", "    drawn := nextval("),
    "between its number and its row": ("append_event", "    INSERT INTO events"),
    "before the lock of many": ("append_events", "    IF coalesce(current_setting("),
    "between the lock of many and their numbers": ("append_events", "    FOR place IN 1"),
    "between the numbers of many and their rows": ("append_events", "    INSERT INTO events"),
    "between the two looks of a reader": ("settled_number", "    SELECT min("),
}


@real
@on_postgresql
@pytest.mark.parametrize("where", SLOWLY)
def test_a_delay_at_any_step_loses_nothing(where, request):
    """One writer that dawdles, two that overtake it again and again, and a reader that never stops looking."""
    function, line = SLOWLY[where]
    text = APPENDING[function]
    assert line in text
    at_once = 2 if function == "append_events" else 1
    with connection.cursor() as cursor:
        cursor.execute(text.replace(line, f"    PERFORM pg_sleep(dawdling());\n{line}", 1))
        cursor.execute(
            "CREATE OR REPLACE FUNCTION dawdling() RETURNS float LANGUAGE sql AS"
            " $$ SELECT CASE WHEN current_setting('eventstore.dawdles', true) = 'yes' THEN 0.03 ELSE 0 END $$"
        )
    request.addfinalizer(lambda: guards.install(connection))
    failures = []

    def write(name, count):
        try:
            if name == "slow":
                dawdle()
            for version in range(1, count + 1, at_once):
                append_alone(deposits(name, *range(version, version + at_once)), at=AT)
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            connections.close_all()

    counts = {"slow": 15 * at_once, "A": 60 * at_once, "B": 60 * at_once}
    writers = [threading.Thread(target=write, args=each, daemon=True) for each in counts.items()]
    for writer in writers:
        writer.start()
    if function == "settled_number":
        dawdle()
    reader = Reader()
    while any(writer.is_alive() for writer in writers):
        reader.turn()
    reader.turn()
    with connection.cursor() as cursor:
        cursor.execute("RESET eventstore.dawdles")

    assert failures == []
    assert reader.seen == sorted(set(reader.seen))
    for name, count in counts.items():
        assert [version for _, seen, version in reader.seen if seen == f"Account-{name}"] == list(range(1, count + 1))


def dawdle():
    with connection.cursor() as cursor:
        cursor.execute("SET eventstore.dawdles = 'yes'")


@real
@on_postgresql
def test_an_old_snapshot_is_refused_to_follow_with():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(DatabaseError, match="READ COMMITTED"):
            settled()


@real
def test_after_a_conflict_the_same_events_are_stored_for_good_or_refused_again():
    append_alone(deposits("A", 1), at=AT)

    for _ in range(2):
        with pytest.raises(WrongExpectedVersion):
            append_alone(deposits("A", 1), at=AT)
    append_alone(deposits("A", 2), at=AT)

    assert load(Account, "A").version == 2


@real
def test_a_process_that_starts_changes_no_table_and_starts_no_thread(database_url):
    """Of starts at once of one rival a fifth crashed over its CREATE FUNCTION."""
    script = (
        "import django; django.setup()\n"
        "from datetime import datetime, UTC\n"
        "from django.db import connection\n"
        "from eventstore.following import settled\n"
        "from eventstore.store import append_alone\n"
        "from tests.eventstore.samples import deposits\n"
        "import sys\n"
        "def watch(execute, sql, *rest): print(sql); return execute(sql, *rest)\n"
        "with connection.execute_wrapper(watch):\n"
        "    append_alone(deposits(sys.argv[1], 1), at=datetime(2025, 3, 1, tzinfo=UTC)); print(settled())\n"
        "import threading\n"
        "print('threads', threading.active_count())\n"
    )
    environment = {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings", "PATH": "/usr/bin:/bin"}
    starts = [
        subprocess.Popen([sys.executable, "-c", script, name], env=environment, stdout=subprocess.PIPE, text=True)
        for name in "WXYZ"
    ]
    said = [(start.communicate(timeout=60)[0], start.returncode) for start in starts]

    assert [code for _, code in said] == [0] * 4
    assert [text.splitlines()[-1] for text, _ in said] == ["threads 1"] * 4
    statements = "\n".join(text for text, _ in said).upper()
    assert [word for word in ("CREATE ", "ALTER ", "DROP ") if word in statements] == []

"""Rebuilding: views made again from the log are the live views, byte for byte, whatever goes on meanwhile."""

import subprocess
import sys
import threading
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from eventstore import rebuilding, rebuilt
from eventstore.models import Rebuild, StoredEvent
from eventstore.projections import registered_views
from eventstore.rebuilding import Building, NoSuchViews, RebuiltElsewhere, StillInUse, rebuild, tables_of, views_named
from eventstore.shadows.naming import CannotShadow, shadow_of
from eventstore.shadows.tables import shadows
from tests.architecture.source import PROJECT
from tests.support.emptying import begin_anew
from tests.trading.ledger.history import History
from tests.trading.ledger.steps import AT, Steps
from trading.ledger import compare as comparing
from trading.ledger.book import Ledger
from trading.ledger.compare import compare
from trading.ledger.link_views import TradeLinkView
from trading.ledger.mode import Mode
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView
from trading.position.view import PositionView

pytestmark = pytest.mark.django_db(transaction=True)

TRADES, POSITIONS, *_ = registered_views()
TABLES = [*tables_of(TRADES), *tables_of(POSITIONS)]


@pytest.fixture(autouse=True)
def fresh(transactional_db):
    """Ids count from 1 again, and no shadow is left by a test that ended early."""
    begin_anew()
    yield
    for views in (TRADES, POSITIONS):
        if Rebuild.objects.filter(pk=views.name).exists():
            Building(views, now=AT).discard()


def told(seed, *, steps=60, mode=Mode.DUAL, wide=False):
    history = History(seed, Ledger(mode), wide=wide)
    history.run(steps)
    return history


def rows(tables=TABLES):
    """Every column of every row as the database has it."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
            found[table] = sorted(tuple(map(repr, row)) for row in cursor.fetchall())
    return found


def what_happened():
    over_filled = any(order.filled_shares > order.shares for order in OffchainOrderView.objects.all())
    types = {name.partition("::")[2] for name in StoredEvent.objects.values_list("type", flat=True)}
    return types | ({"over-filled"} if over_filled else set())


def built(views=TRADES):
    """The rows of the shadows, under the names of the live tables."""
    found = rows(map(shadow_of, tables_of(views)))
    return {table: found[shadow_of(table)] for table in tables_of(views)}


def shape(tables=TABLES):
    with connection.cursor() as cursor:
        return shadows().shape(cursor, tables)


def names():
    """Every table, index and sequence of the database."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        else:
            cursor.execute("SELECT name FROM sqlite_master")
        return sorted(name for (name,) in cursor.fetchall())


def run(*arguments):
    out = StringIO()
    call_command("rebuild_views", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def at_once(work):
    """Do something in a thread with a connection of its own."""
    failures = []

    def attempt():
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised where it is joined
            failures.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()

    def join():
        thread.join(60)
        assert not thread.is_alive()
        if failures:
            raise failures[0]

    return join


# Rebuilt equals live


@pytest.mark.parametrize("batch", [1, 37, 2000])
@pytest.mark.parametrize("seed", [36, 59])
def test_rebuilt_is_live_byte_for_byte(seed, batch):
    told(seed, steps=80, wide=seed == 36)
    assert what_happened() >= {"Reorged", "PartiallyFilled", "Cancelled", "over-filled"}
    live, before, all_names = rows(), shape(), names()
    assert all(live.values())

    for views in (TRADES, POSITIONS):
        rebuild(Building(views, now=AT, batch=batch))

    # The ids of links too.
    assert rows() == live
    # And every index, constraint and sequence has the name that migrations expect.
    assert shape() == before
    assert names() == all_names
    assert not Rebuild.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 206))
def test_rebuilt_is_live_after_a_long_history(seed):
    told(seed, steps=250, wide=seed % 2 == 0)
    live = rows()

    for views in (TRADES, POSITIONS):
        rebuild(Building(views, now=AT, batch=100))

    assert rows() == live


def test_the_ledger_goes_on_after_a_rebuild():
    history = told(13)

    run()
    assert list(compare(Mode.DUAL)) == []
    history.run(30)

    assert list(compare(Mode.DUAL)) == []
    assert "no difference" in run("--check")


def test_ids_go_on_above_the_last_one():
    steps = Steps(Mode.EVENTS, legacy_projection=False)
    for _ in range(3):
        steps.fill("BUY", "2")
        order = steps.hedge()
        steps.submit(order)
        steps.complete(order)
    last = max(TradeLinkView.objects.values_list("id", flat=True))
    # A link that is gone: its id must not be given again.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM trade_link_view WHERE id = %s", [last])

    run("trades")
    # Made again from the log, it is there, and what comes next is above it.
    assert max(TradeLinkView.objects.values_list("id", flat=True)) == last
    TradeLinkView.objects.filter(id=last).delete()
    TradeLinkView.objects.create(trade_id="0x:1", execution_id=9, contributed_shares=1, created_at=AT)

    assert max(TradeLinkView.objects.values_list("id", flat=True)) == last + 1


def test_an_empty_log_makes_empty_views():
    before = shape()

    run()

    assert not any(rows().values())
    assert shape() == before
    Steps(Mode.EVENTS).fill("BUY", "2")
    assert OnChainTradeView.objects.count() == 1


def test_a_view_that_was_wrong_is_right_again():
    told(14)
    live = rows()
    PositionView.objects.update(net_position="99")
    OffchainOrderView.objects.filter(pk=1).delete()
    OnChainTradeView.objects.update(gas_used=7)

    run()

    assert rows() == live


# While everything goes on


def test_what_is_appended_between_the_start_and_the_swap_is_there():
    history = told(15, steps=30)
    building = Building(TRADES, now=AT, batch=10)
    building.build()
    history.run(30)
    live = rows()

    rebuild(building)

    assert rows() == live


def test_what_is_appended_while_it_builds_is_there():
    history = told(16, steps=30)
    more = iter(range(3))

    def go_on(done, whole):
        for _ in more:
            history.run(8)
            break

    rebuild(Building(TRADES, now=AT, batch=20), progress=go_on)

    live = rows()
    assert list(compare(Mode.DUAL)) == []
    rebuild(Building(TRADES, now=AT))
    assert rows() == live


def test_an_append_that_waits_for_the_swap_writes_into_the_new_table(monkeypatch):
    steps = Steps(Mode.EVENTS, legacy_projection=False)
    steps.fill("BUY", "2")
    building = Building(TRADES, now=AT)
    swapping, appended = threading.Event(), []

    def append():
        assert swapping.wait(30)
        appended.append(steps.fill("BUY", "3"))

    join = at_once(append)
    catch_up = Building.catch_up_in_this_transaction

    def slowly(self):
        swapping.set()
        catch_up(self)
        if connection.vendor == "postgresql":
            wait_for_a_lock()

    monkeypatch.setattr(Building, "catch_up_in_this_transaction", slowly)
    rebuild(building)
    join()

    assert len(appended) == 1
    assert OnChainTradeView.objects.count() == 2
    assert list(compare(Mode.EVENTS, legacy_projection=False)) == []


def test_an_append_under_way_is_waited_for_and_counted():
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a transaction that writes is alone")
    steps = Steps(Mode.EVENTS, legacy_projection=False)
    steps.fill("BUY", "2")
    building = Building(TRADES, now=AT)
    under_way, may_end = threading.Event(), threading.Event()

    def append():
        with steps.step() as step:
            steps.fill_in(step, "BUY", "3")
            steps.ledger._write(step, steps.ledger.memory())
            step.entries.clear()
            # Its events have their numbers and its view rows are written, and nothing is committed.
            under_way.set()
            assert may_end.wait(30)

    join = at_once(append)
    assert under_way.wait(30)
    tries = []

    def pause():
        tries.append(1)
        may_end.set()
        join()

    rebuild(building, pause=pause)

    assert tries == [1]
    assert OnChainTradeView.objects.count() == 2
    assert list(compare(Mode.EVENTS, legacy_projection=False)) == []


def test_tables_that_are_held_for_ever_stop_it_and_it_can_be_gone_on_with(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a reader holds no writer up")
    monkeypatch.setattr(rebuilding, "LOCK_TRIES", 2)
    monkeypatch.setattr(rebuilding, "LOCK_WAIT_MS", 20)
    Steps(Mode.EVENTS).fill("BUY", "2")
    building = Building(TRADES, now=AT)
    held, may_end = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            list(OnChainTradeView.objects.all())
            held.set()
            assert may_end.wait(30)

    join = at_once(hold)
    assert held.wait(30)
    with pytest.raises(StillInUse, match="could not be locked within 20 ms, 2 times"):
        rebuild(building)
    may_end.set()
    join()

    assert OnChainTradeView.objects.count() == 1
    rebuild(Building(TRADES, now=AT))
    assert not Rebuild.objects.exists()


def test_ledgers_that_are_compared_meanwhile_are_alike(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a reader's moment has the tables of that moment")
    monkeypatch.setattr(rebuilding, "LOCK_TRIES", 1)
    monkeypatch.setattr(rebuilding, "LOCK_WAIT_MS", 20)
    Steps(Mode.EVENTS).fill("BUY", "2")
    first_look, refused = comparing.behind, []

    def swap():
        with pytest.raises(StillInUse):
            rebuild(Building(TRADES, now=AT))
        refused.append(1)

    def look():
        found = first_look()
        at_once(swap)()
        return found

    monkeypatch.setattr(comparing, "behind", look)

    assert list(compare(Mode.EVENTS)) == []
    assert refused == [1]


# Resuming


def test_a_process_that_is_killed_between_batches_is_gone_on_with(database_url):
    told(17)
    live = rows()
    script = (
        "import django; django.setup()\n"
        "import os, signal\n"
        "from django.utils import timezone\n"
        "from eventstore.rebuilding import Building, views_named\n"
        "def die(done, whole): os.kill(os.getpid(), signal.SIGKILL)\n"
        "Building(views_named('trades'), now=timezone.now(), batch=20).build(die)\n"
    )
    environment = {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings", "PATH": "/usr/bin:/bin"}
    died = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=environment, check=False, timeout=60)
    assert died.returncode == -9
    half = Rebuild.objects.get()
    assert half.events_done == 20

    printed = run("trades")

    assert printed.splitlines()[0] == f"trades: going on after number {half.checkpoint}"
    assert rows() == live


def test_an_error_in_the_swap_leaves_all_as_it_was(monkeypatch):
    told(18, steps=30)
    live, before = rows(), shape()
    building = Building(TRADES, now=AT)
    monkeypatch.setattr(type(shadows()), "put_in_place", boom)

    with pytest.raises(ZeroDivisionError):
        rebuild(building)

    assert (rows(), shape()) == (live, before)
    assert Rebuild.objects.get().checkpoint == building.row.checkpoint
    monkeypatch.undo()
    rebuild(building)
    assert (rows(), shape()) == (live, before)


def test_another_version_of_the_projectors_starts_anew():
    told(19, steps=20)
    Building(TRADES, now=AT).build()
    other = replace(TRADES, version=2)

    building = Building(other, now=AT)

    assert (building.found, building.row.checkpoint) == (False, 0)
    assert not any(built().values())


def test_another_shape_of_the_tables_starts_anew():
    told(19, steps=20)
    Building(TRADES, now=AT).build()
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX one_more ON onchain_trade_view (price_usdc)")
    try:
        building = Building(TRADES, now=AT)
        assert (building.found, building.row.checkpoint) == (False, 0)
        rebuild(building)
        assert "one_more" in names()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX one_more")


def test_two_at_once_do_not_build_the_same_twice():
    told(20, steps=20)
    one = Building(TRADES, now=AT, batch=5)
    other = Building(TRADES, now=AT, batch=5)
    other.build()

    with pytest.raises(RebuiltElsewhere, match="trades are rebuilt by another process"):
        one.build()

    rebuild(other)
    assert list(compare(Mode.DUAL)) == []


# What depends on a table


def test_a_database_view_reads_the_new_table():
    Steps(Mode.EVENTS).fill("BUY", "2")
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW fills_for_a_dashboard AS SELECT symbol, amount FROM onchain_trade_view")
        cursor.execute("CREATE VIEW symbols_for_a_dashboard AS SELECT DISTINCT symbol FROM fills_for_a_dashboard")
    try:
        run()
        Steps(Mode.EVENTS).fill("BUY", "3", "tTSLA", block=500)
        with connection.cursor() as cursor:
            cursor.execute("SELECT symbol FROM symbols_for_a_dashboard ORDER BY 1")
            assert cursor.fetchall() == [("AAPL",), ("TSLA",)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP VIEW symbols_for_a_dashboard")
            cursor.execute("DROP VIEW fills_for_a_dashboard")


def test_rights_are_handed_over():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no rights")
    with connection.cursor() as cursor:
        cursor.execute("GRANT SELECT ON onchain_trade_view TO PUBLIC")
        rights = "SELECT relowner, relacl::text FROM pg_class WHERE oid = 'onchain_trade_view'::regclass"
        cursor.execute(rights)
        before = cursor.fetchone()
    run("trades")
    with connection.cursor() as cursor:
        cursor.execute(rights)
        assert cursor.fetchone() == before
        cursor.execute("REVOKE SELECT ON onchain_trade_view FROM PUBLIC")


def test_a_trigger_of_somebody_elses_is_not_lost_without_a_word():
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE TRIGGER theirs BEFORE UPDATE ON position_view FOR EACH ROW"
                " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            )
        else:
            cursor.execute("CREATE TRIGGER theirs BEFORE UPDATE ON position_view BEGIN SELECT 1; END")
    try:
        with pytest.raises(CannotShadow, match="position_view has the trigger theirs"):
            Building(POSITIONS, now=AT)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER theirs" + (" ON position_view" if connection.vendor == "postgresql" else ""))


# Checking


def test_a_check_of_sound_views_finds_nothing_and_leaves_nothing():
    told(21)
    all_names = names()

    assert run("--check") == "trades: no difference\npositions: no difference\nschwab_auth: no difference\n"
    assert names() == all_names
    assert not Rebuild.objects.exists()


def test_a_check_tells_each_difference_and_changes_nothing():
    steps = Steps(Mode.EVENTS)
    trade = steps.fill("BUY", "2")
    steps.hedge()
    lost = OnChainTradeView.objects.get(pk=str(trade))
    PositionView.objects.update(net_position="1.0" if connection.vendor == "sqlite" else "2")
    OffchainOrderView.objects.update(reason="mine", attempt=3)
    TradeLinkView.objects.update(contributed_shares="5")
    lost.delete()
    before = rows()

    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rebuild_views", "--check", stdout=out, stderr=out)

    assert ended.value.code == 1
    # SQLite's values come in quotes, which tell a text from a number.
    told_of = [line.replace("'", "").split("\t") for line in out.getvalue().splitlines() if "\t" in line]
    assert [line[:3] for line in told_of if line[2] != "none"] == [
        ["offchain_order_view", "execution_id 1", "attempt"],
        ["offchain_order_view", "execution_id 1", "reason"],
        *([["position_view", "symbol AAPL", "net_position"]] if connection.vendor == "sqlite" else []),
    ]
    assert ["offchain_order_view", "execution_id 1", "reason", "mine", "none"] in told_of
    # Whole rows: the trade that is missing, and a link as it is and as it should be.
    whole = [(line[0], line[3] == "none", line[4] == "none") for line in told_of if line[2] == "none"]
    assert sorted(whole) == [
        ("onchain_trade_view", True, False),
        ("trade_link_view", False, True),
        ("trade_link_view", True, False),
    ]
    assert rows() == before


def test_a_check_sees_one_moment_while_appends_go_on(monkeypatch):
    steps = Steps(Mode.EVENTS, legacy_projection=False)
    steps.fill("BUY", "2")
    unlike = rebuilt._unlike

    def after_an_append(model):
        if connection.vendor == "postgresql":
            at_once(lambda: steps.fill("BUY", "3"))()
        return unlike(model)

    monkeypatch.setattr(rebuilt, "_unlike", after_an_append)

    assert "trades: no difference" in run("trades", "--check")


# The command


def test_the_groups_are_listed_and_found_by_their_tables():
    assert run("--list").splitlines() == [
        "trades\tonchain_trade_view, offchain_order_view, trade_link_view, netting_link_view",
        "positions\tposition_view",
        "schwab_auth\tschwab_auth_view",
    ]
    assert views_named("trade_link_view") is views_named("trades") is TRADES
    with pytest.raises(NoSuchViews, match="was 'nothing': there are trades"):
        views_named("nothing")
    with pytest.raises(CommandError, match="was 'nothing'"):
        run("nothing")


def test_the_command_says_what_it_did():
    Steps(Mode.EVENTS).fill("BUY", "2")

    assert run("trade_link_view", "netting_link_view") == "trades: made again from 1 events, and swapped in\n"


def wait_for_a_lock():
    """Wait until somebody waits for a lock, for as long as such a thing can take."""
    for _ in range(2000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone() != (0,):
                return
            cursor.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.002)")
    raise AssertionError("nobody waits")


def boom(*args, **options):
    raise ZeroDivisionError

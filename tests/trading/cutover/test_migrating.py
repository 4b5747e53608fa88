"""Migration: what the legacy tables hold enters the log whole, and the installation goes on from there."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from eventstore.integrity.archiving import archive, remove
from eventstore.integrity.sealing import seal_next
from eventstore.models import StoredEvent
from eventstore.projections import inline_projectors
from eventstore.store import all_events
from tests.support import factories
from tests.support.commands import refused, run
from tests.trading.ledger import agreement
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.history import History
from tests.trading.ledger.steps import AT, Steps
from tests.trading.ledger.test_compare import some_story
from trading.cutover.migrating import Look, NotMigrated, migrate, migrations
from trading.ledger.book import Ledger
from trading.ledger.compare import compare
from trading.ledger.mode import Mode
from trading.ledger.switch import switch_ledger
from trading.ledger.tables import OffchainTrade, OnchainTrade, TradeAccumulator
from trading.offchain_order.aggregate import OrderState
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView
from trading.position.view import PositionProjector, PositionView
from trading.values.thresholds import ONE_SHARE, threshold

pytestmark = pytest.mark.django_db

LEDGER_TABLES = [*agreement.LEGACY_TABLES, *agreement.VIEW_TABLES, "events", "snapshots", "ledger_mode"]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LEGACY_PROJECTION", "HEDGE_THRESHOLD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LEDGER", "legacy")


LATER = AT + timedelta(days=30)


def migrate_all(otherwise=ONE_SHARE):
    return {each.name: migrate(each, at=LATER, tell=lambda done: None).events for each in migrations(otherwise)}


def aside(steps, mode):
    """Go on where other steps were, under another mode."""
    after = Steps(mode)
    after.now, after.block = steps.now, steps.block
    return after


def kinds_stored():
    return sorted(StoredEvent.objects.values_list("aggregate_type", flat=True).distinct())


# What comes of it


def test_each_row_is_an_event_and_a_fill_that_came_back_after_a_reorg_is_three():
    some_story(Mode.LEGACY)

    assert migrate_all() == {
        "trades": {"OnChainTradeEvent::Migrated": 5, "OnChainTradeEvent::Reorged": 1},
        "positions": {"PositionEvent::Migrated": 2},
        "orders": {"OffchainOrderEvent::Migrated": 2},
    }
    assert list(compare(Mode.DUAL)) == []


def test_an_installation_goes_on_in_dual_and_in_events_with_its_orders_under_way():
    steps = Steps(Mode.LEGACY)
    steps.fill("BUY", "2.5")
    order = steps.hedge()
    steps.submit(order)
    steps.partly_fill(order, "0.5")
    run("migrate_to_events", "--yes")

    assert switch_ledger(Mode.DUAL) is Mode.LEGACY
    dual = aside(steps, Mode.DUAL)
    dual.cancel(order, "1.5")
    assert list(compare(Mode.DUAL)) == []
    assert dual.position().net == 1
    assert switch_ledger(Mode.EVENTS) is Mode.DUAL
    events = aside(dual, Mode.EVENTS)
    # What the cancelled order gave back is covered by the next one, by the same fill.
    assert events.hedge() == order + 1
    assert list(compare(Mode.EVENTS)) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_a_generated_history_in_legacy_goes_on_in_both_memories(seed):
    history = History(seed, Ledger(Mode.LEGACY), wide=seed == 1)
    history.run(60)
    before = agreement.story(history.ledger)

    run("migrate_to_events", "--yes")

    assert agreement.story(history.ledger) == before
    switch_ledger(Mode.DUAL)
    history.ledger = Ledger(Mode.DUAL)
    history.after_commit = lambda: agreement.hold_states(history.ledger)
    history.run(30)
    agreement.hold_world(history.world, history.ledger)
    agreement.hold_links(history.ledger)
    assert list(compare(Mode.DUAL)) == []
    assert migrated_views_are_as_rebuilt()
    switch_ledger(Mode.EVENTS)
    history.ledger = Ledger(Mode.EVENTS)
    history.run(20)
    agreement.hold_world(history.world, history.ledger)
    assert list(compare(Mode.EVENTS)) == []


def migrated_views_are_as_rebuilt():
    live = agreement.dump(agreement.VIEW_TABLES)
    agreement.empty(agreement.VIEW_TABLES)
    for recorded in all_events(limit=100_000):
        for projector in inline_projectors(recorded.aggregate_type):
            projector.project([recorded])
    return agreement.dump(agreement.VIEW_TABLES) == live


def test_rows_say_what_they_said_but_for_where_they_stand_in_their_streams():
    some_story(Mode.LEGACY)
    before = agreement.dump(agreement.LEGACY_TABLES)

    migrate_all()

    for table, rows in agreement.dump(agreement.LEGACY_TABLES).items():
        rewritten = {"stream_version", "migrated", "last_updated"}
        kept = [{name: cell for name, cell in row.items() if name not in rewritten} for row in rows]
        asked = [{name: cell for name, cell in row.items() if name not in rewritten} for row in before[table]]
        assert kept == asked


def test_a_view_has_a_fill_from_when_it_was_taken_in_and_not_from_the_migration():
    Steps(Mode.LEGACY).fill("BUY", "1")
    row = OnchainTrade.objects.get()

    migrate_all()

    assert OnChainTradeView.objects.get().recorded_at == row.created_at < StoredEvent.objects.first().recorded_at


# What a row does not know


def test_a_fill_takes_its_block_from_the_queue_where_its_row_has_none():
    trade = Steps(Mode.LEGACY).fill("BUY", "1")
    OnchainTrade.objects.update(block_number=None, block_hash=None, block_timestamp=None)
    factories.queued_log(
        tx_hash=trade.tx_hash, log_index=trade.log_index, block_number=77, block_hash=factories.tx_hash(77)
    )

    migrate_all()

    view = OnChainTradeView.objects.get()
    assert (view.block_number, view.block_hash) == (77, factories.tx_hash(77))
    assert view.block_timestamp == OnchainTrade.objects.get().block_timestamp == factories.NOON


def test_what_nothing_tells_stays_unknown():
    Steps(Mode.LEGACY).fill("BUY", "1")
    OnchainTrade.objects.update(
        block_number=None, block_hash=None, block_timestamp=None, price_usdc=None, usdc_amount=None
    )

    migrate_all()

    view = OnChainTradeView.objects.get()
    assert (view.block_number, view.block_timestamp, view.price_usdc, view.gas_used) == (None, None, None, None)


def test_an_order_takes_its_id_and_its_price_from_the_older_columns():
    factories.order(
        id=4, broker="alpaca", broker_order_id=None, order_id="ORD123", average_price_usd=None, price_cents=15050
    )

    migrate_all()

    view = OffchainOrderView.objects.get()
    assert (view.broker, view.broker_order_id, view.average_price_usd) == ("alpaca", "ORD123", Decimal("150.5"))


def test_a_fill_without_a_price_stays_without_one():
    factories.order(id=4, order_id="ORD123", broker_order_id="ORD123", average_price_usd=None, price_cents=None)

    migrate_all()

    assert (OffchainOrderView.objects.get().average_price_usd, OffchainTrade.objects.get().price_cents) == (None, None)


@pytest.mark.parametrize("state", sorted(set(OrderState) - {OrderState.NOT_PLACED}))
def test_an_order_keeps_its_state_and_its_name(state):
    words = {"placed": "PENDING", "sending": "PENDING", "unknown": "PENDING", "filled": "FILLED"}
    word = words.get(state, "SUBMITTED" if state in ("submitted", "partially_filled") else "FAILED")
    ended = word in ("FILLED", "FAILED")
    order = factories.order(
        id=4,
        status=word,
        detailed_status=state,
        ended_at=AT if ended else None,
        order_id=None if word == "PENDING" else "B-4",
        broker_order_id=None if word == "PENDING" else "B-4",
        attempt=2,
        reason="a word",
    )

    migrate_all()

    view = OffchainOrderView.objects.get()
    assert (view.detailed_status, view.client_order_id) == (state, order.client_order_id)
    assert (view.attempt, view.reason, view.filled_shares) == (2, "a word", 3)


def test_a_position_without_a_threshold_takes_the_installations():
    factories.position(symbol="AAPL", threshold=None)

    migrate_all(threshold("$250"))

    assert PositionView.objects.get().threshold == TradeAccumulator.objects.get().threshold == "$250"


def test_a_row_that_only_waits_for_its_first_fill_is_not_migrated():
    steps = Steps(Mode.LEGACY)
    steps.position("AAPL")

    assert "positions: 0 rows" in run("migrate_to_events", "--yes")
    assert not StoredEvent.objects.exists()


# The command


def test_what_is_printed():
    some_story(Mode.LEGACY)

    assert run("migrate_to_events", "--yes").splitlines() == [
        "trades: 4 rows, 0 of them in the log, 4 to migrate",
        "positions: 2 rows, 0 of them in the log, 2 to migrate",
        "orders: 2 rows, 0 of them in the log, 2 to migrate",
        "login: an older installation has left none",
        (
            "trades: wrote 5 OnChainTradeEvent::Migrated, 1 OnChainTradeEvent::Reorged; "
            "every field is the same in row, view and stream"
        ),
        "positions: wrote 2 PositionEvent::Migrated; every field is the same in row, view and stream",
        "orders: wrote 2 OffchainOrderEvent::Migrated; every field is the same in row, view and stream",
        "verified: the memories say the same",
        "next: `manage.py switch_ledger dual`, before a conductor starts again",
    ]


def test_a_dry_run_tells_what_it_would_write_and_writes_nothing():
    some_story(Mode.LEGACY)
    before = agreement.dump(LEDGER_TABLES)

    printed = run("migrate_to_events", "--dry-run")

    assert printed.splitlines()[4:] == [
        "would write 5 OnChainTradeEvent::Migrated",
        "would write 1 OnChainTradeEvent::Reorged",
        "would write 2 PositionEvent::Migrated",
        "would write 2 OffchainOrderEvent::Migrated",
        "dry run: nothing was written",
    ]
    assert agreement.dump(LEDGER_TABLES) == before


def test_a_second_time_there_is_nothing_to_do():
    some_story(Mode.LEGACY)
    run("migrate_to_events", "--yes")
    before = agreement.dump(LEDGER_TABLES)

    printed = run("migrate_to_events", "--yes")

    assert "nothing to migrate: every legacy row has its stream already\nverified: the memories say the same" in printed
    assert agreement.dump(LEDGER_TABLES) == before


@pytest.mark.parametrize("mode", [Mode.DUAL, Mode.EVENTS])
def test_where_both_memories_were_written_there_is_nothing_to_do(mode, monkeypatch):
    monkeypatch.setenv("LEDGER", mode)
    some_story(mode)

    assert "nothing to migrate" in run("migrate_to_events", "--yes")


@pytest.mark.parametrize(("answer", "does"), [("y", True), ("Yes ", True), ("n", False), ("", False), ("j", False)])
def test_without_yes_it_asks(answer, does, monkeypatch):
    Steps(Mode.LEGACY).fill("BUY", "1")
    monkeypatch.setattr("builtins.input", lambda question: answer)

    said = run("migrate_to_events") if does else "".join(refused("migrate_to_events"))

    assert "Make a backup of the database first" in said
    assert StoredEvent.objects.exists() is does


def test_without_anyone_to_ask_nothing_is_done(monkeypatch):
    Steps(Mode.LEGACY).fill("BUY", "1")
    monkeypatch.setattr("builtins.input", lambda question: (_ for _ in ()).throw(EOFError))

    assert refused("migrate_to_events")[1] == "nothing was done: answer y, or add --yes"


def test_a_conductor_at_work_is_in_the_way_until_a_minute_after_its_last_turn():
    Steps(Mode.LEGACY).fill("BUY", "1")
    beat = factories.heartbeat(process="elsewhere:17:ab", last_turn_at=timezone.now() - timedelta(seconds=50))

    _, error = refused("migrate_to_events", "--yes")

    assert error.startswith("a conductor is at work (elsewhere:17:ab 50 seconds ago): stop it")
    beat.last_turn_at -= timedelta(seconds=20)
    beat.save()
    run("migrate_to_events", "--yes")


def test_a_backlog_is_in_the_way(monkeypatch):
    monkeypatch.setenv("LEDGER", "dual")
    steps = Steps(Mode.DUAL)
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        steps.fill("BUY", "2")

    assert refused("migrate_to_events", "--yes")[1].startswith("expected an empty backlog, found 3 events")


def test_rows_written_in_legacy_after_the_store_was_in_use_are_refused(monkeypatch):
    steps = Steps(Mode.DUAL)
    steps.fill("BUY", "2")
    switch_ledger(Mode.LEGACY)
    aside(steps, Mode.LEGACY).fill("SELL", "1", "tTSLA")

    _, error = refused("migrate_to_events", "--yes")

    assert error.startswith("trades: 1 of 2 rows have no stream, and 1 have one that did not begin with a migration")
    assert StoredEvent.objects.count() == 3


# What goes wrong


def test_rows_that_went_on_in_legacy_after_they_were_migrated_are_told_of():
    steps = Steps(Mode.LEGACY)
    steps.fill("BUY", "0.5")
    run("migrate_to_events", "--yes")
    steps.fill("BUY", "0.25", "tAAPL", block=200)
    OnchainTrade.objects.filter(block_number=200).delete()

    printed, error = refused("migrate_to_events", "--yes")

    assert "nothing to migrate" in printed
    assert "position\tAAPL\tnet_position\t0.75\t0.5" in error
    assert "every row has its stream, and" in error


def test_it_goes_on_with_the_kinds_that_are_left(monkeypatch):
    some_story(Mode.LEGACY)
    with monkeypatch.context() as patched:
        patched.setattr(PositionProjector, "project", lambda self, batch: None)
        printed, error = refused("migrate_to_events", "--yes")

    assert "trades: wrote 5 " in printed
    assert "position\tAAPL\tview\tnone\tno row, and a stream at version 1" in error
    assert "Kinds before it stay; mend the rows and run it again" in error
    assert kinds_stored() == ["OnChainTrade"]
    assert TradeAccumulator.objects.get(symbol="AAPL").stream_version > 1

    printed = run("migrate_to_events", "--yes")

    assert "trades: 4 rows, 4 of them in the log, 0 to migrate" in printed
    assert "verified: the memories say the same" in printed
    assert kinds_stored() == ["OffchainOrder", "OnChainTrade", "Position"]


def test_a_view_that_says_something_else_is_shown_field_by_field(monkeypatch):
    Steps(Mode.LEGACY).fill("BUY", "2.5")
    project = PositionProjector.project

    def wrongly(self, batch):
        project(self, batch)
        PositionView.objects.update(net_position=9)

    monkeypatch.setattr(PositionProjector, "project", wrongly)

    _, error = refused("migrate_to_events", "--yes")

    assert "position\tAAPL\tview: net_position\tnone\tview 9, stream 2.5" in error
    assert kinds_stored() == ["OnChainTrade"]


def test_a_row_whose_columns_contradict_each_other_is_not_taken_for_what_it_says():
    Steps(Mode.LEGACY).fill("BUY", "2.5")
    TradeAccumulator.objects.update(net_position=7)

    _, error = refused("migrate_to_events", "--yes")

    assert "position\tAAPL\tnet_position\t7\t2.5" in error
    assert kinds_stored() == ["OnChainTrade"]
    # The way out.
    run("rebuild_legacy", "--apply", "--reason", "the column was changed by hand")
    assert "verified" in run("migrate_to_events", "--yes")


@pytest.mark.parametrize("arguments", [("--yes",), ("--dry-run",)])
def test_a_row_that_the_aggregate_refuses_is_listed(arguments):
    trade = Steps(Mode.LEGACY).fill("BUY", "2.5")
    Steps(Mode.LEGACY).fill("BUY", "1", block=300)
    OnchainTrade.objects.filter(tx_hash=trade.tx_hash).update(unlinked_shares=9)

    _, error = refused("migrate_to_events", *arguments)

    assert f"trade {trade}: expected from 0 to 2.5 open shares, was 9" in error
    assert not StoredEvent.objects.exists()


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL keeps a number a number")
def test_a_cell_that_is_no_number_is_listed():
    Steps(Mode.LEGACY).fill("BUY", "2.5")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE onchain_trades SET usdc_amount = 'much'")

    _, error = refused("migrate_to_events", "--yes")

    assert "\tusdc_amount\tmuch\t" in error
    assert not StoredEvent.objects.exists()


def test_links_that_are_lost_on_the_way_are_missed(monkeypatch):
    steps = Steps(Mode.LEGACY)
    steps.fill("BUY", "2")
    steps.hedge()
    monkeypatch.setattr("trading.ledger.links.LinkBook.stand", lambda self, order, standing: None)

    trades, positions, orders = migrations(ONE_SHARE)
    migrate(trades, at=AT, tell=lambda done: None)
    migrate(positions, at=AT, tell=lambda done: None)
    with pytest.raises(NotMigrated) as error:
        migrate(orders, at=AT, tell=lambda done: None)

    (difference,) = error.value.brought.differences
    assert (difference.kind, difference.what, difference.legacy, difference.events) == ("link", "rows", "1", "0")


# Streams whose first events are archived


@pytest.fixture
def archived(settings, tmp_path):
    """Rows that were migrated, whose streams went on and then lost their first events to an archive."""
    settings.ARCHIVE_FOLDER = tmp_path
    old = Steps(Mode.LEGACY)
    old.fill("BUY", "0.25")
    migrate_all()
    switch_ledger(Mode.DUAL)
    aside(old, Mode.DUAL).fill("BUY", "0.5")
    while seal_next(now=LATER, regardless=True):
        pass
    list(archive(up_to=10**9, folder=tmp_path, at=LATER))
    list(remove(up_to=10**9, actor="anna", at=LATER))
    assert not StoredEvent.objects.filter(aggregate_type="Position", version=1).exists()


@pytest.mark.usefixtures("archived")
def test_a_stream_that_begins_in_an_archive_is_no_row_without_a_stream():
    looks = {each.name: each.look() for each in migrations(ONE_SHARE)}

    assert looks["positions"] == Look(1, [], 1, 0)
    assert looks["trades"].missing == []
    assert "nothing to migrate" in run("migrate_to_events", "--yes")


@pytest.mark.usefixtures("archived")
def test_an_archive_that_is_gone_is_named_before_anything_is_done(tmp_path):
    for path in tmp_path.glob("*.gz"):
        path.unlink()

    _, error = refused("migrate_to_events", "--yes")

    assert "positions: the first events of some streams are archived" in error
    assert "put it back" in error

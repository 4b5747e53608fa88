"""Switch: the ledger's mode changes when nothing is in the way, and else says all that is."""

import threading
import time

import pytest
from django.db import connection

from tests.trading.ledger.faults import Faults
from tests.trading.ledger.steps import Steps
from trading.ledger.backlog import drain
from trading.ledger.mode import LedgerMode, Mode
from trading.ledger.switch import NotReady, switch_ledger
from trading.ledger.tables import OffchainTrade, OnchainTrade, TradeAccumulator
from trading.offchain_order.view import OffchainOrderView

pytestmark = pytest.mark.django_db


def obstacles(target):
    with pytest.raises(NotReady) as refused:
        switch_ledger(target)
    return refused.value.obstacles


def test_a_fresh_database_takes_any_mode():
    assert switch_ledger(Mode.EVENTS) is None
    assert LedgerMode.objects.get().mode == "events"


def test_the_mode_in_force_is_no_change_whatever_is_in_the_way():
    Steps(Mode.LEGACY).fill("BUY", "1")

    assert switch_ledger(Mode.LEGACY) is Mode.LEGACY


@pytest.mark.parametrize("target", [Mode.EVENTS, Mode.LEGACY])
def test_from_dual_with_both_memories_alike(target):
    steps = Steps(Mode.DUAL)
    steps.fill("BUY", "2")
    steps.submit(order := steps.hedge())

    assert switch_ledger(target) is Mode.DUAL
    assert LedgerMode.objects.get().mode == target

    after = Steps(target)
    after.now, after.block = steps.now, steps.block
    after.complete(order)
    assert after.position().net == 0


def test_from_events_back_to_dual():
    steps = Steps(Mode.EVENTS)
    steps.fill("BUY", "2")

    assert switch_ledger(Mode.DUAL) is Mode.EVENTS


def test_from_events_without_the_legacy_tables_the_rows_are_missed_one_by_one():
    Steps(Mode.EVENTS, legacy_projection=False).fill("BUY", "2")

    listed = obstacles(Mode.DUAL)

    assert "position AAPL: row is 0 in the legacy tables, 1, at version 2 in the events" in listed
    assert len(listed) == 2
    assert LedgerMode.objects.get().mode == "events"


@pytest.mark.parametrize("target", [Mode.DUAL, Mode.EVENTS])
def test_from_legacy_every_row_needs_a_stream(target):
    steps = Steps(Mode.LEGACY)
    trade = steps.fill("BUY", "2")
    order = steps.hedge()

    assert obstacles(target) == [
        f"trade {trade} has a legacy row and no stream: `manage.py migrate_to_events`",
        "position AAPL has a legacy row and no stream: `manage.py migrate_to_events`",
        f"order {order} has a legacy row and no stream: `manage.py migrate_to_events`",
        f"link order {order}, trade {trade}: rows is 1 in the legacy tables, 0 in the events",
    ]
    assert LedgerMode.objects.get().mode == "legacy"


def test_a_backlog_is_in_the_way_until_it_is_drained(monkeypatch):
    steps = Steps(Mode.DUAL)
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        steps.fill("BUY", "2")

    assert obstacles(Mode.EVENTS) == [
        "expected an empty backlog, found 3 events: `manage.py drain_backlog`, or mend what keeps them"
    ]
    drain(now=steps.now, regardless=True)
    assert switch_ledger(Mode.EVENTS) is Mode.DUAL


def test_a_difference_is_in_the_way_with_both_sides_of_it():
    Steps(Mode.DUAL).fill("BUY", "2")
    TradeAccumulator.objects.update(threshold="2 shares")

    assert obstacles(Mode.EVENTS) == [
        "position AAPL: threshold is 2 shares in the legacy tables, 1 share in the events"
    ]


@pytest.mark.parametrize("mode", [Mode.DUAL, Mode.EVENTS])
def test_an_open_order_without_a_client_order_id_is_in_the_way(mode):
    steps = Steps(mode)
    steps.fill("BUY", "2")
    order = steps.hedge()
    OffchainTrade.objects.update(client_order_id=None)
    OffchainOrderView.objects.update(client_order_id=None)

    listed = obstacles(Mode.EVENTS if mode is Mode.DUAL else Mode.DUAL)

    assert (
        f"order {order} (SELL AAPL) is open and has no client order id, so it can't be asked for: end it first"
    ) in listed


def test_everything_in_the_way_is_listed_at_once_and_no_more_than_a_screenful(monkeypatch):
    steps = Steps(Mode.DUAL)
    for index in range(30):
        steps.fill("BUY", "0.5", f"tSYM{index}")
    OnchainTrade.objects.update(amount_raw="7")
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        steps.fill("BUY", "2")

    listed = obstacles(Mode.EVENTS)

    assert listed[0].startswith("expected an empty backlog")
    assert len(listed) == 22
    assert listed[-1] == "and 10 differences more: `manage.py compare_ledgers --as-dual`"


@pytest.mark.django_db(transaction=True)
def test_a_switch_waits_for_the_step_under_way_and_the_next_step_finds_the_new_mode():
    """The switch sees what the step commits; a step that began before it ends under the old mode."""
    steps = Steps(Mode.DUAL)
    steps.fill("BUY", "1")
    began, switched = threading.Event(), []

    def switch():
        began.wait(10)
        switched.append(switch_ledger(Mode.EVENTS))
        connection.close()

    thread = threading.Thread(target=switch)
    thread.start()
    with steps.step() as step:
        steps.fill_in(step, "BUY", "1")
        began.set()
        time.sleep(0.3)
        assert not switched
    thread.join(30)

    assert switched == [Mode.DUAL]
    assert Steps(Mode.EVENTS).position().net == 2

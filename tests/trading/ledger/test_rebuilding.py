"""Rebuilding: what fills and filled orders add up to is worked out again, shown, and taken over in both memories."""

from decimal import Decimal

import pytest

from eventstore.models import StoredEvent
from tests.support.commands import refused, run
from tests.trading.ledger import agreement
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.history import History
from tests.trading.ledger.steps import AT, Steps
from tests.trading.ledger.test_compare import some_story
from trading.ledger.book import Ledger
from trading.ledger.compare import compare
from trading.ledger.invariants import LEGACY_BOOKS, VIEWED_BOOKS, broken
from trading.ledger.link_views import TradeLinkView
from trading.ledger.mode import Mode
from trading.ledger.tables import NettingLink, OffchainTrade, OnchainTrade, TradeAccumulator, TradeExecutionLink
from trading.position.view import PositionView

pytestmark = pytest.mark.django_db

NOTHING = "nothing to change: fills, orders, positions and links agree\n"
MEMORIES = [Mode.LEGACY, Mode.DUAL, Mode.EVENTS]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LEGACY_PROJECTION", "HEDGE_THRESHOLD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=MEMORIES)
def mode(request, monkeypatch):
    monkeypatch.setenv("LEDGER", request.param)
    return request.param


def rebuild(*symbols):
    return run("rebuild_legacy", *symbols, "--apply", "--reason", "a hand was in it")


def hold(mode):
    assert list(compare(mode)) == []
    assert list(broken(LEGACY_BOOKS)) == []
    if mode is not Mode.LEGACY:
        assert list(broken(VIEWED_BOOKS)) == []


def test_where_all_is_right_there_is_nothing_to_change(mode):
    some_story(mode)
    before = agreement.dump([*agreement.LEGACY_TABLES, *agreement.VIEW_TABLES, "events"])

    assert run("rebuild_legacy") == NOTHING
    assert rebuild() == NOTHING

    assert agreement.dump([*agreement.LEGACY_TABLES, *agreement.VIEW_TABLES, "events"]) == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [11, 12])
def test_a_history_of_every_kind_of_step_is_found_right(seed, monkeypatch):
    monkeypatch.setenv("LEDGER", "dual")
    History(seed, Ledger(Mode.DUAL)).run(80)

    assert run("rebuild_legacy") == NOTHING


def test_links_that_are_worked_out_again_are_the_links_that_are_there(mode):
    """By name, though nothing is wrong: the rule of today says what the rule of then said."""
    some_story(mode)

    assert run("rebuild_legacy", "AAPL", "TSLA") == NOTHING


def test_sums_that_were_changed_are_shown_and_put_right(mode):
    some_story(mode)
    TradeAccumulator.objects.filter(symbol="AAPL").update(net_position=9, onchain_bought=7, accumulated_long=8)
    TradeAccumulator.objects.filter(symbol="TSLA").update(broker_sold=1)
    right = PositionView.objects.values_list("net_position", "onchain_bought", "accumulated_long")
    wrong = list(TradeAccumulator.objects.values_list())

    shown = run("rebuild_legacy")

    assert shown.splitlines()[0] == "memory\tsubject\tcolumn\tbefore\tafter"
    assert "legacy\tposition AAPL\tonchain_bought\t7\t3.25" in shown
    assert "legacy\tposition TSLA\tbroker_sold\t1\t0" in shown
    assert shown.endswith("cells would change; add --apply --reason … to change them\n")
    assert list(TradeAccumulator.objects.values_list()) == wrong

    printed = rebuild()

    assert "cells were changed, by 2 commands" in printed
    hold(mode)
    assert run("rebuild_legacy") == NOTHING
    row = TradeAccumulator.objects.get(symbol="AAPL")
    assert (row.net_position, row.onchain_bought) == (Decimal("1"), Decimal("3.25"))
    if mode is not Mode.LEGACY:
        assert right.get(symbol="AAPL") == (row.net_position, row.onchain_bought, row.accumulated_long)
        event = StoredEvent.objects.get(type="PositionEvent::Rebuilt", aggregate_id="AAPL")
        assert '"actor":"operator"' in event.metadata
        assert '"reason":"a hand was in it"' in event.metadata


SPOILED = {
    "a link of more shares": lambda: TradeExecutionLink.objects.filter(pk=first_link()).update(contributed_shares=9),
    "a link that gave back": lambda: TradeExecutionLink.objects.filter(pk=first_link()).update(released_shares="0.5"),
    "a lost link": lambda: TradeExecutionLink.objects.filter(pk=first_link()).delete(),
    "a lost netting": lambda: NettingLink.objects.all().delete(),
    "a fill that is open again": lambda: OnchainTrade.objects.filter(reorged_at=None).update(unlinked_shares="0.125"),
    "an order without cover": lambda: OffchainTrade.objects.update(unallocated_shares=1, unallocated_cause="reorg"),
    "all of it": lambda: (
        TradeExecutionLink.objects.all().delete(),
        NettingLink.objects.all().delete(),
        OffchainTrade.objects.update(unallocated_shares=3, unallocated_cause="late fill"),
    ),
}


def first_link():
    return TradeExecutionLink.objects.order_by("id").first().pk


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_links_that_were_changed_are_put_right(mode, spoil):
    some_story(mode)
    links, opened = sorted(agreement.legacy_links()), agreement.open_shares(OnchainTrade)
    nettings = sorted(agreement.legacy_nettings())
    spoil()

    assert "would change" in run("rebuild_legacy")
    assert "cells were changed" in rebuild()

    hold(mode)
    assert sorted(agreement.legacy_links()) == links
    assert sorted(agreement.legacy_nettings()) == nettings
    assert agreement.open_shares(OnchainTrade) == opened
    assert run("rebuild_legacy") == NOTHING


def test_what_is_wrong_in_both_memories_is_put_right_in_both(monkeypatch):
    monkeypatch.setenv("LEDGER", "dual")
    some_story()
    for links in (TradeExecutionLink, TradeLinkView):
        links.objects.filter(reorged=False).update(contributed_shares=Decimal("0.25"))
    for positions in (TradeAccumulator, PositionView):
        positions.objects.filter(symbol="AAPL").update(broker_sold=0)

    shown = run("rebuild_legacy")
    rebuild()

    assert "legacy\tposition AAPL\tbroker_sold\t0\t2" in shown
    assert "views\tposition AAPL\tbroker_sold\t0\t2" in shown
    hold(Mode.DUAL)


def test_trading_goes_on_after_it(mode):
    steps = Steps(mode)
    steps.fill("BUY", "2.5")
    order = steps.hedge()
    steps.submit(order)
    TradeExecutionLink.objects.update(contributed_shares=1)
    TradeAccumulator.objects.update(pending_execution=None, pending_side=None, pending_shares=None)
    rebuild()
    steps.now = steps.now.replace(year=2100)

    steps.complete(order, "1.5")
    steps.fill("BUY", "1")
    second = steps.hedge()
    steps.submit(second)

    hold(mode)
    assert steps.position().pending.order_id == second


def test_what_an_operator_set_is_not_taken_back(mode):
    steps = Steps(mode)
    steps.fill("BUY", "2.5")
    run("set_position", "AAPL", "4", "--reason", "counted")

    assert run("rebuild_legacy", "AAPL") == NOTHING
    assert steps.position().net == 4


def test_links_of_an_installation_that_kept_none_are_worked_out(mode):
    steps = Steps(mode)
    steps.fill("BUY", "2.5")
    steps.submit(order := steps.hedge())
    steps.complete(order, "2")
    TradeExecutionLink.objects.all().delete()
    OnchainTrade.objects.update(unlinked_shares="2.5")

    assert "unlinked_shares\t2.5\t0.5" in run("rebuild_legacy", "AAPL")
    rebuild("AAPL")

    assert TradeExecutionLink.objects.get().contributed_shares == 2


def test_only_the_symbols_that_are_named_are_looked_at(monkeypatch):
    monkeypatch.setenv("LEDGER", "dual")
    some_story()
    TradeAccumulator.objects.update(onchain_bought=77)

    assert "TSLA" not in run("rebuild_legacy", "AAPL")
    rebuild("AAPL")
    assert "legacy\tposition TSLA\tonchain_bought\t77\t0" in run("rebuild_legacy")


def test_a_backlog_comes_first(monkeypatch):
    monkeypatch.setenv("LEDGER", "dual")
    steps = Steps(Mode.DUAL)
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        steps.fill("BUY", "2")

    assert refused("rebuild_legacy")[1].startswith("expected an empty backlog, found 3 events")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--apply",), "expected a reason, was empty"),
        (("--apply", "--reason", "  "), "expected a reason, was empty"),
        (("A B",), "expected a stock symbol such as AAPL or BRK.B, was 'A B'"),
    ],
)
def test_what_is_refused(arguments, said, monkeypatch):
    monkeypatch.setenv("LEDGER", "dual")
    some_story()
    TradeAccumulator.objects.update(onchain_bought=77, last_updated=AT)

    assert said in refused("rebuild_legacy", *arguments)[1]
    assert set(TradeAccumulator.objects.values_list("onchain_bought", flat=True)) == {77}


def test_other_fills_or_orders_in_the_other_memory_are_for_an_operator(monkeypatch):
    monkeypatch.setenv("LEDGER", "dual")
    some_story()
    OffchainTrade.objects.filter(pk=1).update(filled_shares=7)

    _, error = refused("rebuild_legacy", "--apply", "--reason", "x")

    assert "order\t1\tfilled_shares\t7\t1.5" in error
    assert error.endswith("found 1 cells that differ: nothing was done; find out which memory is right first")


def test_without_legacy_tables_there_is_nothing_to_rebuild(monkeypatch):
    monkeypatch.setenv("LEDGER", "events")
    monkeypatch.setenv("LEGACY_PROJECTION", "off")
    some_story(Mode.EVENTS, legacy_projection=False)

    assert "there are no legacy tables to rebuild" in refused("rebuild_legacy")[1]


def test_another_mode_than_the_one_in_force_is_refused(monkeypatch):
    some_story(Mode.DUAL)
    monkeypatch.setenv("LEDGER", "legacy")

    assert refused("rebuild_legacy")[1].startswith("LEDGER is legacy, but the ledger's mode in force is dual")

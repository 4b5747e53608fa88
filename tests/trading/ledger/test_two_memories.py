"""Two memories: after every commit of a generated history the rows and the events say the same, whatever fails."""

import pytest

from eventstore.projections import inline_projectors
from eventstore.store import all_events
from tests.support.emptying import begin_anew
from tests.trading.ledger import agreement
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.history import History
from trading.ledger import backlog, mode
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.book import Ledger
from trading.ledger.compare import compare
from trading.ledger.mode import Mode
from trading.offchain_order.view import OffchainOrderProjector
from trading.position.view import PositionProjector

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_rows_and_events_say_the_same_whatever_fails(seed, wide, monkeypatch):
    faults = Faults(monkeypatch, seed)

    tell(seed, Ledger(Mode.DUAL), steps=50, faults=faults, wide=wide)

    assert faults.failures


@pytest.mark.parametrize("seed", [4, 7])
def test_every_mode_comes_to_the_same_orders_and_positions(seed, monkeypatch):
    ledgers = {
        "legacy": Ledger(Mode.LEGACY),
        "dual": Ledger(Mode.DUAL),
        "events": Ledger(Mode.EVENTS),
        "events alone": Ledger(Mode.EVENTS, legacy_projection=False),
    }

    stories, tables, views = told_by(ledgers, monkeypatch, seed=seed)

    positions, orders = stories["legacy"]
    assert len(positions) > 1
    assert len(orders) > 1
    assert stories == dict.fromkeys(ledgers, stories["legacy"])
    # To the byte: a reader of the older tables can't tell which mode wrote them.
    assert tables["dual"] == tables["events"] == tables["legacy"]
    assert views["dual"] == views["events"] == views["events alone"]
    assert not any(tables["events alone"].values())
    assert not any(views["legacy"].values())


@pytest.mark.parametrize("seed", [5, 6])
def test_a_failing_event_store_leaves_no_trace_in_the_legacy_tables(seed, monkeypatch):
    ledgers = {"failing": Ledger(Mode.DUAL), "sound": Ledger(Mode.DUAL)}

    stories, tables, views = told_by(ledgers, monkeypatch, seed=seed, failing="failing")

    assert stories["failing"] == stories["sound"]
    assert tables["failing"] == tables["sound"]
    # Once the backlog is drained, the views are as they would have been; an event is recorded as of when it happened.
    assert views["failing"] == views["sound"]


@pytest.mark.slow
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("seed", range(100, 103))
def test_a_long_history(seed, wide, monkeypatch):
    tell(seed, Ledger(Mode.DUAL), steps=150, faults=Faults(monkeypatch, seed), every=3, wide=wide)


@pytest.mark.parametrize("seed", [8, 9])
def test_views_that_are_made_again_from_the_log_are_the_views_that_are_there(seed, monkeypatch):
    tell(seed, Ledger(Mode.DUAL), steps=50, faults=Faults(monkeypatch, seed), every=50)
    live = agreement.dump(agreement.VIEW_TABLES)

    agreement.empty(agreement.VIEW_TABLES)
    for recorded in all_events(limit=100_000):
        for projector in inline_projectors(recorded.aggregate_type):
            projector.project([recorded])

    assert live["onchain_trade_view"]
    assert live["trade_link_view"]
    assert agreement.dump(agreement.VIEW_TABLES) == live


@pytest.mark.parametrize("projector", [PositionProjector(), OffchainOrderProjector()])
def test_an_event_that_a_view_has_seen_changes_nothing(projector):
    tell(10, Ledger(Mode.EVENTS), steps=60, every=60)
    live = agreement.dump(agreement.VIEW_TABLES)

    for recorded in all_events(limit=100_000):
        if recorded.aggregate_type == projector.aggregate_type:
            projector.project([recorded])

    assert agreement.dump(agreement.VIEW_TABLES) == live


def tell(seed, ledger, *, steps, faults=None, every=1, **options):
    """Tell one history to an empty database, and hold what must hold after every commit, or every so many."""
    history = History(seed, ledger, **options)

    def after_commit():
        if len(history.told) % every == 0:
            hold()
        if faults is not None:
            faults.maybe()

    def hold():
        agreement.hold_world(history.world, ledger)
        agreement.hold_states(ledger)
        agreement.hold_links(ledger)
        if len(history.told) % 10 == 0:
            assert list(compare(ledger.mode, legacy_projection=ledger.legacy_projection)) == []

    history.after_commit = after_commit
    try:
        history.run(steps)
        if faults is not None:
            faults.stop()
        backlog.drain(now=history.now, regardless=True)
        hold()
        assert not BackloggedEvent.objects.exists()
        assert list(compare(ledger.mode, legacy_projection=ledger.legacy_projection)) == []
        agreement.hold_chains()
    except BaseException as error:
        error.add_note(f"seed {seed}, {ledger.mode}:\n  " + "\n  ".join(history.told[-25:]))
        raise
    return history


def told_by(ledgers, monkeypatch, *, seed, failing=None):
    """Tell one history to one ledger after the other; return what each made of it, and its tables."""
    # The installation's mark is in every client order id.
    monkeypatch.setattr(mode, "new_mark", lambda: "testmark")
    stories, tables, views = {}, {}, {}
    for name, ledger in ledgers.items():
        begin_anew()
        with monkeypatch.context() as patched:
            faults = Faults(patched, seed) if name == failing else None
            tell(seed, ledger, steps=40, faults=faults, every=8)
            assert faults is None or faults.failures
        stories[name] = agreement.story(ledger)
        tables[name] = agreement.dump(agreement.LEGACY_TABLES)
        views[name] = agreement.dump(agreement.VIEW_TABLES)
    return stories, tables, views

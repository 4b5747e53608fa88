"""The backstop: a turn for each station that is named, unless a conductor or another task is at it."""

import pytest
from django.utils import timezone

from config import backstop
from config.backstop import BUSY, LASTS, NOT_THERE, give_turns
from config.environment import SettingError
from config.ledger_watch import compare_once
from config.schedules import SCHEDULES, TURNS
from tests.support import factories as make
from tests.support.made_chain import MadeChain, take
from tests.support.replay_node import replaying
from tests.support.stations import Stations
from trading.chain.node import NodeUnavailable
from trading.conductor.leases import ConductorsLease, StationLease, lease
from trading.conductor.work import StationHeartbeat
from trading.offchain_order.aggregate import OrderState


@pytest.fixture
def environment(monkeypatch):
    chain = MadeChain("tAAPL")
    chain.mine(take("SELL", "2.5", "tAAPL"))
    with replaying(chain.recording()) as replay:
        settings = {
            "RPC_URL": replay.url,
            "ORDERBOOK_ADDRESS": replay.recording["orderbook"],
            "ORDER_OWNER": replay.recording["owner"].lower(),
            "USDC_ADDRESS": replay.recording["usdc"].lower(),
            "DEPLOYMENT_BLOCK": str(replay.recording["first"]),
            "BROKER": "dry_run",
            "DRY_RUN_FILL_SECONDS": "0",
        }
        for name in ("CHAIN_CUTOFF", "LEDGER", "HEDGE_THRESHOLD", "DRY_RUN_BEHAVIOUR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield monkeypatch


def run(name: str):
    (scheduled,) = (one for one in SCHEDULES if one.name == name)
    return scheduled.run()


@pytest.mark.django_db(transaction=True)
def test_schedules_alone_hedge_a_fill(environment):
    """No conductor runs: the chain is read, the hedge is sent and its fill booked, a little later than else."""
    assert list(run("fills")) == ["watcher", "processor", "refresher", "hedger", "dispatcher"]
    assert run("order_sweep") == {"dispatcher": "idle"}
    for _ in range(20):
        if run("order_polling") == {"poller": "worked"}:
            break
    assert run("exposure_watch") == {"exposure_watch": "idle"}
    upkeep = run("upkeep")

    stations = Stations()
    assert stations.hedges() == ["BUY 2 AAPL"]
    assert stations.only_order().state is OrderState.FILLED
    assert set(upkeep) == {"enricher", "drainer", "profits", "sealer"}
    assert set(StationLease.objects.values_list("holder", flat=True)) == {None}
    # Whoever asks whether a conductor is at work must not take a task for one.
    assert not StationHeartbeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_station_that_a_conductor_is_at_is_busy_and_the_others_have_their_turn(environment):
    assert ConductorsLease("hedger").held(now=timezone.now())

    assert give_turns("processor", "hedger", "poller") == {"processor": "idle", "hedger": BUSY, "poller": "idle"}


@pytest.mark.django_db(transaction=True)
def test_a_station_that_another_task_is_at_is_busy(environment):
    with lease("dispatcher", now=timezone.now(), lasts=LASTS):
        assert run("order_sweep") == {"dispatcher": BUSY}
    assert run("order_sweep") == {"dispatcher": "idle"}


@pytest.mark.django_db(transaction=True)
def test_without_names_each_station_has_a_turn(environment):
    assert list(give_turns()) == [
        "watcher",
        "processor",
        "enricher",
        "refresher",
        "hedger",
        "dispatcher",
        "poller",
        "decision_poller",
        "reconciler",
        "clerk",
        "exposure_watch",
        "drainer",
        "profits",
        "sealer",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_station_that_is_not_in_this_installation_is_told(environment):
    environment.setenv("LEDGER", "legacy")
    assert give_turns("sealer", "poller") == {"sealer": NOT_THERE, "poller": "idle"}


@pytest.mark.django_db(transaction=True)
def test_a_station_that_fails_keeps_no_other_from_its_turn_and_leaves_its_lease(environment):
    turns = []

    class Station:
        def __init__(self, name, error=None):
            self.name, self.error = name, error

        def run_once(self, *, now):
            turns.append(self.name)
            if self.error is not None:
                raise self.error
            return True

    wired = backstop.wire()
    stations = [Station("watcher", NodeUnavailable("down")), Station("hedger", ValueError("odd")), Station("poller")]
    environment.setattr(type(wired), "conductor", lambda wired: type("Given", (), {"stations": stations}))
    wired.node.close()

    with pytest.raises(NodeUnavailable, match="down"):
        give_turns()

    assert turns == ["watcher", "hedger", "poller"]
    assert set(StationLease.objects.values_list("holder", flat=True)) == {None}


@pytest.mark.django_db(transaction=True)
def test_every_station_of_a_conductor_has_a_schedule(environment):
    """One that is forgotten would stand still where no conductor runs."""
    wired = backstop.wire()
    names = {station.name for station in wired.conductor().stations}
    wired.node.close()
    # The dry run needs no login, so there is no station that keeps one.
    assert {name for one in SCHEDULES if one.function == TURNS for name in one.arguments} == names | {"tokens"}


@pytest.mark.django_db(transaction=True)
def test_one_comparison_of_the_ledgers_runs_at_a_time(environment):
    with lease("ledger_comparison", now=timezone.now(), lasts=LASTS):
        assert compare_once() == BUSY
    assert compare_once() == "no difference"


def test_a_task_is_ended_before_its_lease(settings):
    assert settings.TASK_SECONDS == settings.Q_CLUSTER["timeout"] < LASTS.total_seconds()


@pytest.mark.django_db(transaction=True)
def test_without_a_chain_schedules_do_what_there_is_for_one_that_only_decides(monkeypatch):
    for name in ("RPC_URL", "ORDERBOOK_ADDRESS", "ORDER_OWNER", "DEPLOYMENT_BLOCK", "LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BROKER", "dry_run")

    assert set(run("fills").values()) == {NOT_THERE}
    assert run("decision_polling") == {"decision_poller": "idle"}
    assert run("operator_requests") == {"clerk": "idle"}
    assert run("upkeep")["drainer"] == "idle"
    # By which it is known that they are run.
    assert StationHeartbeat.objects.filter(station="decision_poller", process="schedules").count() == 1


@pytest.mark.django_db
def test_an_installation_that_has_read_a_chain_does_not_do_without_it_in_silence(monkeypatch):
    monkeypatch.delenv("ORDERBOOK_ADDRESS", raising=False)
    monkeypatch.setenv("RPC_URL", "http://127.0.0.1:1")
    make.checkpoint(updated_at=timezone.now())

    with pytest.raises(SettingError, match="ORDERBOOK_ADDRESS is not set"):
        run("decision_polling")

"""Wiring: which stations the settings put together."""

import pytest

from config.environment import broker_settings, hedge_settings, ledger_settings
from config.wiring import wire
from eventstore.integrity.exports import file_of
from eventstore.store import append
from tests.eventstore.samples import AT, deposits

HEDGE = {
    "RPC_URL": "https://node.example.com",
    "ORDERBOOK_ADDRESS": "0xd2938e7c9fe3597f78832ce780feb61945c377d7",
    "ORDER_OWNER": "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    "DEPLOYMENT_BLOCK": "24000000",
}
STATIONS = ["watcher", "processor", "enricher", "refresher", "hedger", "dispatcher", "poller", "drainer"]


@pytest.fixture
def stations_of():
    nodes = []

    def stations_of(ledger):
        wired = wire(
            hedge=hedge_settings(HEDGE),
            broker=broker_settings({"BROKER": "dry_run"}),
            ledger=ledger_settings({"LEDGER": ledger}),
        )
        nodes.append(wired.node)
        return wired.conductor().stations

    yield stations_of
    for node in nodes:
        node.close()


@pytest.mark.parametrize(
    ("ledger", "names"),
    [
        # Without events there is nothing to seal.
        ("legacy", STATIONS),
        ("dual", [*STATIONS, "sealer"]),
        ("events", [*STATIONS, "sealer"]),
    ],
)
def test_what_a_conductor_gives_turns_to(stations_of, ledger, names):
    assert [station.name for station in stations_of(ledger)] == names


@pytest.mark.django_db
def test_the_sealer_exports_to_the_folder_of_the_settings(stations_of, settings, tmp_path):
    settings.SEAL_FOLDER = tmp_path / "seals"
    append(deposits("A", 1), at=AT)

    stations_of("dual")[-1].run_once(now=AT)

    assert file_of(tmp_path / "seals", 1).exists()

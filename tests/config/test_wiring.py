"""Wiring: which stations the settings put together."""

from datetime import timedelta

import pytest

from audit_trail.payloads.models import ApiPayload
from config.brokers import make_broker, make_recorder
from config.environment import SettingError, broker_settings, hedge_settings, ledger_settings
from config.wiring import make_ledger, wire
from eventstore.integrity.exports import file_of
from eventstore.store import append
from tests.audit_trail.payloads.calls import outgoing
from tests.eventstore.samples import AT, deposits
from tests.support.alpaca import Kept
from trading.conductor.wakeups import LEADS_TO

HEDGE = {
    "RPC_URL": "https://node.example.com",
    "ORDERBOOK_ADDRESS": "0xd2938e7c9fe3597f78832ce780feb61945c377d7",
    "ORDER_OWNER": "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    "DEPLOYMENT_BLOCK": "24000000",
}
STATIONS = [
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
]


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


def test_every_station_that_wakes_another_or_is_woken_is_among_them(stations_of):
    names = {name for waker, woken in LEADS_TO.items() for name in (waker, *woken)}
    assert names - {station.name for station in stations_of("legacy")} == set()


def test_the_exposure_watch_is_as_patient_as_the_settings(stations_of, monkeypatch):
    monkeypatch.setenv("EXPOSURE_SECONDS", "7")
    monkeypatch.setenv("BEFORE_CLOSE_SECONDS", "8")

    (watch,) = (station for station in stations_of("dual") if station.name == "exposure_watch")

    assert (watch._limit, watch._before_close) == (timedelta(seconds=7), timedelta(seconds=8))


@pytest.mark.django_db
def test_the_sealer_exports_to_the_folder_of_the_settings(stations_of, settings, tmp_path):
    settings.SEAL_FOLDER = tmp_path / "seals"
    append(deposits("A", 1), at=AT)

    stations_of("dual")[-1].run_once(now=AT)

    assert file_of(tmp_path / "seals", 1).exists()


@pytest.mark.django_db
def test_the_recorder_knows_the_secrets_of_the_environment(monkeypatch):
    monkeypatch.setenv("ALPACA_PAPER_API_KEY_ID", "the-key-id")
    monkeypatch.setenv("SCHWAB_APP_SECRET", "the-app-secret")

    make_recorder().sending(outgoing(body=b"the-key-id, the-app-secret, the rest"))

    assert ApiPayload.objects.get().body == "***, ***, the rest"


# Brokers.

ALPACA = {
    "TRADING_MODE": "paper",
    "ALPACA_API_KEY": "PKTESTKEYOFNOBODY",
    "ALPACA_API_SECRET": "secret-of-nobody-at-all",
    "ALPACA_ACCOUNT": "PA3TEST01234",
}


@pytest.fixture
def broker_of(monkeypatch):
    def broker_of(recorder, **environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        settings = broker_settings({"BROKER": environ.get("BROKER", "alpaca")})
        return make_broker(settings, make_ledger(ledger_settings({})), recorder=recorder)

    return broker_of


def test_alpaca_is_put_together_from_the_environment(broker_of):
    broker = broker_of(Kept(), **ALPACA)

    assert (broker.name, broker.capabilities.fractional_digits) == ("alpaca", 9)
    broker.close()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ALPACA_API_KEY": "AKTESTKEYOFNOBODY"}, r"ALPACA_API_KEY begins with AK \(live\), TRADING_MODE is paper"),
        ({"ALPACA_API_KEY": "XXTESTKEYOFNOBODY"}, "begins with neither PK"),
        ({"ALPACA_BASE_URL": "https://api.alpaca.markets"}, "ALPACA_BASE_URL is Alpaca's host for live"),
        ({"TRADING_MODE": "live"}, "CONFIRM_LIVE_TRADING is not set"),
        ({"TRADING_MODE": "live", "CONFIRM_LIVE_TRADING": "yes"}, r"begins with PK \(paper\), TRADING_MODE is live"),
    ],
)
def test_what_does_not_belong_together_ends_the_command_before_anything_is_sent(broker_of, changes, why):
    with pytest.raises(SettingError, match=why) as raised:
        broker_of(Kept(), **{**ALPACA, **changes})

    assert "TESTKEYOFNOBODY" not in str(raised.value)


def test_the_dry_run_needs_no_recorder(broker_of):
    assert broker_of(None, BROKER="dry_run").name == "dry_run"


SCHWAB = {
    "BROKER": "schwab",
    "TRADING_MODE": "live",
    "CONFIRM_LIVE_TRADING": "yes",
    "SCHWAB_APP_KEY": "the-apps-own-key",
    "SCHWAB_APP_SECRET": "the-apps-own-secret",
    "SCHWAB_ACCOUNT": "12345678",
    "TOKEN_ENCRYPTION_KEYS": "ab" * 32,
}


def test_schwab_is_put_together_from_the_environment(broker_of):
    broker = broker_of(Kept(), **SCHWAB)

    assert (broker.name, broker.capabilities.client_order_id) == ("schwab", False)


def test_schwab_has_no_paper_accounts_so_it_is_refused_for_paper_but_for_a_stand_in(broker_of):
    paper = {**SCHWAB, "TRADING_MODE": "paper", "CONFIRM_LIVE_TRADING": ""}

    with pytest.raises(SettingError, match="Schwab has no paper accounts"):
        broker_of(Kept(), **paper)

    assert broker_of(Kept(), **paper, SCHWAB_BASE_URL="http://127.0.0.1:18081").name == "schwab"


def test_orders_at_a_real_broker_are_polled_as_the_environment_says(monkeypatch):
    for name, value in {**ALPACA, "ORDER_POLLING_INTERVAL": "7", "ORDER_POLLING_MAX_JITTER": "2"}.items():
        monkeypatch.setenv(name, value)

    wired = wire(hedge=hedge_settings(HEDGE), broker=broker_settings({"BROKER": "alpaca"}), recorder=Kept())

    assert (wired.poller.poll_every, wired.poller.jitter) == (timedelta(seconds=7), timedelta(seconds=2))
    wired.node.close()
    wired.broker.close()

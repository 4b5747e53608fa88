"""A stand-in: at a venue of our own the calendar can be left out, and at no real broker, whatever the settings say."""

from datetime import UTC, datetime

import pytest

from config.brokers import make_broker
from config.environment import SettingError, broker_settings, ledger_settings
from config.stand_in import is_calendar_left_out, is_stand_in
from config.venue_environment import environment_of
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.hours import Door, Hours
from config.venues.schwab import SchwabVenue
from config.wiring import make_gate, make_ledger
from tests.support.alpaca import Kept

KINDS = {"alpaca": AlpacaVenue, "schwab": SchwabVenue}
REAL = {
    "alpaca": {"ALPACA_API_KEY": "PKA1B2C3D4E5F6G7H8I9"},
    "schwab": {"SCHWAB_APP_KEY": "aRealAppKeyOfSchwabs0000"},
}
SUNDAY_NIGHT = datetime(2026, 3, 1, 4, tzinfo=UTC)


def environment(name: str, door: Door = Door.OPEN) -> dict[str, str]:
    with KINDS[name](Exchange(hours=Hours(door))) as venue:
        return environment_of(venue)


@pytest.mark.parametrize("name", KINDS)
def test_what_a_venue_says_to_export_leaves_the_calendar_out(name):
    assert is_calendar_left_out(name, environment(name))
    assert is_stand_in(name, environment(name))


@pytest.mark.parametrize("name", KINDS)
def test_a_venue_that_keeps_the_exchanges_hours_is_held_to_them(name):
    assert not is_calendar_left_out(name, environment(name, Door.CALENDAR))


@pytest.mark.parametrize("name", KINDS)
def test_without_the_setting_the_calendar_is_asked_at_a_venue_too(name):
    told = environment(name)
    del told["MARKET_HOURS"]

    assert not is_calendar_left_out(name, told)


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        # Whatever listens on this machine, a tunnel to a real broker too, takes real keys only if it is real.
        ("alpaca", REAL["alpaca"], "ALPACA_API_KEY is not the one that our venues take"),
        ("schwab", REAL["schwab"], "SCHWAB_APP_KEY is not the one that our venues take"),
        ("alpaca", {"TRADING_MODE": "live", "CONFIRM_LIVE_TRADING": "yes"}, "TRADING_MODE is not paper"),
        ("schwab", {"TRADING_MODE": "live", "CONFIRM_LIVE_TRADING": "yes"}, "TRADING_MODE is not paper"),
        ("alpaca", {"ALPACA_BASE_URL": ""}, "ALPACA_BASE_URL is not on this machine"),
        ("alpaca", {"ALPACA_BASE_URL": "https://127.0.0.1.example.com"}, "ALPACA_BASE_URL is not on this machine"),
        ("alpaca", {"ALPACA_DATA_URL": ""}, "ALPACA_DATA_URL is not on this machine"),
        ("schwab", {"SCHWAB_BASE_URL": ""}, "SCHWAB_BASE_URL is not on this machine"),
        ("schwab", {"SCHWAB_BASE_URL": "https://venue.example.com"}, "SCHWAB_BASE_URL is not on this machine"),
    ],
)
def test_at_what_may_be_a_real_broker_the_calendar_is_never_left_out(name, changes, why):
    told = environment(name) | changes

    with pytest.raises(SettingError, match=f"^MARKET_HOURS is broker, and {why}"):
        is_calendar_left_out(name, told)
    assert not is_stand_in(name, told)


def test_no_key_is_repeated():
    with pytest.raises(SettingError) as raised:
        is_calendar_left_out("alpaca", environment("alpaca") | REAL["alpaca"])

    assert REAL["alpaca"]["ALPACA_API_KEY"] not in str(raised.value)


def test_hours_are_the_exchanges_or_the_brokers():
    with pytest.raises(SettingError, match="MARKET_HOURS is not valid: expected exchange"):
        is_calendar_left_out("alpaca", {"MARKET_HOURS": "always"})


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("left_out", [True, False])
def test_the_gate_asks_the_calendar_unless_it_is_left_out(monkeypatch, name, left_out):
    for variable, value in {**environment(name), "TOKEN_ENCRYPTION_KEYS": "ab" * 32}.items():
        monkeypatch.setenv(variable, value)
    if not left_out:
        monkeypatch.delenv("MARKET_HOURS")
    settings, ledger = broker_settings(), make_ledger(ledger_settings({}))

    gate = make_gate(settings, make_broker(settings, ledger, recorder=Kept()), ledger)

    assert gate._terms.calendar is not left_out
    if not left_out:
        assert gate._session_open(SUNDAY_NIGHT) is False


@pytest.mark.parametrize("name", KINDS)
def test_a_real_brokers_settings_make_no_gate_with_it(monkeypatch, name):
    for variable, value in {**environment(name), **REAL[name], "TOKEN_ENCRYPTION_KEYS": "ab" * 32}.items():
        monkeypatch.setenv(variable, value)
    settings, ledger = broker_settings(), make_ledger(ledger_settings({}))
    broker = make_broker(settings, ledger, recorder=Kept())

    with pytest.raises(SettingError, match="MARKET_HOURS is broker"):
        make_gate(settings, broker, ledger)


@pytest.mark.django_db
@pytest.mark.parametrize(("changes", "paper"), [({}, True), (REAL["schwab"], None)])
def test_what_is_traded_at_a_venue_of_our_own_is_paper_and_elsewhere_on_this_machine_it_is_unknown(
    monkeypatch, changes, paper
):
    for variable, value in {**environment("schwab"), **changes, "TOKEN_ENCRYPTION_KEYS": "ab" * 32}.items():
        monkeypatch.setenv(variable, value)

    broker = make_broker(broker_settings(), make_ledger(ledger_settings({})), recorder=Kept())

    assert broker._holdings._paper is paper

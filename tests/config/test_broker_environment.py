"""The variables of the brokers: what is required, what is refused, and that no secret is repeated."""

import traceback

import pytest

from config.broker_environment import BROKER_VARIABLES, alpaca_settings, trading_mode
from config.documented import documented_variables
from config.environment import SettingError
from trading.brokers.alpaca.identity import Mode

KEY, SECRET = "PKTESTKEYOFNOBODY", "secret-of-nobody-at-all"
PAPER = {
    "TRADING_MODE": "paper",
    "ALPACA_API_KEY": KEY,
    "ALPACA_API_SECRET": SECRET,
    "ALPACA_ACCOUNT": "PA3TEST01234",
}
LIVE = {**PAPER, "TRADING_MODE": "live", "CONFIRM_LIVE_TRADING": "yes", "ALPACA_API_KEY": "AK" + KEY[2:]}


def test_paper_trading_goes_to_the_host_for_paper():
    settings = alpaca_settings(PAPER)

    assert (settings.mode, settings.account) == (Mode.PAPER, "PA3TEST01234")
    assert (settings.key.reveal(), settings.secret.reveal()) == (KEY, SECRET)
    assert settings.trading_url == "https://paper-api.alpaca.markets"
    assert settings.data_url == "https://data.alpaca.markets"


def test_live_trading_goes_to_the_host_for_live():
    assert alpaca_settings(LIVE).trading_url == "https://api.alpaca.markets"


@pytest.mark.parametrize("name", ["TRADING_MODE", "ALPACA_API_KEY", "ALPACA_API_SECRET", "ALPACA_ACCOUNT"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_is_required_has_no_default(name, value):
    """Q1: the mode once had a default, and it was the wrong one."""
    environ = {key: text for key, text in PAPER.items() if key != name} | ({} if value is None else {name: value})

    with pytest.raises(SettingError, match=f"^{name} is not set"):
        alpaca_settings(environ)


@pytest.mark.parametrize("mode", ["Paper", "LIVE", "real", "true", "paper live"])
def test_a_mode_is_one_of_two_words(mode):
    with pytest.raises(SettingError, match=r"^TRADING_MODE is not valid"):
        trading_mode({"TRADING_MODE": mode})


@pytest.mark.parametrize("confirmed", [None, "", " "])
def test_live_trading_is_said_twice(confirmed):
    environ = {"TRADING_MODE": "live"} | ({} if confirmed is None else {"CONFIRM_LIVE_TRADING": confirmed})

    with pytest.raises(SettingError, match="TRADING_MODE is live and CONFIRM_LIVE_TRADING is not set"):
        trading_mode(environ)


@pytest.mark.parametrize("mode", ["paper", "live"])
@pytest.mark.parametrize("confirmed", ["no", "true", "1", "YES", "Yes", "y"])
def test_a_confirmation_is_the_word_yes_and_no_other(mode, confirmed):
    with pytest.raises(SettingError, match=r"^CONFIRM_LIVE_TRADING is not valid"):
        trading_mode({"TRADING_MODE": mode, "CONFIRM_LIVE_TRADING": confirmed})


def test_a_confirmation_makes_paper_no_live():
    assert trading_mode({"TRADING_MODE": "paper", "CONFIRM_LIVE_TRADING": "yes"}) is Mode.PAPER


@pytest.mark.parametrize(
    "url",
    [
        "https://alpaca.example.com",
        "https://alpaca.example.com:8443/",
        "http://127.0.0.1:8091",
        "http://localhost:8091/alpaca",
        "http://[::1]:8091",
    ],
)
@pytest.mark.parametrize(("name", "field"), [("ALPACA_BASE_URL", "trading_url"), ("ALPACA_DATA_URL", "data_url")])
def test_another_host_may_be_named(name, field, url):
    assert getattr(alpaca_settings({**PAPER, name: url}), field) == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        # Keys would be sent over the network for all to read.
        ("http://alpaca.example.com", "to another machine"),
        ("http://127.0.0.1.example.com", "to another machine"),
        ("ftp://127.0.0.1", "to another machine"),
        ("https://paper-api.alpaca.markets/v2", "its version is added by us"),
        ("https://paper-api.alpaca.markets/v2/", "its version is added by us"),
        ("paper-api.alpaca.markets", "a scheme and a host"),
        ("https://", "a scheme and a host"),
        ("https://user@alpaca.example.com", "a scheme and a host"),
        ("https://alpaca.example.com?x=1", "a scheme and a host"),
        ("https://alpaca.example.com:port", "its port"),
    ],
)
@pytest.mark.parametrize("name", ["ALPACA_BASE_URL", "ALPACA_DATA_URL"])
def test_a_host_that_can_not_be_right_is_refused(name, url, why):
    with pytest.raises(SettingError, match=f"(?s)^{name} is not valid.*{why}"):
        alpaca_settings({**PAPER, name: url})


@pytest.mark.parametrize("account", ["PA3 TEST", "PA3\nTEST", "x" * 41, "PA3/../x"])
def test_an_account_is_a_number(account):
    with pytest.raises(SettingError, match=r"^ALPACA_ACCOUNT is not valid"):
        alpaca_settings({**PAPER, "ALPACA_ACCOUNT": account})


@pytest.mark.parametrize("name", ["ALPACA_API_KEY", "ALPACA_API_SECRET"])
@pytest.mark.parametrize("value", ["PK secret with spaces", "PKsécret-with-accents", "PK\tsecret-with-tabs", "PKshort"])
def test_a_secret_that_can_not_be_one_is_not_repeated(name, value):
    """G6-68: secrets stood in logs."""
    with pytest.raises(SettingError, match=f"^{name} is not valid") as raised:
        alpaca_settings({**PAPER, name: value})

    assert value not in "".join(traceback.format_exception(raised.value))


def test_settings_show_no_secret():
    told = repr(alpaca_settings(PAPER))

    assert KEY not in told
    assert SECRET not in told
    assert "PA3TEST01234" in told


def test_the_variables_are_documented_with_the_others():
    assert set(BROKER_VARIABLES) < set(documented_variables())
    assert len({variable.name for variable in documented_variables()}) == len(documented_variables())
    assert {variable.name for variable in BROKER_VARIABLES if variable.secret} == {
        "ALPACA_API_KEY",
        "ALPACA_API_SECRET",
    }

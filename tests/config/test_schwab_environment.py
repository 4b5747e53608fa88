"""The brokers' environment is read strictly, and no secret of it is shown by a message or a traceback."""

import pytest

from config import environment
from config.documented import documented_variables
from config.environment import SettingError
from config.logs import Redactor
from config.schwab_environment import (
    SCHWAB_VARIABLES,
    TOKEN_ENCRYPTION_KEYS,
    older_key,
    schwab_account,
    schwab_settings,
    token_keys,
)
from tests.support.logins import KEY, NEW_KEY, frames_of_ours
from trading.broker_auth.keys import key_id
from trading.values.secret import Secret

APP = {"SCHWAB_APP_KEY": "the-apps-own-key", "SCHWAB_APP_SECRET": "the-apps-own-secret"}


def test_a_login_at_schwab_needs_the_apps_key_and_secret_and_has_the_rest_by_default():
    settings = schwab_settings(APP)

    assert settings.app_key == Secret("the-apps-own-key")
    assert settings.app_secret == Secret("the-apps-own-secret")
    assert settings.redirect_uri == "https://127.0.0.1"
    assert settings.base_url == "https://api.schwabapi.com"


def test_settings_show_no_secret():
    shown = repr(schwab_settings(APP))
    assert "the-apps" not in shown
    assert "https://127.0.0.1" in shown


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("SCHWAB_APP_KEY", "with a space", schwab_settings),
        ("SCHWAB_APP_SECRET", "", schwab_settings),
        ("SCHWAB_REDIRECT_URI", "http://127.0.0.1", schwab_settings),
        ("SCHWAB_REDIRECT_URI", "https://127.0.0.1/?code=1", schwab_settings),
        ("SCHWAB_REDIRECT_URI", "127.0.0.1", schwab_settings),
        ("SCHWAB_BASE_URL", "http://api.schwabapi.com", schwab_settings),
        ("SCHWAB_BASE_URL", "https://me:pw@api.schwabapi.com", schwab_settings),
        ("SCHWAB_BASE_URL", "https://api.schwabapi.com/?a=b", schwab_settings),
        ("SCHWAB_ACCOUNT", "12-34", schwab_account),
        ("SCHWAB_ACCOUNT", "", schwab_account),
    ],
)
def test_what_is_malformed_or_missing_is_named(name, value, read):
    with pytest.raises(SettingError, match=rf"^{name} is not (valid: expected|set\. Expected)"):
        read(APP | {name: value})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8092", "http://localhost:1/", "https://sandbox.example"])
def test_a_service_on_this_machine_may_do_without_https(url):
    assert schwab_settings(APP | {"SCHWAB_BASE_URL": url}).base_url == url.rstrip("/")


def test_the_redirect_uri_stays_as_it_was_registered_to_the_letter():
    uri = "https://Hedge.Example.com:8443/Callback/"
    assert schwab_settings(APP | {"SCHWAB_REDIRECT_URI": uri}).redirect_uri == uri


def test_keys_are_read_newest_first():
    keys = token_keys({"TOKEN_ENCRYPTION_KEYS": f"{NEW_KEY},{KEY}"})
    assert keys.ids == [key_id(Secret(NEW_KEY)), key_id(Secret(KEY))]


def test_missing_keys_are_said_to_be_missing_and_how_to_make_one():
    with pytest.raises(SettingError, match=r"TOKEN_ENCRYPTION_KEYS is not set.*openssl rand -hex 32"):
        token_keys({})


def test_the_older_installations_key_is_asked_for_by_nobody():
    assert older_key({}) is None
    assert older_key({"ENCRYPTION_KEY": KEY}) == Secret(KEY)
    assert next(v for v in SCHWAB_VARIABLES if v.name == "ENCRYPTION_KEY").default == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{NEW_KEY},{KEY[:-3]}", "key 2 of 2: expected 64 hex digits, found 61 characters"),
        (f"{NEW_KEY},{KEY[:-2]}xy", "key 2 of 2: expected 64 hex digits, found 64 characters, 2 of them no hex digits"),
        (f"{NEW_KEY},,{KEY}", "key 2 of 3: expected 64 hex digits, found nothing"),
        (f"{KEY} {NEW_KEY}", "key 1 of 1: expected 64 hex digits, found 129 characters, 1 of them no hex digits"),
    ],
)
def test_a_malformed_key_is_told_by_its_place_and_shown_nowhere(text, told, monkeypatch):
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", text)
    with pytest.raises(SettingError) as raised:
        token_keys()

    assert told in str(raised.value)
    assert "`openssl rand -hex 32` makes a key" in str(raised.value)
    shown = frames_of_ours(raised.value)
    assert [part for part in (NEW_KEY, KEY[:-3]) if part in shown] == []


def test_no_traceback_of_any_setting_shows_the_others_with_its_locals(monkeypatch):
    """The whole environment lies in one mapping, and so in a local name of whoever reads one of it."""
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", KEY)
    monkeypatch.setenv("SCHWAB_APP_SECRET", "the-apps-own-secret")
    monkeypatch.setenv("BROKER", "nobody")
    monkeypatch.delenv("SCHWAB_APP_KEY", raising=False)
    for read in (environment.broker_settings, schwab_settings):
        with pytest.raises(SettingError) as raised:
            read()
        assert KEY not in frames_of_ours(raised.value)
        assert "the-apps-own-secret" not in frames_of_ours(raised.value)


def test_the_variables_of_brokers_are_documented_with_the_others():
    assert set(SCHWAB_VARIABLES) < set(documented_variables())
    names = [variable.name for variable in documented_variables()]
    assert len(names) == len(set(names))


def test_whoever_works_with_the_dry_run_needs_none_of_them():
    assert environment.broker_settings({"BROKER": "dry_run"}).broker == "dry_run"


def test_secrets_of_brokers_are_taken_out_of_logs_each_key_of_several_by_itself():
    texts = Redactor(APP | {TOKEN_ENCRYPTION_KEYS.name: f"{NEW_KEY}, {KEY}", "ENCRYPTION_KEY": "ab" * 32})
    for secret in (KEY, NEW_KEY, "ab" * 32, "the-apps-own-key", "the-apps-own-secret"):
        assert texts.text(f"it is {secret}.") == "it is ***."

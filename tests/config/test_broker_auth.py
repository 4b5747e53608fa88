"""`broker_auth` and `rotate_token_keys`, as an operator runs them."""

import io
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from config import brokers
from config.environment import SettingError
from tests.architecture.source import PROJECT
from tests.support.commands import refused, run
from tests.support.logins import KEY, NEW_KEY, MadeUpSchwab, grant, keeper, logged_in, store
from trading.broker_auth.keys import key_id
from trading.broker_auth.outbox import AuthNote
from trading.broker_auth.tokens import BrokerToken
from trading.broker_auth.view import SchwabAuthView
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded, OutcomeUnknown
from trading.ledger.mode import LedgerMode, Mode
from trading.notices.models import open_notice, open_notices
from trading.values.secret import Secret

pytestmark = pytest.mark.django_db

REDIRECTED = f"https://127.0.0.1/?code={MadeUpSchwab.CODE}&session=1&state=s"


@pytest.fixture
def schwab(monkeypatch):
    made = MadeUpSchwab()
    monkeypatch.setattr(brokers, "make_oauth", lambda settings: made)
    for name, value in {
        "TOKEN_ENCRYPTION_KEYS": KEY,
        "SCHWAB_APP_KEY": "the-apps-own-key",
        "SCHWAB_APP_SECRET": "the-apps-own-secret",
        "LEDGER": "dual",
    }.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def pasting(monkeypatch):
    def pasting(text):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return pasting


def failed(*arguments):
    with pytest.raises(CommandError) as error:
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())
    return error.value.returncode, str(error.value)


@pytest.mark.parametrize("arguments", [[], ["--redirect-url", "-"]])
def test_an_operator_logs_in_and_is_told_when_the_next_login_is_due(schwab, pasting, arguments):
    open_notice("login_needed", "schwab", "log in", at=timezone.now())
    pasting(REDIRECTED + "\n")

    printed = run("broker_auth", "schwab", *arguments)

    due = timezone.now() + timedelta(days=7)
    assert printed.startswith(
        "Open this address and log in:\n\nhttps://schwab.example/v1/oauth/authorize?client_id=app&state="
    )
    assert f"the next login is due before {due:%Y-%m-%d}" in printed
    assert schwab.asked == [MadeUpSchwab.CODE]
    assert keeper().current() == grant(1).access_token
    assert SchwabAuthView.objects.get().state == "Authenticated"
    assert open_notices() == []


def test_what_is_printed_shows_no_token_and_no_code(schwab, pasting, caplog):
    pasting(REDIRECTED)
    printed = run("broker_auth", "schwab") + caplog.text

    assert "SECRET" not in printed
    assert MadeUpSchwab.CODE not in printed


def test_each_login_has_a_state_of_its_own(schwab, pasting):
    seen = set()
    for _ in range(3):
        pasting(REDIRECTED)
        seen.add(run("broker_auth", "schwab").partition("state=")[2].partition("\n")[0])
    assert len(seen) == 3
    assert all(len(state) > 20 for state in seen)


@pytest.mark.parametrize("arguments", [[], ["--redirect-url", "-"]])
@pytest.mark.parametrize("pasted", ["", "\n", "https://127.0.0.1/?error=denied\n"])
def test_what_is_no_address_with_a_code_is_no_login(schwab, pasting, arguments, pasted):
    pasting(pasted)

    code, said = failed("broker_auth", "schwab", *arguments)

    assert code == 1
    assert said.startswith("not logged in: ")
    assert schwab.asked == []
    assert not BrokerToken.objects.exists()


@pytest.mark.parametrize(
    ("trouble", "exit_code", "said"),
    [
        (LoginNeeded("the code is not good (400)"), 1, "begin again"),
        (BrokerUnavailable("nobody answers"), 3, "Begin again later"),
        (OutcomeUnknown("no answer came"), 3, "Begin again later"),
    ],
)
def test_how_a_login_that_failed_ends(schwab, pasting, trouble, exit_code, said):
    schwab.answers = [trouble]
    pasting(REDIRECTED)

    code, told = failed("broker_auth", "schwab")

    assert (code, str(trouble) in told, said in told) == (exit_code, True, True)
    assert not BrokerToken.objects.exists()


def test_a_login_that_failed_leaves_the_one_before_as_it_is(schwab, pasting):
    logged_in()
    before = list(BrokerToken.objects.values())
    schwab.answers = [LoginNeeded("no")]
    pasting(REDIRECTED)

    failed("broker_auth", "schwab")

    assert list(BrokerToken.objects.values()) == before
    assert SchwabAuthView.objects.get().state == "Authenticated"


def test_should_the_broker_repeat_the_code_it_is_not_printed(schwab, pasting):
    schwab.answers = [LoginNeeded(f"the code {MadeUpSchwab.CODE} is used up")]
    pasting(REDIRECTED)

    _, said = failed("broker_auth", "schwab")

    assert "the code *** is used up" in said


def test_the_address_is_never_an_argument(schwab):
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("broker_auth", "schwab", "--redirect-url", REDIRECTED)


@pytest.mark.parametrize("missing", ["TOKEN_ENCRYPTION_KEYS", "SCHWAB_APP_KEY", "SCHWAB_APP_SECRET"])
def test_what_is_missing_is_said_before_a_code_is_used_up(schwab, pasting, monkeypatch, missing):
    monkeypatch.delenv(missing)
    pasting(REDIRECTED)

    with pytest.raises(SettingError, match=f"{missing} is not set"):
        run("broker_auth", "schwab")
    assert schwab.asked == []


def test_another_ledger_mode_is_said_before_a_code_is_used_up(schwab, pasting):
    LedgerMode.objects.create(mode=Mode.EVENTS)
    pasting(REDIRECTED)

    code, said = failed("broker_auth", "schwab")

    assert code == 2
    assert "LEDGER is dual, but the ledger's mode in force is events" in said
    assert schwab.asked == []


def test_tokens_are_stored_though_the_event_must_wait_and_that_is_said(schwab, pasting, monkeypatch):
    monkeypatch.setattr("trading.conductor.logins.keeper.take_notes", lambda broker: 1 / 0)
    pasting(REDIRECTED)

    printed = run("broker_auth", "schwab")

    assert "that there was a login is no event yet, and will be one by itself" in printed
    assert AuthNote.objects.count() == 1
    assert keeper().current() == grant(1).access_token


def test_a_missing_setting_ends_the_program_with_2_and_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "broker_auth", "schwab"],
        cwd=PROJECT,
        env={"PATH": "", "DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is not set. Expected " in done.stderr


# Keys


def test_rotating_stores_each_token_under_the_newest_key_and_says_how_many(schwab, monkeypatch):
    logged_in()
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", f"{NEW_KEY},{KEY}")

    newest = key_id(Secret(NEW_KEY))
    assert run("rotate_token_keys") == f"2 of 2 tokens stored anew; all are under key {newest}\n"
    assert run("rotate_token_keys") == f"0 of 2 tokens stored anew; all are under key {newest}\n"
    assert keeper(tokens=store(NEW_KEY)).current() == grant(1).access_token


def test_rotating_without_an_older_key_changes_nothing_and_names_the_key(schwab, monkeypatch):
    logged_in()
    before = list(BrokerToken.objects.values())
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", NEW_KEY)

    printed, said = refused("rotate_token_keys")

    assert printed == ""
    assert said.startswith("nothing was changed: ")
    assert f"found a ciphertext under key {key_id(Secret(KEY))}" in said
    assert KEY not in said
    assert list(BrokerToken.objects.values()) == before

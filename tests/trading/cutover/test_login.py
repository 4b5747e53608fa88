"""An older installation's login: brought in once, with its times, or a line that asks for a login."""

from datetime import UTC, datetime, timedelta

import pytest
from Crypto.Cipher import AES
from django.db import connection

from eventstore.models import StoredEvent
from tests.support.commands import run
from tests.support.foreign import Foreign
from tests.support.logins import KEY, NEW_KEY, OTHER_KEY, every_cell, frames_of_ours, grant, keeper, logged_in, store
from tests.support.stations import Clock
from tests.trading.ledger.test_compare import some_story
from trading.broker_auth.keys import KeyRing
from trading.broker_auth.legacy import CannotRead, LegacyLogin, read_tokens
from trading.broker_auth.logins import login_of
from trading.broker_auth.tokens import BrokerToken
from trading.broker_auth.view import SchwabAuthView
from trading.cutover.login import FoundLogin, LoginMigration
from trading.ledger.compare import compare
from trading.ledger.mode import Mode
from trading.ledger.switch import switch_ledger
from trading.values.secret import Secret

pytestmark = pytest.mark.django_db

ACCESS, REFRESH = "ACCESS-0-SECRET@", "REFRESH-0-SECRET@"
FETCHED = datetime(2025, 10, 28, 21, 0, 0, tzinfo=UTC)
REFRESHED = datetime(2025, 10, 28, 21, 25, 0, 250_000, tzinfo=UTC)

# As the older installations have it.
TABLE = """CREATE TABLE schwab_auth (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    access_token TEXT NOT NULL,
    access_token_fetched_at {time} NOT NULL,
    refresh_token TEXT NOT NULL,
    refresh_token_fetched_at {time} NOT NULL,
    encryption_version INTEGER NOT NULL DEFAULT 1 CHECK (encryption_version > 0)
)"""


def ciphered(text, key=KEY, *, nonce=b"twelve bytes"):
    """What they stored: lower-case hex of nonce, ciphertext and tag, with nothing bound into it."""
    cipher = AES.new(bytes.fromhex(key), AES.MODE_GCM, nonce=nonce)
    found, tag = cipher.encrypt_and_digest(text.encode())
    return (nonce + found + tag).hex()


def legacy(**facts):
    given = {
        "access_token": ciphered(ACCESS),
        "access_token_fetched_at": REFRESHED,
        "refresh_token": ciphered(REFRESH, nonce=b"another one!"),
        "refresh_token_fetched_at": FETCHED,
    }
    return LegacyLogin(**given | facts)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LEGACY_PROJECTION", "HEDGE_THRESHOLD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LEDGER", "legacy")
    monkeypatch.setenv("ENCRYPTION_KEY", KEY)
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", NEW_KEY)


@pytest.fixture
def table():
    """The older installation's table in our own database, with its row."""
    time = "TIMESTAMPTZ" if connection.vendor == "postgresql" else "TIMESTAMP"
    with connection.cursor() as cursor:
        cursor.execute(TABLE.format(time=time))
        put(cursor, ciphered(ACCESS), ciphered(REFRESH))
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE schwab_auth")


def put(cursor, access, refresh):
    cursor.execute(
        "INSERT INTO schwab_auth VALUES (1, %s, %s, %s, %s, 1)",
        [access, "2025-10-28 21:25:00.250000+00:00", refresh, "2025-10-28 21:00:00+00:00"],
    )


def change(column, value):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE schwab_auth SET {column} = %s", [value])  # noqa: S608


# Reading


def test_the_older_ciphertexts_open_under_the_older_key_with_their_times():
    tokens = read_tokens(legacy(), Secret(KEY))

    assert (tokens.access.secret, tokens.refresh.secret) == (Secret(ACCESS), Secret(REFRESH))
    assert (tokens.access.fetched_at, tokens.access.expires_at) == (REFRESHED, REFRESHED + timedelta(minutes=30))
    assert (tokens.refresh.fetched_at, tokens.refresh.expires_at) == (FETCHED, FETCHED + timedelta(days=7))


@pytest.mark.parametrize(
    ("facts", "key", "told"),
    [
        ({}, NEW_KEY, "the access and refresh token does not open under ENCRYPTION_KEY: it is another key"),
        ({"refresh_token": ciphered(REFRESH, OTHER_KEY)}, KEY, "the refresh token does not open"),
        ({"access_token": "00ff"}, KEY, "the access token does not open"),
        ({"access_token": "no hex at all"}, KEY, "the access token does not open"),
        ({}, KEY[:-1], "ENCRYPTION_KEY: expected 64 hex digits, found 63 characters"),
        ({"encryption_version": 2}, KEY, "expected encryption_version 1, was 2"),
    ],
)
def test_what_does_not_open_is_said_and_shows_nothing(facts, key, told):
    with pytest.raises(CannotRead, match=told) as raised:
        read_tokens(legacy(**facts), Secret(key))

    shown = frames_of_ours(raised.value)
    assert [part for part in (key, "SECRET") if part in shown] == []


# Bringing it in


def test_a_login_comes_in_from_the_older_table_with_its_times(table):
    printed = run("migrate_to_events", "--yes")

    assert "login: 1 rows, 0 of them in the log, 1 to migrate" in printed
    assert "login: good until 2025-11-04 21:00 UTC at the latest; log in with `manage.py broker_auth schwab`" in printed
    assert "login: wrote 1 SchwabAuthEvent::TokensStored; every field is the same in row, view and stream" in printed
    tokens = store(NEW_KEY).read("schwab")
    assert tokens == read_tokens(legacy(), Secret(KEY))
    view = SchwabAuthView.objects.get()
    assert (view.state, view.login_at, view.refreshed_at) == ("Authenticated", FETCHED, REFRESHED)
    assert view.refresh_expires_at == FETCHED + timedelta(days=7)
    event = StoredEvent.objects.get()
    assert event.recorded_at > view.login_at
    assert '"actor":"migrate_to_events"' in event.metadata


def test_it_goes_on_from_there(table):
    run("migrate_to_events", "--yes")
    clock = Clock(FETCHED + timedelta(days=2))

    ours = keeper(clock=clock, tokens=store(NEW_KEY), mode=Mode.LEGACY)

    assert ours.current() == grant(2).access_token
    assert login_of("schwab").login_at == FETCHED
    assert store(NEW_KEY).read("schwab").refresh.expires_at == FETCHED + timedelta(days=7)
    assert switch_ledger(Mode.DUAL) is Mode.LEGACY
    assert list(compare(Mode.DUAL)) == []


def test_a_second_time_it_is_there_already(table, monkeypatch):
    run("migrate_to_events", "--yes")
    before = list(BrokerToken.objects.values())
    monkeypatch.delenv("ENCRYPTION_KEY")

    printed = run("migrate_to_events", "--yes")

    assert "login: there was a login here already, which stays" in printed
    assert "nothing to migrate" in printed
    assert list(BrokerToken.objects.values()) == before
    assert StoredEvent.objects.count() == 1


def test_a_login_that_was_made_here_stays(table):
    logged_in(tokens=store(NEW_KEY), mode=Mode.LEGACY)

    assert "login: there was a login here already, which stays" in run("migrate_to_events", "--yes")
    assert store(NEW_KEY).read("schwab").access.secret == grant(1).access_token


@pytest.mark.parametrize("told", [True, False])
def test_a_login_that_is_made_between_looking_and_writing_stays_and_nothing_is_raised(told, monkeypatch):
    """Whether it is an event by then, or only stored."""
    migration = LoginMigration(FoundLogin(legacy()), keys=KeyRing.parse(Secret(NEW_KEY)), older_key=Secret(KEY))
    look = migration.look()
    with monkeypatch.context() as patched:
        if not told:
            patched.setattr("trading.conductor.logins.keeper.take_notes", lambda broker: 1 / 0)
        logged_in(tokens=store(NEW_KEY), mode=Mode.LEGACY)

    brought = migration.bring(look, at=FETCHED, tell=lambda done: None)

    assert look.missing == ["schwab"]
    assert (dict(brought.events), brought.bad, brought.differences) == ({}, [], [])
    assert store(NEW_KEY).read("schwab").access.secret == grant(1).access_token


def test_a_dry_run_says_what_it_would_write_and_writes_nothing(table):
    printed = run("migrate_to_events", "--dry-run")

    assert "would write 1 SchwabAuthEvent::TokensStored" in printed
    assert not BrokerToken.objects.exists()
    assert not StoredEvent.objects.exists()


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("ENCRYPTION_KEY", None, "ENCRYPTION_KEY, under which it lies, is not set"),
        ("ENCRYPTION_KEY", NEW_KEY, "does not open under ENCRYPTION_KEY: it is another key"),
        ("ENCRYPTION_KEY", "abc", "ENCRYPTION_KEY: expected 64 hex digits, found 3 characters, 0"),
        ("TOKEN_ENCRYPTION_KEYS", None, "TOKEN_ENCRYPTION_KEYS is not set"),
    ],
)
def test_without_a_key_that_is_said_and_all_else_goes_on(table, monkeypatch, variable, value, told):
    some_story(Mode.LEGACY)
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)

    printed = run("migrate_to_events", "--yes")

    assert told.removesuffix(", 0") in printed
    assert "login: the older installation's login is not brought in: " in printed
    assert "log in with `manage.py broker_auth schwab`" in printed
    assert "verified: the memories say the same" in printed
    assert not BrokerToken.objects.exists()
    assert StoredEvent.objects.filter(aggregate_type="Position").exists()


def test_with_the_key_at_hand_it_comes_in_later(table, monkeypatch):
    monkeypatch.delenv("ENCRYPTION_KEY")
    run("migrate_to_events", "--yes")
    monkeypatch.setenv("ENCRYPTION_KEY", KEY)

    assert "login: wrote 1 SchwabAuthEvent::TokensStored" in run("migrate_to_events", "--yes")


def test_a_token_that_lies_there_uncovered_is_not_printed(table):
    """Before there was encryption they lay there as they were; a broken row is told by its column alone."""
    change("access_token", "")
    change("refresh_token", REFRESH)

    printed = run("migrate_to_events", "--yes")

    assert "schwab_auth 1, access_token: expected a text of 1 to 20000 characters" in printed
    assert "SECRET" not in printed


def test_an_empty_table_is_no_login(table):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM schwab_auth")

    assert "login: an older installation has left none" in run("migrate_to_events", "--yes")


def test_nothing_that_was_stored_or_printed_shows_a_token(table):
    printed = run("migrate_to_events", "--yes")

    cells = [*every_cell(), printed]
    assert len(cells) > 20
    for hidden in ("SECRET", b"SECRET".hex(), KEY, NEW_KEY):
        assert [cell for cell in cells if hidden in cell] == []


# From another installation's file


@pytest.fixture
def file(tmp_path):
    made = Foreign(tmp_path / "old.sqlite3")
    made.execute(TABLE.format(time="TIMESTAMP"))
    made.insert(
        "schwab_auth",
        id=1,
        access_token=ciphered(ACCESS),
        access_token_fetched_at="2025-10-28 21:25:00.250",
        refresh_token=ciphered(REFRESH),
        refresh_token_fetched_at="2025-10-28 21:00:00",
    )
    return made


def test_a_login_comes_in_from_a_file_with_its_trades(file):
    trade = file.trade("BUY", 1.5, n=1)
    file.link(trade, file.order("SELL", 1, status="FILLED"), 1)
    file.position(long=0.5)

    printed = run("migrate_to_events", "--from", file.path, "--yes")

    assert "login: wrote 1 SchwabAuthEvent::TokensStored" in printed
    assert store(NEW_KEY).read("schwab") == read_tokens(legacy(), Secret(KEY))
    assert list(compare(Mode.DUAL)) == []


def test_a_file_from_before_there_was_encryption_asks_for_a_login(file):
    file.execute("UPDATE schwab_auth SET access_token = ?, refresh_token = ?", ACCESS, REFRESH)

    printed = run("migrate_to_events", "--from", file.path, "--yes")

    assert "the access and refresh token does not open under ENCRYPTION_KEY" in printed
    assert "SECRET" not in printed

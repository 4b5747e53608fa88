"""Aggregates without a legacy row: in every mode their events are in the event store, or wait for it, in order."""

import random
import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from eventstore.models import StoredEvent
from eventstore.store import stream
from tests.support.commands import run
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.steps import AT, Steps
from trading.broker_auth.aggregate import AuthState, NotAuthenticated, SchwabAuth
from trading.broker_auth.commands import LoseAuthentication, RefreshAccessToken, StoreTokens
from trading.broker_auth.view import SchwabAuthView, state_of
from trading.conductor.drainer import Drainer
from trading.ledger import stream as ledger_stream
from trading.ledger.backlog import BackloggedEvent, drafts_of, drain
from trading.ledger.compare import compare
from trading.ledger.mode import Mode
from trading.ledger.switch import NotReady, switch_ledger

pytestmark = pytest.mark.django_db

MODES = list(Mode)
# Where an event store that fails leaves events on the backlog.
FORGIVING = [Mode.LEGACY, Mode.DUAL]


class Logins(Steps):
    def tell(self, command):
        with self.step() as step, step.group("login:schwab"):
            step.handle(SchwabAuth, "schwab", command)

    def log_in(self):
        at = self.now
        self.tell(
            StoreTokens(
                login_at=at,
                fetched_at=at,
                expires_at=at + timedelta(minutes=30),
                refresh_expires_at=at + timedelta(days=7),
            )
        )

    def refresh(self):
        self.tell(RefreshAccessToken(refreshed_at=self.now, expires_at=self.now + timedelta(minutes=30)))

    def lose(self):
        self.tell(LoseAuthentication(lost_at=self.now, reason="refused"))

    def state(self):
        with self.step() as step:
            step._load(SchwabAuth, ["schwab"])
            return step._held[SchwabAuth, "schwab"]


def added_up():
    """What the stored and the waiting events add up to, read apart from the code that is tested."""
    auth, version = SchwabAuth.initial("schwab"), 0
    events = [(recorded.version, recorded.event) for recorded in stream("SchwabAuth", "schwab")]
    for row in BackloggedEvent.objects.filter(aggregate_type="SchwabAuth").order_by("id"):
        (draft,) = drafts_of([row])
        events.append((draft.version, draft.event))
    for found, event in events:
        assert found == version + 1
        auth, version = auth.evolve(event), found
    return auth, version


@pytest.mark.parametrize("mode", MODES)
def test_a_login_goes_on_from_what_it_was_in_every_mode(mode):
    logins = Logins(mode)
    logins.log_in()
    logins.refresh()
    logins.lose()

    with pytest.raises(NotAuthenticated):
        logins.refresh()
    assert logins.state() == added_up()
    assert logins.state().version == 3
    row = SchwabAuthView.objects.get()
    assert (state_of(row), row.stream_version) == added_up()
    assert row.state == AuthState.NOT_AUTHENTICATED


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("projection", [True, False])
def test_a_login_beside_fills_and_orders_changes_no_row_of_theirs(mode, projection):
    logins = Logins(mode, legacy_projection=projection)
    logins.log_in()
    logins.fill("BUY", "2")
    logins.submit(logins.hedge())
    logins.refresh()

    assert list(compare(mode, legacy_projection=projection)) == []
    assert StoredEvent.objects.filter(aggregate_type="SchwabAuth").count() == 2
    assert StoredEvent.objects.exclude(aggregate_type="SchwabAuth").exists() == (mode is not Mode.LEGACY)


@pytest.mark.parametrize("mode", FORGIVING)
def test_what_the_event_store_refuses_waits_and_is_counted_in(mode, monkeypatch):
    logins = Logins(mode)
    logins.log_in()
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        logins.refresh()
        logins.lose()
        logins.log_in()

    assert [row.version for row in BackloggedEvent.objects.order_by("id")] == [2, 3, 4]
    assert logins.state() == added_up()
    assert SchwabAuthView.objects.get().stream_version == 1
    assert list(compare(Mode.DUAL)) == []

    assert Drainer(ledger=logins.ledger).run_once(now=logins.now) is True

    assert not BackloggedEvent.objects.exists()
    assert SchwabAuthView.objects.get().stream_version == 4
    assert logins.state() == added_up()


@pytest.mark.parametrize("mode", FORGIVING)
@pytest.mark.parametrize("seed", range(3))
def test_whatever_fails_and_whenever_it_is_drained_no_event_is_lost_or_out_of_place(mode, seed, monkeypatch):
    logins, chosen = Logins(mode), random.Random(seed)
    faults = Faults(monkeypatch, seed)
    told = 0
    for _ in range(60):
        faults.maybe()
        does = chosen.choice([logins.log_in, logins.refresh, logins.refresh, logins.lose, None])
        if does is None:
            drain(now=logins.now, regardless=True)
        else:
            try:
                does()
                told += 1
            except NotAuthenticated:
                pass
        assert logins.state() == added_up()
        assert added_up()[1] == told
    faults.stop()
    drain(now=logins.now, regardless=True)

    assert faults.failures
    assert not BackloggedEvent.objects.exists()
    assert list(compare(Mode.DUAL)) == []


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_drained_while_the_state_is_read_is_counted_once(monkeypatch):
    """The backlog is read first, so what moves meanwhile is met twice, and never missed."""
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a transaction that writes is alone")
    logins = Logins(Mode.DUAL)
    logins.log_in()
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        logins.lose()

    real = ledger_stream.waiting_events

    def then_drained(*args):
        waiting = real(*args)
        in_a_thread(lambda: drain(now=logins.now, regardless=True))
        return waiting

    monkeypatch.setattr(ledger_stream, "waiting_events", then_drained)
    with logins.step() as step, step.group("login:schwab"), pytest.raises(NotAuthenticated):
        step.handle(SchwabAuth, "schwab", RefreshAccessToken(refreshed_at=AT, expires_at=AT))
    assert not BackloggedEvent.objects.exists()
    assert added_up()[1] == 2


def in_a_thread(work):
    def run_and_close():
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run_and_close)
    thread.start()
    thread.join(30)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", MODES)
def test_two_who_tell_at_once_take_turns(mode):
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a transaction that writes is alone")
    Logins(mode).log_in()
    start, failures = threading.Barrier(4), []

    def refresh():
        try:
            start.wait(10)
            Logins(mode).refresh()
        except Exception as error:  # noqa: BLE001  # shown below, in the test's own thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=refresh) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == []
    assert not BackloggedEvent.objects.exists()
    assert added_up()[1] == 5


# Changing the mode


@pytest.mark.parametrize(("before", "after"), [(one, other) for one in MODES for other in MODES if one is not other])
def test_a_login_goes_over_to_another_mode(before, after):
    logins = Logins(before)
    logins.log_in()

    assert switch_ledger(after) is before

    then = Logins(after)
    then.now = logins.now
    then.refresh()
    assert then.state() == added_up()
    assert then.state().version == 2
    assert list(compare(after)) == []


def test_a_login_on_the_backlog_is_in_the_way_of_a_switch_until_it_is_drained(monkeypatch):
    logins = Logins(Mode.LEGACY)
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        logins.log_in()

    with pytest.raises(NotReady, match="found 1 events"):
        switch_ledger(Mode.DUAL)
    assert run("drain_backlog") == "1 groups of events were appended, 0 events stay\n"
    assert switch_ledger(Mode.DUAL) is Mode.LEGACY


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"state": "Sleeping"}, "view: state"),
        ({"refresh_expires_at": AT + timedelta(days=70)}, "view: refresh_expires_at"),
        ({"stream_version": 7}, "view: stream_version"),
    ],
)
def test_a_view_that_says_something_else_is_a_difference_and_in_the_way(change, what):
    logins = Logins(Mode.DUAL)
    logins.log_in()
    SchwabAuthView.objects.update(**change)

    (found,) = compare(Mode.DUAL)
    assert (found.kind, found.subject, found.what) == ("login", "schwab", what)
    with pytest.raises(NotReady, match="login schwab"):
        switch_ledger(Mode.EVENTS)


def test_a_view_that_is_missing_and_one_without_a_stream_are_differences():
    SchwabAuthView.objects.create(id="schwab", state="Authenticated", last_updated=AT)
    assert [(found.what, found.events) for found in compare(Mode.EVENTS)] == [("stream", "a view row without a stream")]
    SchwabAuthView.objects.all().delete()

    Logins(Mode.DUAL).log_in()
    SchwabAuthView.objects.all().delete()
    assert [(found.what, found.events) for found in compare(Mode.DUAL)] == [
        ("view", "no row, and a stream at version 1")
    ]


# Again from the log


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", MODES)
def test_the_view_made_again_from_the_log_is_the_view_that_was_there(mode):
    logins = Logins(mode)
    logins.log_in()
    logins.refresh()
    logins.lose()
    logins.log_in()
    before = SchwabAuthView.objects.values().get()

    assert run("rebuild_views", "schwab_auth", "--check") == "schwab_auth: no difference\n"
    SchwabAuthView.objects.update(state="Sleeping")
    run("rebuild_views", "schwab_auth")

    assert SchwabAuthView.objects.values().get() == before


def test_every_stream_is_replayed_logins_too():
    Logins(Mode.LEGACY).log_in()
    assert "1 events of 1 streams were replayed" in run("replay")


def test_a_login_is_shown_as_a_stream(settings):
    logins = Logins(Mode.DUAL)
    logins.log_in()
    logins.lose()

    printed = run("show_stream", "SchwabAuth", "schwab")

    assert "TokensStored" in printed
    assert "AuthenticationLost" in printed


def test_a_stream_of_refreshes_is_loaded_from_a_snapshot(settings):
    settings.EVENTSTORE_SNAPSHOT_EVERY = 5
    logins = Logins(Mode.DUAL)
    logins.log_in()
    for _ in range(7):
        logins.refresh()

    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM snapshots WHERE aggregate_type = 'SchwabAuth'")
        assert cursor.fetchone() == (5,)
    assert logins.state() == added_up()
    call_command("seal_log")
    assert logins.state().version == 8

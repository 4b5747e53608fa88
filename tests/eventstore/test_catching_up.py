"""Catching up: projections by checkpoint, which lose nothing, do nothing twice, and fail alone."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.urls import reverse

from eventstore import catching_up
from eventstore.catching_up import (
    Follower,
    NoSuchProjection,
    ProjectionTwice,
    catch_up,
    pause,
    register_catching_up,
    resume,
    take_turn,
)
from eventstore.lag import standings
from eventstore.models import Projection, StoredEvent
from eventstore.projections import only_inline
from eventstore.rows import insert_rows
from eventstore.store import Draft, append
from tests.eventstore.samples import AT, METADATA, Deposited, coins, deposits
from tests.support import factories as make

pytestmark = pytest.mark.django_db


class Names:
    """Keeps a row for each event, in the database's own table of groups."""

    def __init__(self, name="names", *, version=1, aggregate_types=None, fails_at=(), times=10**9):
        self.name, self.version, self.aggregate_types = name, version, aggregate_types
        self.fails_at, self.times = set(fails_at), times
        self.batches = []

    def project(self, batch):
        self.batches.append(len(batch))
        insert_rows(Group, [{"name": f"{self.name}{self.version} {name_of(event)}"} for event in batch])
        if self.times and any(name_of(event) in self.fails_at for event in batch):
            self.times -= 1
            raise ZeroDivisionError("poison")

    def seen(self):
        rows = Group.objects.filter(name__startswith=f"{self.name}{self.version} ").order_by("id")
        return [name.partition(" ")[2] for name in rows.values_list("name", flat=True)]


def name_of(event):
    return f"{event.aggregate_id}/{event.version}"


@pytest.fixture(autouse=True)
def nothing_inline():
    with only_inline():
        yield


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(catching_up, "_REGISTERED", {})
    return register_catching_up


def row_of(projector):
    return Projection.objects.get(name=projector.name, version=projector.version)


def seconds(count):
    return AT + timedelta(seconds=count)


def test_a_projection_comes_to_the_end_of_the_log_in_batches():
    projector = Names()
    append(deposits("A", 1, 2, 3, 4, 5), at=AT)

    assert take_turn(projector, now=AT, batch=2)
    assert (row_of(projector).status, projector.seen()) == ("booting", ["A/1", "A/2"])

    catch_up(projector, now=AT, batch=2)

    row = row_of(projector)
    assert projector.seen() == ["A/1", "A/2", "A/3", "A/4", "A/5"]
    assert (row.status, row.events_done, row.checkpoint) == ("active", 5, StoredEvent.objects.latest("number").number)
    assert projector.batches == [2, 2, 1]
    assert not take_turn(projector, now=AT)


def test_what_is_of_another_kind_is_passed_by():
    projector = Names(aggregate_types={"Purse"})
    append(deposits("A", 1, 2), at=AT)
    append([Draft("Purse", "P", 1, Deposited(amount=coins(1)), METADATA)], at=AT)
    append(deposits("A", 3), at=AT)

    catch_up(projector, now=AT)

    assert projector.seen() == ["P/1"]
    assert row_of(projector).checkpoint == StoredEvent.objects.latest("number").number


def test_once_active_a_projection_that_is_behind_stays_active():
    projector = Names()
    append(deposits("A", 1), at=AT)
    catch_up(projector, now=AT)
    append(deposits("A", 2, 3), at=AT)

    take_turn(projector, now=AT, batch=1)

    assert row_of(projector).status == "active"


def test_a_new_version_starts_at_the_beginning_beside_the_one_before():
    append(deposits("A", 1), at=AT)
    first, second = Names(), Names(version=2)
    catch_up(first, now=AT)
    append(deposits("A", 2), at=AT)

    catch_up(second, now=AT)

    assert second.seen() == ["A/1", "A/2"]
    assert first.seen() == ["A/1"]


@pytest.mark.django_db(transaction=True)
def test_rows_and_checkpoint_are_of_one_commit():
    append_alone(deposits("A", 1, 2, 3))
    projector = Names(fails_at={"A/2"})

    catch_up(projector, now=AT)

    # The batch was taken back as a whole; one by one, what went well was kept.
    assert projector.seen() == ["A/1"]
    row = row_of(projector)
    assert (row.checkpoint, row.events_done) == (StoredEvent.objects.get(version=1).number, 1)


def test_a_poison_event_is_named_and_the_projection_waits_longer_each_time():
    projector = Names(fails_at={"A/2"})
    append(deposits("A", 1, 2, 3), at=AT)
    poison = StoredEvent.objects.get(version=2)

    waits, now = [], AT
    for _ in range(9):
        assert not take_turn(projector, now=now)
        row = row_of(projector)
        waits.append((row.next_retry_at - now).total_seconds())
        now = row.next_retry_at

    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900]
    assert (row.status, row.attempts, row.failed_number) == ("failed", 9, poison.number)
    assert row.last_error == (
        f"event {poison.number}, AccountEvent::Deposited (Account-A, version 2): ZeroDivisionError: poison"
    )
    assert projector.seen() == ["A/1"]


def test_a_projection_is_left_alone_until_its_time_comes():
    projector = Names(fails_at={"A/1"})
    append(deposits("A", 1), at=AT)
    take_turn(projector, now=AT)
    tried = len(projector.batches)

    assert not take_turn(projector, now=seconds(4))
    assert len(projector.batches) == tried

    take_turn(projector, now=seconds(5))
    assert len(projector.batches) > tried


def test_a_handler_that_fails_once_recovers_at_once():
    projector = Names(fails_at={"A/2"}, times=1)
    append(deposits("A", 1, 2, 3), at=AT)

    catch_up(projector, now=AT)

    assert projector.seen() == ["A/1", "A/2", "A/3"]
    assert (row_of(projector).status, row_of(projector).attempts) == ("active", 0)


def test_a_handler_that_fails_for_a_while_recovers_by_itself():
    projector = Names(fails_at={"A/2"}, times=2)  # The batch, and then the event alone.
    append(deposits("A", 1, 2, 3), at=AT)
    catch_up(projector, now=AT)
    assert row_of(projector).status == "failed"

    catch_up(projector, now=seconds(5))

    row = row_of(projector)
    assert projector.seen() == ["A/1", "A/2", "A/3"]
    assert (row.status, row.attempts, row.next_retry_at, row.last_error, row.failed_number) == (
        "active", 0, None, None, None,
    )  # fmt: skip


def test_an_event_that_cannot_be_read_is_a_poison_event_too():
    projector = Names()
    append(deposits("A", 1, 2), at=AT)
    # As a newer program would have stored it.
    future = make.event(aggregate_id="A", type="AccountEvent::Deposited", schema=9)

    catch_up(projector, now=AT)

    row = row_of(projector)
    assert projector.seen() == ["A/1", "A/2"]
    assert (row.status, row.failed_number) == ("failed", future.number)
    assert "NewerSchema" in row.last_error


def test_a_long_error_is_cut():
    class Wordy(Names):
        def project(self, batch):
            raise ValueError("x" * 10_000)

    append(deposits("A", 1), at=AT)
    catch_up(Wordy(), now=AT)

    assert len(row_of(Wordy()).last_error) == 2000


def test_a_failing_projection_holds_no_other_one_up():
    bad, good = Names("bad", fails_at={"A/1"}), Names("good")
    append(deposits("A", 1, 2), at=AT)
    follower = Follower(lambda: [bad, good])

    while follower.run_once(now=AT):
        pass

    assert good.seen() == ["A/1", "A/2"]
    assert bad.seen() == []


def test_the_follower_gives_each_projection_one_batch_a_turn():
    one, other = Names("one"), Names("other")
    append(deposits("A", 1, 2, 3), at=AT)
    follower = Follower(lambda: [one, other], batch=2)

    assert follower.run_once(now=AT)
    assert one.seen() == other.seen() == ["A/1", "A/2"]
    assert not follower.run_once(now=AT)
    assert one.seen() == other.seen() == ["A/1", "A/2", "A/3"]


def test_the_follower_follows_what_is_registered(registered):
    projector = Names()
    registered(projector)
    append(deposits("A", 1), at=AT)

    Follower().run_once(now=AT)

    assert projector.seen() == ["A/1"]
    registered(projector)
    with pytest.raises(ProjectionTwice, match="'names' of version 1"):
        registered(Names())


# Two at once


def test_a_checkpoint_that_moved_meanwhile_is_left_where_it_is():
    projector = Names()
    append(deposits("A", 1, 2), at=AT)

    class Slow(Names):
        def project(self, batch):
            raise AssertionError("its checkpoint was moved by another process")

    slow = Slow()
    reading = slow_reading(slow, meanwhile=lambda: catch_up(projector, now=AT))

    assert not reading(now=AT)
    assert projector.seen() == ["A/1", "A/2"]
    assert row_of(projector).status == "active"


def test_a_projection_that_is_paused_meanwhile_is_left_alone():
    projector = Names()
    append(deposits("A", 1, 2), at=AT)

    assert not slow_reading(projector, meanwhile=lambda: pause("names", now=AT))(now=AT)

    assert projector.seen() == []
    assert row_of(projector).status == "paused"


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_never_project_twice():
    append_alone([draft for n in range(200) for draft in deposits(f"A{n}", 1)])
    start = threading.Barrier(3)
    failures = []

    def follow():
        projector = Names()
        try:
            start.wait(30)
            # One that was overtaken goes on with its next turn.
            while row_count(projector) < 200:
                take_turn(projector, now=AT, batch=7)
        except BaseException as error:  # noqa: BLE001  # held below
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=follow, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    # A name of a group is unique: a second row for an event would have failed.
    assert failures == []
    assert Names().seen() == [f"A{n}/1" for n in range(200)]
    assert (row_of(Names()).events_done, row_of(Names()).status) == (200, "active")


# Standing, and the operator's verbs


def test_lag_is_told_in_events_and_in_seconds(registered):
    projector = Names()
    registered(projector)
    append(deposits("A", 1, 2), at=AT)
    append(deposits("A", 3), at=seconds(60))

    (never,) = standings(now=seconds(90))
    assert (never.status, never.lag_events, never.lag_seconds, never.updated_at) == (
        "booting", StoredEvent.objects.latest("number").number, 90, None,
    )  # fmt: skip

    take_turn(projector, now=AT, batch=2)
    (behind,) = standings(now=seconds(90))
    assert (behind.status, behind.lag_events, behind.lag_seconds, behind.events_done) == ("booting", 1, 30, 2)

    catch_up(projector, now=AT)
    (there,) = standings(now=seconds(90))
    assert (there.status, there.lag_events, there.lag_seconds) == ("active", 0, 0)


def test_a_version_that_no_projector_has_is_still_shown(registered):
    append(deposits("A", 1), at=AT)
    catch_up(Names(), now=AT)
    registered(Names(version=2))

    assert [(each.version, each.registered) for each in standings(now=AT)] == [(1, False), (2, True)]


def test_a_paused_projection_stands_still_until_it_is_resumed(registered):
    projector = Names()
    registered(projector)
    pause("names", now=AT)
    append(deposits("A", 1), at=AT)

    catch_up(projector, now=AT)
    assert (row_of(projector).status, projector.seen()) == ("paused", [])

    resume("names", now=AT)
    catch_up(projector, now=AT)
    assert (row_of(projector).status, projector.seen()) == ("active", ["A/1"])


def test_a_failed_projection_that_is_resumed_is_tried_at_once():
    projector = Names(fails_at={"A/1"}, times=2)
    append(deposits("A", 1), at=AT)
    catch_up(projector, now=AT)

    resume("names", now=seconds(1))
    catch_up(projector, now=seconds(1))

    assert projector.seen() == ["A/1"]


def test_a_name_that_no_projection_has_is_refused():
    for verb in (pause, resume):
        with pytest.raises(NoSuchProjection, match="no projection is named 'nothing'"):
            verb("nothing", now=AT)


def test_the_command_lists_pauses_and_resumes(registered, capsys):
    assert printed(capsys) == "no projection catches up with the log: all views are written with their events\n"
    registered(Names(fails_at={"A/1"}))
    append(deposits("A", 1), at=AT)
    Follower().run_once(now=AT)

    listed = printed(capsys)
    assert "names" in listed
    assert "failed" in listed
    assert "ZeroDivisionError" in listed
    assert '"failed_number": ' in printed(capsys, "--json")
    assert printed(capsys, "pause", "names") == "names (version 1) is paused at number 0\n"
    assert printed(capsys, "resume", "names") == "names (version 1) is booting at number 0\n"
    with pytest.raises(CommandError, match="no projection is named 'other'"):
        call_command("projections", "pause", "other")
    with pytest.raises(CommandError, match="expected the name of a projection"):
        call_command("projections", "pause")


def test_the_admin_shows_where_a_projection_stands(admin_client):
    append(deposits("A", 1), at=AT)
    projector = Names(fails_at={"A/1"})
    catch_up(projector, now=AT)

    listed = admin_client.get(reverse("admin:eventstore_projection_changelist")).content.decode()
    page = admin_client.get(reverse("admin:eventstore_projection_change", args=[row_of(projector).pk])).content.decode()

    for text in (listed, page):
        assert "ZeroDivisionError: poison" in text
        assert "failed" in text
    assert 'name="_save"' not in page


def printed(capsys, *arguments):
    call_command("projections", *arguments)
    return capsys.readouterr().out


def append_alone(drafts):
    with transaction.atomic():
        return append(drafts, at=AT)


def row_count(projector):
    return Projection.objects.filter(name=projector.name).values_list("events_done", flat=True).first() or 0


def slow_reading(projector, *, meanwhile):
    """Take a turn in which something else happens between reading the events and projecting them."""

    def turn(*, now):
        read, done = catching_up.events_between, []

        def reading(*args, **options):
            events = read(*args, **options)
            if not done:
                done.append(True)
                meanwhile()
            return events

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(catching_up, "events_between", reading)
            return take_turn(projector, now=now)

    return turn

"""Leases: a schedule's turn and a conductor's never happen at once, and no lease outlives its holder for long.

FAILURES.md: G4-44, G4-45 (gates with an owner and a deadline), V4 (no gate older than its deadline).
"""

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import connections

from tests.support.stations import Clock
from trading.conductor import processes
from trading.conductor.conductor import Conductor
from trading.conductor.leases import CONDUCTORS, CONDUCTORS_HOLD, ConductorsLease, StationLease, lease
from trading.conductor.processes import process_name

SECOND = timedelta(seconds=1)
LASTS = timedelta(seconds=60)
DEADLINE = 20
NOW = Clock()()


def taken(name: str = "poller", *, now=NOW) -> bool:
    with lease(name, now=now, lasts=LASTS) as held:
        return held


def held_elsewhere(name: str = "poller", *, holder: str = "another-host:17:abcd", until=NOW + LASTS) -> None:
    StationLease.objects.create(name=name, holder=holder, until=until)


# A task alone.


@pytest.mark.django_db
def test_two_tasks_never_hold_one_lease_at_once_and_each_may_after_the_other():
    with lease("poller", now=NOW, lasts=LASTS) as first, lease("poller", now=NOW, lasts=LASTS) as second:
        assert (first, second) == (True, False)
    assert taken()


@pytest.mark.django_db
def test_the_lease_of_one_station_is_no_other_ones():
    with lease("poller", now=NOW, lasts=LASTS) as poller, lease("dispatcher", now=NOW, lasts=LASTS) as dispatcher:
        assert (poller, dispatcher) == (True, True)


@pytest.mark.django_db
def test_a_lease_is_released_by_an_error_too():
    with pytest.raises(ValueError, match="odd"), lease("poller", now=NOW, lasts=LASTS):
        raise ValueError("odd")
    assert taken()


@pytest.mark.django_db
def test_a_lease_ends_by_itself_v4():
    held_elsewhere()
    assert not taken(now=NOW + LASTS - SECOND)
    assert taken(now=NOW + LASTS)


@pytest.mark.django_db
def test_the_lease_of_a_process_of_this_host_that_is_gone_ends_with_it_g4_45():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    held_elsewhere(holder=f"{processes._host()}:{child.pid}:abcd")
    assert taken()


@pytest.mark.django_db
def test_the_lease_of_a_process_of_this_host_that_lives_stays():
    held_elsewhere(holder=f"{processes._host()}:{os.getpid()}:abcd")
    assert not taken()


@pytest.mark.django_db
def test_who_has_lost_its_lease_does_not_release_the_next_ones():
    with lease("poller", now=NOW, lasts=LASTS):
        StationLease.objects.update(holder="another-host:17:abcd", until=NOW + 2 * LASTS)
    assert StationLease.objects.get().holder == "another-host:17:abcd"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("row_is_there", [True, False])
def test_of_many_that_come_at_the_same_moment_one_holds_it(row_is_there):
    if row_is_there:
        StationLease.objects.create(name="poller")
    start, done, held = threading.Barrier(4), threading.Barrier(4), []

    def come() -> None:
        try:
            start.wait(DEADLINE)
            with lease("poller", now=NOW, lasts=LASTS) as mine:
                held.append(mine)
                done.wait(DEADLINE)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)

    assert sorted(held) == [False, False, False, True]


# The conductors together.


@pytest.mark.django_db
def test_conductors_share_what_no_task_may_have_meanwhile():
    first, second = ConductorsLease("poller"), ConductorsLease("poller")

    assert first.held(now=NOW)
    assert second.held(now=NOW)
    assert not taken()


@pytest.mark.django_db
def test_while_a_task_has_its_turn_a_conductor_waits_and_then_goes_on():
    conductors = ConductorsLease("poller")
    with lease("poller", now=NOW, lasts=LASTS):
        assert not conductors.held(now=NOW)
        assert not conductors.held(now=NOW + SECOND)
    assert conductors.held(now=NOW + 2 * SECOND)


@pytest.mark.django_db
def test_a_task_that_was_killed_keeps_no_conductor_waiting_past_its_deadline_v4():
    held_elsewhere()
    conductors = ConductorsLease("poller")
    assert not conductors.held(now=NOW + LASTS - SECOND)
    assert conductors.held(now=NOW + LASTS)


@pytest.mark.django_db
def test_a_conductor_that_has_crashed_keeps_no_task_waiting_past_its_deadline_v4():
    assert ConductorsLease("poller").held(now=NOW)
    assert not taken(now=NOW + CONDUCTORS_HOLD - SECOND)
    assert taken(now=NOW + CONDUCTORS_HOLD)


@pytest.mark.django_db
def test_a_conductor_renews_once_per_third_of_the_time_and_not_at_each_turn(django_assert_num_queries):
    conductors = ConductorsLease("poller")
    assert conductors.held(now=NOW)
    with django_assert_num_queries(0):
        assert conductors.held(now=NOW + CONDUCTORS_HOLD / 3 - SECOND)
    assert StationLease.objects.get().until == NOW + CONDUCTORS_HOLD

    assert conductors.held(now=NOW + CONDUCTORS_HOLD / 3)

    row = StationLease.objects.get()
    assert (row.holder, row.until) == (CONDUCTORS, NOW + CONDUCTORS_HOLD / 3 + CONDUCTORS_HOLD)


@pytest.mark.django_db
def test_a_conductor_whose_turn_outlasted_its_lease_finds_out_before_the_next():
    conductors = ConductorsLease("poller")
    assert conductors.held(now=NOW)
    late = NOW + CONDUCTORS_HOLD + SECOND
    with lease("poller", now=late, lasts=LASTS) as held:
        assert held
        assert not conductors.held(now=late)


@pytest.mark.django_db(transaction=True)
def test_a_conductors_station_has_no_turn_while_a_task_has_it():
    poller, hedger = Station("poller"), Station("hedger")
    conductor = Conductor([poller, hedger], clock=Clock(), process=process_name(), idle_seconds=0.001)

    with lease("poller", now=NOW, lasts=LASTS):
        conductor.start()
        assert hedger.had_three.wait(DEADLINE)
        assert poller.turns == 0
    assert poller.had_three.wait(DEADLINE)
    conductor.stop()


class Station:
    """One that counts its turns."""

    def __init__(self, name):
        self.name, self.turns, self.had_three = name, 0, threading.Event()

    def run_once(self, *, now):
        self.turns += 1
        if self.turns == 3:
            self.had_three.set()
        return False

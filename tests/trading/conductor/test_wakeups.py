"""Wake-ups: what one station leaves another is looked at at once; and without any, all the same."""

import threading

import pytest
from django.db import connection

from tests.support.stations import Clock
from trading.chain.node import NodeUnavailable
from trading.conductor.conductor import Conductor
from trading.conductor.wakeups import LEADS_TO

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE = 20
# So long that whoever looks within the deadline was woken.
LONG_IDLE_SECONDS = 10 * DEADLINE
# In which a station that rests for nothing would look thousands of times.
A_MOMENT = 0.1


class Place:
    """A station that works off what lies before it, a thing a turn, and leaves it to the next one."""

    def __init__(self, name, *, then=None):
        self.name, self.then = name, then
        self.waiting, self.looks, self.done = [], 0, []
        self.looked, self.worked = threading.Event(), threading.Event()
        self.during_a_look = lambda: None

    def run_once(self, *, now):
        self.looks += 1
        found = list(self.waiting)
        self.during_a_look()
        if not found:
            self.looked.set()
            return False
        self.waiting.remove(found[0])
        self.done.append(found[0])
        if self.then is not None:
            self.then.waiting.append(found[0])
        self.worked.set()
        return True


class Door(Place):
    """Where work comes in: a turn that lasts until a test brings something."""

    def __init__(self, name, *, then=None):
        super().__init__(name, then=then)
        self.comes = threading.Event()

    def bring(self, thing):
        self.waiting.append(thing)
        self.comes.set()

    def run_once(self, *, now):
        self.comes.wait(DEADLINE)
        self.comes.clear()
        return super().run_once(now=now)


@pytest.fixture
def conducting():
    """Start a conductor whose stations rest for long; it is stopped at the end, doors first."""
    started = []

    def conducting(*stations, leads_to, idle_seconds=LONG_IDLE_SECONDS):
        conductor = Conductor(stations, clock=Clock(), process="test", idle_seconds=idle_seconds, leads_to=leads_to)
        started.append(conductor)
        conductor.start()
        for station in stations:
            assert isinstance(station, Door) or station.looked.wait(DEADLINE)
        return conductor

    yield conducting
    for conductor in started:
        conductor.stopping.set()
        for station in conductor.stations:
            if isinstance(station, Door):
                station.comes.set()
        conductor.stop()
        assert not any(thread.is_alive() for thread in conductor._threads)


def test_what_a_station_leaves_is_worked_off_by_the_next_and_the_one_after_it_at_once(conducting):
    last = Place("last")
    middle = Place("middle", then=last)
    door = Door("door", then=middle)
    conducting(door, middle, last, leads_to={"door": ["middle"], "middle": ["last"]})

    door.bring("a fill")

    assert last.worked.wait(DEADLINE)
    assert last.done == ["a fill"]


def test_what_is_left_while_the_next_station_looks_is_looked_for_again(conducting):
    last = Place("last")
    door = Door("door", then=last)
    looking, go_on = threading.Event(), threading.Event()
    conductor = conducting(door, last, leads_to={"door": ["last"], "elsewhere": ["last"]})

    def slowly():
        looking.set()
        go_on.wait(DEADLINE)

    # It looks for a hint that comes for nothing, and has looked when the fill comes.
    last.during_a_look = slowly
    conductor._wake_ups.left_work("elsewhere")
    assert looking.wait(DEADLINE)
    last.during_a_look = lambda: None
    door.bring("a fill")
    assert door.worked.wait(DEADLINE)
    assert last.done == []
    go_on.set()

    assert last.worked.wait(DEADLINE)
    assert last.done == ["a fill"]


def test_where_no_hint_comes_a_station_finds_its_work_by_itself(conducting):
    last = Place("last")
    door = Door("door", then=last)
    conducting(door, last, leads_to={}, idle_seconds=0.001)

    door.bring("a fill")

    assert last.worked.wait(DEADLINE)
    assert last.done == ["a fill"]


def test_a_station_that_found_nothing_wakes_nobody_and_none_looks_again_and_again(conducting):
    """Even where two lead to each other, which none of ours do."""
    one, other = Place("one"), Place("other")
    conductor = conducting(one, other, leads_to={"one": ["other"], "other": ["one"]})

    other.looked.clear()
    conductor._wake_ups.left_work("one")
    assert other.looked.wait(DEADLINE)
    conductor.stopping.wait(A_MOMENT)

    assert (one.looks, other.looks) == (1, 2)


def test_a_station_that_waits_after_a_failure_is_not_woken(conducting):
    """It would ask a broker or a node in trouble as often as there are fills."""

    class Ill(Place):
        def run_once(self, *, now):
            super().run_once(now=now)
            raise NodeUnavailable("down")

    ill = Ill("ill")
    conductor = conducting(ill, leads_to={"door": ["ill"]})

    conductor._wake_ups.left_work("door")
    conductor.stopping.wait(A_MOMENT)

    assert ill.looks == 1


def test_stopping_ends_stations_that_rest_at_once(conducting):
    stations = [Place(f"station {number}") for number in range(5)]
    conductor = conducting(*stations, leads_to={})

    conductor.stop()

    assert [station.looks for station in stations] == [1] * 5
    assert not any(thread.is_alive() for thread in conductor._threads)


def test_a_station_that_finds_nothing_writes_nothing(conducting):
    written, fifth = [], threading.Event()

    class Watched(Place):
        def run_once(self, *, now):
            if self.looks == 0:
                connection.execute_wrappers.append(self.note)
            if self.looks == 5:
                fifth.set()
            return super().run_once(now=now)

        def note(self, execute, sql, params, many, context):
            if self.looks > 1 and not sql.startswith("SELECT"):
                written.append(sql)
            return execute(sql, params, many, context)

    conducting(Watched("idle"), leads_to={}, idle_seconds=0.001)

    assert fifth.wait(DEADLINE)
    assert written == []


def test_no_way_leads_back_so_that_no_stations_keep_each_other_awake():
    def after(name):
        return {follower for direct in LEADS_TO.get(name, ()) for follower in (direct, *after(direct))}

    assert [name for name in LEADS_TO if name in after(name)] == []
    assert after("watcher") == {"processor", "refresher", "hedger", "dispatcher"}

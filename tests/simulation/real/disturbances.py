"""Disturbances: what can go wrong with processes, machines and what lies between. Each is over when its `with` is.

Each tells the world when it met somebody: a process that lived, a way that was gone, a block that was there.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from tests.simulation.real.crew import Member
from tests.simulation.real.links import Link, Way
from tests.simulation.real.world import DATABASE, VENUE, World

LONGEST_JUMP_SECONDS = 45
LEAST_LEFT, MOST_LEFT = 0, 200_000
FORKED_SECONDS = (0.5, 4.0)
READ_SECONDS = 15.0
"""Who has read nothing of what will be gone notices nothing: so long it is waited for."""
NO_ROOM = ("disk is full", "No space left", "could not extend")
KILLED, STOPPED, JUMPED, FORKED = (
    "kill -9",
    "stopped for longer than its lease, then going on",
    "clock put forward or back",
    "node restarted on a fork",
)
CUT, SILENT, ANSWERLESS = "way cut", "way silent", "answers lost on the way"
FULL, RESTARTED = "disk full", "PostgreSQL restarted"
UNANSWERED, ON_ITS_WAY = "answers lost from an order on", "kill -9 with an order on its way"
PLACED = b"POST /v2/orders"
ORDER_SECONDS = 30.0
PIECES_SECONDS = 0.2
"""Of a question what it is of comes in one piece, and its body in another."""


class Disturbance(NamedTuple):
    """One kind, and for how many seconds it lasts."""

    name: str
    during: Callable[[World, random.Random], AbstractContextManager[None]]
    shortest: float
    longest: float
    can_be: Callable[[World], bool] = lambda world: True
    of_the_server: bool = False
    """A server that has no room can't be started, so only one of these happens at a time."""


@contextmanager
def killed(world: World, chance: random.Random) -> Iterator[None]:
    world.felt[KILLED] += _one_of(world, chance).kill()
    yield


@contextmanager
def stopped(world: World, chance: random.Random) -> Iterator[None]:
    """It holds its lease, its locks and what it has read, and goes on with all of it when others have gone on too."""
    member = _one_of(world, chance)
    process = member.conducting
    member.stop()
    try:
        yield
    finally:
        member.go_on()
        world.felt[STOPPED] += process is not None and member.conducting is process


@contextmanager
def clock_jumped(world: World, chance: random.Random) -> Iterator[None]:
    member = _one_of(world, chance)
    process = member.conducting
    member.clock.set(chance.choice((-1, 1)) * chance.uniform(1, LONGEST_JUMP_SECONDS))
    try:
        yield
    finally:
        member.clock.set(0)
        world.felt[JUMPED] += process is not None and member.conducting is process


def way_is(way: Way, name: str) -> Callable[[World, random.Random], AbstractContextManager[None]]:
    """One way of one process is so, or all of one kind, or all that one process has."""

    @contextmanager
    def during(world: World, chance: random.Random) -> Iterator[None]:
        links = world.links()
        chosen = chance.choice(links)
        kind, member = chosen.name.split(" of ")
        taken = chance.choice(
            (
                [chosen],
                [link for link in links if link.name.startswith(kind)],
                [link for link in links if link.name.endswith(member)],
            )
        )
        before = sum(link.felt for link in taken)
        for link in taken:
            link.take(way)
        try:
            yield
        finally:
            world.felt[name] += sum(link.felt for link in taken) > before
            for link in taken:
                link.take(Way.OPEN)

    return during


@contextmanager
def order_unanswered(world: World, chance: random.Random) -> Iterator[None]:
    """Orders are taken, and whoever sent one hears nothing of it: by chance that is met seldom."""
    ways = _to_the_venue(world)
    before = sum(link.felt for link in ways.values())
    for link in ways.values():
        link.take_at(PLACED, Way.ANSWERLESS)
    try:
        _wait(lambda: sum(link.felt for link in ways.values()) > before, ORDER_SECONDS)
        yield
    finally:
        world.felt[UNANSWERED] += sum(link.felt for link in ways.values()) > before
        for link in ways.values():
            link.take(Way.OPEN)


@contextmanager
def killed_with_an_order_on_its_way(world: World, chance: random.Random) -> Iterator[None]:
    """Who sends an order dies while it is on its way, and it arrives all the same."""
    ways = _to_the_venue(world)
    for link in ways.values():
        link.take_at(PLACED, Way.SILENT)
    _wait(lambda: any(link.holds(PLACED) for link in ways.values()), ORDER_SECONDS)
    time.sleep(PIECES_SECONDS)
    for number, link in ways.items():
        if link.holds(PLACED):
            world.felt[ON_ITS_WAY] += world.crew.members[number].kill()
    for link in ways.values():
        link.take(Way.OPEN)
    yield


def _read_beyond(world: World, head: int) -> bool:
    return any(member.read_up_to > head + 1 for member in world.crew.members)


def _wait(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds, but not for longer than this."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)


def _to_the_venue(world: World) -> dict[int, Link]:
    return {member.number: member.links[VENUE] for member in world.crew.members}


@contextmanager
def disk_full(world: World, chance: random.Random) -> Iterator[None]:
    """Nobody can write any more. A server that gave up is started again by whoever made room."""
    assert world.disk is not None
    before = _without_room(world)
    world.disk.fill(leave=chance.randint(LEAST_LEFT, MOST_LEFT))
    try:
        yield
    finally:
        world.felt[FULL] += _without_room(world) > before
        world.disk.empty()
        if world.server is not None and not world.server.is_running():
            world.server.start()


@contextmanager
def server_restarted(world: World, chance: random.Random) -> Iterator[None]:
    assert world.server is not None
    world.felt[RESTARTED] += any(link.is_used for link in world.links() if link.name.startswith(DATABASE))
    world.server.stop(chance.choice(("fast", "immediate")))
    try:
        yield
    finally:
        world.server.start()


@contextmanager
def node_forked(world: World, chance: random.Random) -> Iterator[None]:
    with world.trading_floor.lock:
        then = world.node.remember(world.market)
    time.sleep(chance.uniform(*FORKED_SECONDS))
    _wait(lambda: _read_beyond(world, then.head), READ_SECONDS)
    with world.trading_floor.lock:
        world.felt[FORKED] += _read_beyond(world, then.head)
        world.node.restart(world.market, then, away_seconds=chance.uniform(0, 2))
    yield


def _one_of(world: World, chance: random.Random) -> Member:
    at_work = [member for member in world.crew.members if member.has_begun]
    return chance.choice(at_work or world.crew.members)


def _without_room(world: World) -> int:
    """How often somebody said that there is no room. A server that has none for its log ends."""
    said = sum(member.complained(*NO_ROOM) for member in world.crew.members)
    return said + (world.server is not None and not world.server.is_running())


EVERY = (
    Disturbance(KILLED, killed, 0, 1),
    Disturbance(STOPPED, stopped, 16, 21),
    Disturbance(JUMPED, clock_jumped, 3, 15),
    Disturbance(CUT, way_is(Way.CUT, CUT), 0.1, 8),
    Disturbance(SILENT, way_is(Way.SILENT, SILENT), 1, 12),
    Disturbance(ANSWERLESS, way_is(Way.ANSWERLESS, ANSWERLESS), 0.5, 8),
    Disturbance(UNANSWERED, order_unanswered, 3, 10),
    Disturbance(ON_ITS_WAY, killed_with_an_order_on_its_way, 0, 1),
    Disturbance(FORKED, node_forked, 0, 1),
    Disturbance(FULL, disk_full, 1, 8, lambda world: world.disk is not None, of_the_server=True),
    Disturbance(RESTARTED, server_restarted, 0, 4, lambda world: world.server is not None, of_the_server=True),
)

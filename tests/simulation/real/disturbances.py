"""Disturbances: what can go wrong with processes, machines and what lies between. Each is over when its `with` is."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from tests.simulation.real.crew import Member
from tests.simulation.real.links import Way
from tests.simulation.real.world import World

LONGEST_JUMP_SECONDS = 45
LEAST_LEFT, MOST_LEFT = 0, 200_000
FORKED_SECONDS = (0.5, 4.0)


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
    _one_of(world, chance).kill()
    yield


@contextmanager
def stopped(world: World, chance: random.Random) -> Iterator[None]:
    """It holds its lease, its locks and what it has read, and goes on with all of it when others have gone on too."""
    member = _one_of(world, chance)
    member.stop()
    try:
        yield
    finally:
        member.go_on()


@contextmanager
def clock_jumped(world: World, chance: random.Random) -> Iterator[None]:
    clock = _one_of(world, chance).clock
    clock.set(chance.choice((-1, 1)) * chance.uniform(1, LONGEST_JUMP_SECONDS))
    try:
        yield
    finally:
        clock.set(0)


def way_is(way: Way) -> Callable[[World, random.Random], AbstractContextManager[None]]:
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
        for link in taken:
            link.take(way)
        try:
            yield
        finally:
            for link in taken:
                link.take(Way.OPEN)

    return during


@contextmanager
def disk_full(world: World, chance: random.Random) -> Iterator[None]:
    """Nobody can write any more. A server that gave up is started again by whoever made room."""
    assert world.disk is not None
    world.disk.fill(leave=chance.randint(LEAST_LEFT, MOST_LEFT))
    try:
        yield
    finally:
        world.disk.empty()
        if world.server is not None and not world.server.is_running():
            world.server.start()


@contextmanager
def server_restarted(world: World, chance: random.Random) -> Iterator[None]:
    assert world.server is not None
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
    with world.trading_floor.lock:
        world.node.restart(world.market, then, away_seconds=chance.uniform(0, 2))
    yield


def _one_of(world: World, chance: random.Random) -> Member:
    at_work = [member for member in world.crew.members if member.has_begun]
    return chance.choice(at_work or world.crew.members)


EVERY = (
    Disturbance("kill -9", killed, 0, 1),
    Disturbance("stopped for longer than its lease, then going on", stopped, 16, 21),
    Disturbance("clock put forward or back", clock_jumped, 3, 15),
    Disturbance("way cut", way_is(Way.CUT), 0.1, 8),
    Disturbance("way silent", way_is(Way.SILENT), 1, 12),
    Disturbance("answers lost on the way", way_is(Way.ANSWERLESS), 0.5, 8),
    Disturbance("node restarted on a fork", node_forked, 0, 1),
    Disturbance("disk full", disk_full, 1, 8, lambda world: world.disk is not None, of_the_server=True),
    Disturbance(
        "PostgreSQL restarted", server_restarted, 0, 4, lambda world: world.server is not None, of_the_server=True
    ),
)

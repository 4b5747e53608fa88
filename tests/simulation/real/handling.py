"""What a test does with a world of real processes, and what it waits for there."""

import os
from collections.abc import Callable
from itertools import islice

import pytest

from config.demo.steps import Take
from tests.simulation.real.crew import Member
from tests.simulation.real.world import World
from tests.support.kills import steps
from tests.support.processes import eventually
from trading.conductor.checkpoints import ChainCheckpoint
from trading.values.quantities import shares, usd
from trading.values.sides import Side

SEED = 20261127
LEASE_SECONDS = 3
when_asked = pytest.mark.skipif(not os.environ.get("REAL_PROCESSES"), reason="it runs where REAL_PROCESSES is set")


def soon(holds: Callable[[], object], *, seconds: float = 240) -> None:
    """Wait until it holds; processes that start beside many others take their time."""
    eventually(holds, seconds=seconds)


def trade(world: World, count: int, *, seed: int = SEED) -> None:
    for step in islice(steps(seed), count):
        world.trading_floor.play(step)


def a_hedge_is_due(world: World) -> None:
    world.trading_floor.play(Take("AAPL", Side.BUY, shares("2"), usd("271"), 5))


def read(world: World) -> None:
    """Wait until the chain is read to its head."""
    head = world.node.head()
    soon(lambda: ChainCheckpoint.objects.filter(next_block__gt=head).exists())


def holder(world: World) -> Member | None:
    """Whoever reads the chain."""
    row = ChainCheckpoint.objects.filter(orderbook=world.market.orderbook).first()
    pid = (row.lease_holder or "::").split(":")[1] if row else ""
    return next((each for each in world.crew.members if each.process and str(each.process.process.pid) == pid), None)


def the_other(world: World, member: Member) -> Member:
    return world.crew.members[1 - member.number]

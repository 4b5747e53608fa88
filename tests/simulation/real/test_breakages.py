"""Breakages: without a guarantee in the children, the judge of a world at rest finds that it is gone.

Whatever is taken out here is certain to show, at whichever statement anything meets a process. What is not kept is
found with all tests; the others take longer, and run where REAL_PROCESSES is set. What takes luck is told in
docs/simulation.md.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from config.venues.faults import cut_after
from tests.simulation.real import judge
from tests.simulation.real.handling import SEED, a_hedge_is_due, holder, read, soon, trade, when_asked
from tests.simulation.real.links import Way
from tests.simulation.real.world import CREW, World, surrounded
from trading.conductor.checkpoints import ChainCheckpoint
from trading.ledger.tables import OffchainTrade, OnchainTrade

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
]
Without = Callable[..., AbstractContextManager[World]]


@pytest.fixture
def without(database_url, tmp_path) -> Without:
    """A world whose conductors, as many as that, do not give these guarantees."""

    @contextmanager
    def world_without(*names: str, crew: int = CREW) -> Iterator[World]:
        settings = {"WITHOUT": ",".join(names)}
        with surrounded(database_url, tmp_path, seed=SEED, crew=crew, **settings) as world, world.crew:
            world.crew.wait_until_all_conduct()
            yield world

    return world_without


def found(world: World) -> str:
    """End the conductors, and tell all that is wrong."""
    wrong = judge.looked(world)
    world.crew.dismiss()
    assert judge.unjudged(world) == []
    return "\n".join([*wrong, *judge.commands(world), *world.crew.findings])


def test_what_is_not_kept_is_found(without):
    with without("views_are_not_kept", "checks_are_not_kept", "nobody_hears_that_it_is_to_end", crew=1) as world:
        trade(world, 4)
        a_hedge_is_due(world)
        read(world)
        soon(lambda: OffchainTrade.objects.filter(detailed_status="filled").exists())

        told = found(world)

    assert "compare_ledgers: Difference(kind='position', " in told
    assert "'invariant': 'memories_agree'" in told
    assert "'invariant': 'hedge_was_let_through'" in told
    assert "conductor 0 ended with -15" in told


@when_asked
def test_an_order_that_was_failed_since_no_answer_came_is_found(without):
    with without("silence_is_failure") as world:
        world.venue.faults.add(cut_after("submit"))
        a_hedge_is_due(world)
        soon(lambda: OffchainTrade.objects.filter(detailed_status="failed").exists())

        told = found(world)

    assert "'invariant': 'unknown_is_failed_by_proof_alone'" in told


@when_asked
def test_logs_that_a_fork_took_and_nobody_marked_are_found(without):
    with without("reorged_logs_stay") as world:
        a_hedge_is_due(world)
        soon(lambda: OffchainTrade.objects.filter(detailed_status="filled").exists())
        trade(world, 4)
        read(world)
        then = world.node.remember(world.market)
        trade(world, 5, seed=SEED + 1)
        read(world)
        soon(lambda: OnchainTrade.objects.count() > len(then.expected))

        assert world.node.restart(world.market, then) > 0
        trade(world, 3, seed=SEED + 2)
        # They are taken back and marked in one commit.
        soon(lambda: OnchainTrade.objects.exclude(reorged_at=None).exists())
        told = found(world)

    assert "expected None, was " in told
    assert "'invariant': 'fill_is_one_trade'" in told


@when_asked
def test_fills_that_a_fork_took_and_nobody_looked_for_are_found(without):
    with without("reorgs_are_not_looked_for") as world:
        trade(world, 4)
        read(world)
        then = world.node.remember(world.market)
        trade(world, 5, seed=SEED + 1)
        read(world)
        world.node.restart(world.market, then)
        trade(world, 3, seed=SEED + 2)
        world.node.outgrow_what_was()
        _, wrong = judge.rest(world, seconds=20)

    assert any(each.startswith("fill ") and "expected None, was " in each for each in wrong)


@when_asked
def test_logs_that_were_not_kept_with_how_far_the_chain_was_read_are_found_when_it_is_killed_between(without):
    with without("the_checkpoint_moves_first") as world:
        trade(world, 4)
        head = world.node.head()
        # What was read is kept seconds later.
        soon(lambda: ChainCheckpoint.objects.filter(next_block__gt=head).exists())
        reader = holder(world)
        assert reader is not None
        reader.kill()
        soon(lambda: world.crew.started > len(world.crew.members))
        world.crew.wait_until_all_conduct()
        told = judge.looked(world)

    assert any(each.startswith("log ") and "expected fill, was None" in each for each in told)


@when_asked
def test_a_process_that_ends_by_itself_when_a_way_is_cut_is_found(without):
    with without("a_trouble_ends_the_process") as world:
        for link in world.links():
            link.take(Way.CUT)
        a_hedge_is_due(world)
        soon(lambda: world.crew.findings)
        for link in world.links():
            link.take(Way.OPEN)

    assert "ended by itself with 1" in world.crew.findings[0]

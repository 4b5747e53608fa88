"""Kill -9, at any moment: what the chain and the broker say is in the books, once, as if nothing had happened."""

import os
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection

from config.demo.market import Market
from config.demo.steps import Clear, Reorg, Several, Step, Stranger, Take
from tests.support.anvil import anvil
from tests.support.conduct_with_crash import PLACES
from tests.support.emptying import begin_anew
from tests.support.kills import BEHAVIOURS, DOLLARS, Trading, World
from tests.support.undisturbed import FromTheChain, differences, wrongs, wrongs_so_far
from trading.ledger.tables import OnchainTrade
from trading.values.quantities import shares, usd
from trading.values.sides import Side

# A busy machine starts a process slowly, and each of these starts many.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 20251121
# In CI a run of minutes is worth its time, on one database; for more: python -m tests.support.kills
KILLS = 100 if os.environ.get("CI", "").lower() in ("1", "true") and connection.vendor == "sqlite" else 8


def bought(symbol: str, amount: str, price: str, generation=5) -> Take:
    return Take(symbol, Side.BUY, shares(amount), usd(price), generation)


def sold(symbol: str, amount: str, price: str, generation=5) -> Take:
    return Take(symbol, Side.SELL, shares(amount), usd(price), generation)


def cleared(symbol: str, side: Side, amount: str, price: str, generation, ours) -> Clear:
    return Clear(symbol, side, shares(amount), usd(price), generation, ours)


# Two hedges, a SELL of one AAPL and a BUY of two TSLA; what is left of each is less than a share.
DAY: list[Step] = [
    bought("AAPL", "0.6", "271.5"),
    bought("AAPL", "0.7", "271.4", 4),
    Stranger("AAPL", Side.BUY, shares("2"), usd("271"), 5),
    Several((sold("TSLA", "0.9", "391.1"), cleared("TSLA", Side.SELL, "1.25", "391.2", 5, "bob"))),
    cleared("AAPL", Side.BUY, "0.35", "271.45", 4, "alice"),
    cleared("TSLA", Side.SELL, "3", "391", 4, None),
    sold("TSLA", "0.374123456789012345", "390.880000000000000001"),
]


@pytest.fixture(scope="module")
def day() -> Iterator[Market]:
    """A chain on which the day is over."""
    with anvil() as node:
        market = Market(node)
        for step in DAY:
            market.play(step)
        yield market


@pytest.fixture(scope="module")
def undisturbed_days() -> list[FromTheChain]:
    """The undisturbed run's books, once some test has made them."""
    return []


@pytest.mark.timeout(1800)
def test_a_conductor_that_is_killed_over_and_over_ends_with_the_undisturbed_books(database_url):
    with anvil() as node:
        market = Market(node, SEED)
        world = World(market, database_url, threshold=DOLLARS, behaviours=BEHAVIOURS)

        with Trading(market, SEED):
            met = world.kill_over_and_over(KILLS, random.Random(SEED))
        world.finish()

        books = FromTheChain.read()
        assert wrongs(market) == [], met
        assert differences(books, world.undisturbed()) == [], met
        assert wrongs(market) == []


# Each of these places ends a conductor's life, and the next one begins. A number says at the how manieth time there.
LIVES = {
    "reading the chain": (
        "lease taken",
        "watcher between logs and checkpoint",
        "watcher before commit",
        "watcher after commit",
    ),
    "processing logs": (
        "logs claimed",
        "processor between the memories",
        "between events and views",
        "processor before commit",
        "processor after commit",
    ),
    "placing and sending orders": (
        "hedger between the memories",
        "hedger before commit",
        "hedger after commit",
        "dispatcher between the memories",
        "dispatcher before commit",
        "submission started",
        "before submit",
        "accepted",
    ),
    "booking what became of them": (
        "answered",
        "found again",
        "dispatcher between the memories",
        "dispatcher before commit",
        "dispatcher after commit",
        "reported",
        "poller between the memories",
        "poller before commit",
        "poller after commit",
        "before the next look",
    ),
    "not knowing an outcome": ("dispatcher before commit 2", "before trying again"),
    # TSLA, the stronger exposure, is sent first, and the broker is not there at first.
    # Which of the two is found again, and in which life, is a matter of time: see "booking what became of them".
    "knowing no outcome": ("before trying again", "answered"),
    "draining the backlog": ("events refused", "backlog before commit"),
    "enriching": ("enricher between the memories", "enricher before commit", "enricher after commit", "stopping"),
}
BADLY = "fill,AAPL=timeout_after_accept,TSLA=unavailable"
REVERSAL = ("reversal between the memories", "reversal before commit", "reversal after commit")


def test_every_place_is_crashed_at():
    places = [place for lives in (*LIVES.values(), REVERSAL) for place in lives]
    assert {place.rstrip(" 0123456789") for place in places} == set(PLACES)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lives", LIVES)
def test_crashes_at_these_places_are_mended_by_starting_again(lives, day, undisturbed_days, database_url):
    world = World(day, database_url, threshold="1 share", behaviours=BADLY if "outcome" in lives else "fill")
    if not undisturbed_days:
        undisturbed_days.append(world.undisturbed())
        assert wrongs(day) == []
        begin_anew()

    for place in LIVES[lives]:
        world.crash(place)
        assert wrongs_so_far() == [], place
    world.finish()

    assert wrongs(day) == []
    assert differences(FromTheChain.read(), undisturbed_days[0]) == []


@pytest.mark.timeout(900)
def test_crashes_while_a_reorg_is_reverted_are_mended_by_starting_again(database_url):
    with anvil() as node:
        market = Market(node)
        world = World(market, database_url, threshold="1 share", behaviours="fill")
        for step in [*DAY, replace(bought("AAPL", "1.25", "272"), fleeting=True), bought("TSLA", "0.5", "391")]:
            market.play(step)
        world.finish()
        assert wrongs(market) == []

        market.play(Reorg())
        for place in REVERSAL:
            world.crash(place)
            assert wrongs_so_far() == [], place
        world.finish()

        assert wrongs(market) == []
        assert OnchainTrade.objects.exclude(reorged_at=None).count() == 2

"""Schedules: the pipeline against a venue with every fault.

Thousands are played by command, see docs/simulation.md; here some two hundred fresh ones, and each that once failed.
"""

import random
import subprocess
import sys

import pytest
from django.db import connection

from tests.simulation.corpus import once_failed
from tests.simulation.runs import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it plays on SQLite in memory, whatever else is tested"),
]

FRESH = 40
BROKERS = ("alpaca", "schwab")
SHRUNK = ("--shrink", "--tries", "30")
FRESH_OF_THE_WHOLE = {"whole": 50, "day": 2}
"""Each takes half a second of a processor or, where that is a slow one, nearly two, and a day several: these numbers
say how long it takes in CI."""


def played(module, *arguments):
    asked = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False)


def schedules(broker, first, count=1):
    return ("--schedules", count, "--broker", broker, "--first-seed", first)


@pytest.mark.parametrize("broker", BROKERS)
def test_fresh_schedules_end_with_one_order_an_intent_and_books_that_are_the_venues(broker):
    ended = played(
        "tests.simulation", *schedules(broker, random.SystemRandom().randrange(10**6, 10**9), FRESH), *SHRUNK
    )

    # What was violated is printed with the command that plays it again.
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counted = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines()[1:])
    assert (counted["schedules"], counted["violations"]) == (str(FRESH), "0")
    assert int(counted["faults in all"]) > FRESH


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("world", FRESH_OF_THE_WHOLE)
def test_fresh_schedules_of_the_whole_end_with_the_books_that_chain_and_venue_come_to(world, broker):
    first, count = random.SystemRandom().randrange(10**6, 10**9), FRESH_OF_THE_WHOLE[world]

    ended = played("tests.simulation", *schedules(broker, first, count), "--world", world, *SHRUNK)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    counted = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines()[1:])
    assert (counted["schedules"], counted["violations"]) == (str(count), "0")


def test_what_once_failed_does_not_fail_again():
    ended = played("tests.simulation", "--corpus", *SHRUNK)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    schedules_played = next(line for line in ended.stdout.splitlines() if line.startswith("schedules"))
    assert sum(map(int, schedules_played.split()[1:])) == len(once_failed())


def test_a_seed_is_the_same_story_each_time():
    first, again = (played("tests.simulation", *schedules("schwab", 7), "--tell").stdout for _ in range(2))

    assert first.count("\n") > 100
    assert again == first

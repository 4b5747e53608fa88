"""Schedules: the pipeline against a venue with every fault, and the judge against a pipeline with a guarantee less.

Thousands are played by command, see docs/simulation.md; here a few fresh ones, and each that once failed.
"""

import random
import subprocess
import sys

import pytest
from django.db import connection

from tests.simulation.breakages import BREAKAGES
from tests.simulation.corpus import once_failed
from tests.simulation.runs import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it plays on SQLite in memory, whatever else is tested"),
]

FRESH = 12
BROKERS = ("alpaca", "schwab")
FRESH_OF_THE_WHOLE = {"whole": 4, "day": 1}
"""Each takes a second of a processor, a day several: these numbers say how long it takes in CI."""
# Where the first violation of each breakage is met, and what the judge says of it.
FOUND_AT = {
    "no_intent_is_committed": ("alpaca", 1, "I5: ht-simulate-1-1 was about to be sent without a committed intent"),
    "what_is_in_doubt_is_sent_again": ("schwab", 5, "stands for no order of ours"),
    "switches_are_not_read": ("alpaca", 34, "was placed while a kill switch was on"),
    "late_fills_are_dropped": ("schwab", 2, "I6: order 1 has 1 booked"),
    "nobody_leaves_orders_to_others": ("alpaca", 5007, "was about to be sent after it ended as rejected"),
    "reorged_fills_stay_counted": ("schwab", 89, "I1, I2: net_is_what_was_filled"),
    "reorged_logs_stay": ("schwab", 89, "I2, I9: fill_is_one_trade"),
    "cancelled_orders_stay_under_way": ("schwab", 159, "I3: one_open_order_a_symbol"),
    "silence_is_failure": ("schwab", 72, "I7: unknown_is_failed_by_proof_alone"),
    "views_are_not_kept": ("alpaca", 151, "I8: memories_agree"),
    "logs_have_no_outcome": ("alpaca", 151, "I9: log_has_its_outcome"),
    "checks_are_not_kept": ("alpaca", 151, "I11: hedge_was_let_through"),
    "buying_power_is_no_limit": ("schwab", 23, "I11: limits_were_kept"),
    "a_closed_market_is_no_reason": ("schwab", 13, "I12: market_was_open"),
    "a_symbol_is_forgotten": ("alpaca", 151, "V1: not quiet after 300 rounds"),
    "unknown_orders_are_left": ("alpaca", 154, "V2: order 2 is unknown"),
    "refusals_are_waited_out_for_ever": ("alpaca", 154, "V4: gate_ends_in_time"),
}


def played(module, *arguments):
    asked = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False)


def schedules(broker, first, count=1):
    return ("--schedules", count, "--broker", broker, "--first-seed", first)


@pytest.mark.parametrize("broker", BROKERS)
def test_fresh_schedules_end_with_one_order_an_intent_and_books_that_are_the_venues(broker):
    ended = played("tests.simulation", *schedules(broker, random.SystemRandom().randrange(10**6, 10**9), FRESH))

    # What was violated is printed with the command that plays it again.
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counted = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines()[1:])
    assert (counted["schedules"], counted["violations"]) == (str(FRESH), "0")
    assert int(counted["faults in all"]) > FRESH


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("world", FRESH_OF_THE_WHOLE)
def test_fresh_schedules_of_the_whole_end_with_the_books_that_chain_and_venue_come_to(world, broker):
    first, count = random.SystemRandom().randrange(10**6, 10**9), FRESH_OF_THE_WHOLE[world]

    ended = played("tests.simulation", *schedules(broker, first, count), "--world", world, "--shrink", "--tries", 30)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    counted = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines()[1:])
    assert (counted["schedules"], counted["violations"]) == (str(count), "0")


@pytest.mark.parametrize(("world", "broker", "seed"), once_failed())
def test_what_once_failed_does_not_fail_again(world, broker, seed):
    ended = played("tests.simulation", *schedules(broker, seed), "--world", world)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_seed_is_the_same_story_each_time():
    first, again = (played("tests.simulation", *schedules("schwab", 7), "--tell").stdout for _ in range(2))

    assert first.count("\n") > 100
    assert again == first


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_the_judge_finds_a_guarantee_that_is_gone(breakage):
    broker, seed, found = FOUND_AT[breakage]

    ended = played("tests.simulation.breakages", breakage, *schedules(broker, seed))

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert found in ended.stdout
    assert f"--first-seed {seed} --broker {broker}" in ended.stdout

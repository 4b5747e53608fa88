"""A seed is the same story each time: the event log and all other rows are the same to the byte. And a story that fails
is told with the fewest of its acts with which it does, and the command that plays these again.
"""

import os
import re
import subprocess
import sys

import pytest
from django.db import connection

from tests.simulation import shrinking
from tests.simulation.runs import PROJECT

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it plays on a database of its own, whatever is tested"),
]

SAME = (("whole", "schwab", 7), ("whole", "alpaca", 12), ("decisions", "alpaca", 359))
TABLES = {
    "whole": {"events", "event_queue", "onchain_trades", "chain_checkpoints", "station_heartbeats"},
    "decisions": {"trade_decisions", "trade_executions", "data_ingestion_runs", "source_records", "api_payloads"},
}
# A guarantee that is gone, and a story in which that is seen; and so few tries that it is told in time.
BROKEN = ("no_intent_is_committed", "alpaca", 1)
TRIES = 25


def run(*arguments, hash_seed="0"):
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    asked = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize(("world", "broker", "seed"), SAME)
def test_a_seed_leaves_the_same_event_log_and_the_same_rows_in_another_process(world, broker, seed):
    asked = (
        "tests.simulation",
        "--schedules",
        1,
        "--broker",
        broker,
        "--first-seed",
        seed,
        "--world",
        world,
        "--log",
    )

    first, again = (run(*asked, hash_seed=hash_seed) for hash_seed in ("1", "2"))

    assert first.returncode == 0, first.stdout + first.stderr
    tables = {line.split(" ", 1)[0] for line in first.stdout.splitlines()}
    assert TABLES[world] <= tables
    assert again.stdout == first.stdout


@pytest.mark.slow
def test_a_failure_is_told_with_commit_settings_and_the_fewest_acts_and_these_fail_again():
    name, broker, seed = BROKEN
    asked = ("tests.simulation.breakages", name, "--schedules", 1, "--broker", broker)

    failed = run(*asked, "--first-seed", seed, "--shrink", "--tries", TRIES)

    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert re.search(rf"^seed {seed}, .* commit \w+.*, settings [0-9a-f]{{12}}$", failed.stdout, re.MULTILINE)
    shrunk = re.search(r"shrunk to these of its (\d+) acts in \d+ tries: (\S+)", failed.stdout)
    assert shrunk is not None, failed.stdout
    assert len(shrinking.numbers_of(shrunk[2])) < int(shrunk[1])
    assert f"--first-seed {seed} --broker {broker} --acts {shrunk[2]} --tell" in failed.stdout

    again = run(*asked, "--first-seed", seed, "--acts", shrunk[2])

    assert again.returncode == 1, again.stdout + again.stderr
    first = failed.stdout.splitlines()[1].strip()
    assert shrinking.sort_of(first) in {shrinking.sort_of(line.strip()) for line in again.stdout.splitlines()}


def test_shrinking_finds_the_few_that_are_needed():
    needed = {3, 17, 40}

    left, tries = shrinking.shrink(range(50), lambda numbers: needed <= set(numbers))

    assert set(left) == needed
    assert tries <= shrinking.MOST_TRIES


def test_shrinking_ends_after_so_many_tries():
    tried = []

    left, tries = shrinking.shrink(range(1000), lambda numbers: not tried.append(numbers) and False, most_tries=7)

    assert (len(left), tries, len(tried)) == (1000, 7, 7)


def test_acts_are_written_and_read():
    numbers = [0, 1, 2, 5, 9, 10]

    assert shrinking.told(numbers) == "0-2,5,9-10"
    assert shrinking.numbers_of(shrinking.told(numbers)) == numbers


def test_two_violations_of_a_sort_differ_in_numbers_alone():
    one, other = "log 0xab12:3 of block 140 stands", "log 0xcd:11 of block 99 stands"

    assert shrinking.sort_of(one) == shrinking.sort_of(other)
    assert shrinking.sort_of(one) != shrinking.sort_of("log 0xab12:3 is queued, must be fill")

"""Decisions: fresh stories of trading days."""

import random
import subprocess
import sys

import pytest
from django.db import connection

from tests.simulation.runs import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it plays on SQLite in memory, whatever else is tested"),
]

FRESH = 20
"""Each takes a second of a processor or, where that is a slow one, four: this number says how long it takes in CI."""


def played(module, *arguments):
    asked = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_fresh_days_end_with_one_order_a_decision_and_everything_on_record():
    first = random.SystemRandom().randrange(10**6, 10**9)

    many = ("--schedules", FRESH, "--first-seed", first, "--shrink", "--tries", 30)

    ended = played("tests.simulation", "--world", "decisions", *many)

    # What was violated is printed with the command that plays it again.
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counted = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines()[1:])
    assert (counted["schedules"], counted["violations"]) == (str(FRESH), "0")
    assert int(counted["ingestion runs"]) > 0

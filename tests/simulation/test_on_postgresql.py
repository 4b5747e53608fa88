"""Stories with a database on PostgreSQL, whose locks and failures are others than SQLite's: a few fresh ones."""

import random
import subprocess
import sys

import pytest
from django.db import connection

from tests.simulation.runs import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite more of them are played"),
]


@pytest.mark.parametrize(
    ("world", "broker", "count"), [("whole", "alpaca", 5), ("whole", "schwab", 5), ("decisions", "alpaca", 3)]
)
def test_fresh_stories_on_postgresql_violate_nothing(world, broker, count):
    first = random.SystemRandom().randrange(10**6, 10**9)
    asked = ("--world", world, "--broker", broker, "--schedules", str(count), "--first-seed", str(first))

    ended = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--database", "postgres", *asked],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    # What was violated is printed with the command that plays it again.
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counted = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines()[1:])
    assert (counted["schedules"], counted["violations"]) == (str(count), "0")

"""Many schedules, and a table of what they met.

python -m tests.simulation --schedules 2000 --broker alpaca|schwab|both [--world whole|day] [--first-seed N]
    [--processes 2]
python -m tests.simulation --schedules 100 --broker alpaca --world decisions
python -m tests.simulation --corpus
python -m tests.simulation --real --minutes 5 [--postgres] [--seed N]

It ends with 1 where anything was violated. For one schedule that failed: `--shrink` looks for the fewest of its acts
with which it fails, `--acts` plays these alone, `--tell` tells every step, `--log` prints all rows that it leaves.
"""

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from tests.simulation.corpus import once_failed
from tests.simulation.real.run import main as real
from tests.simulation.runs import DATABASES, PROJECT, WORLDS, Result, Task, played
from tests.simulation.shrinking import MOST_TRIES

REAL = "--real"
TOLD_EVERY = 100


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--broker", choices=("alpaca", "schwab", "both"), help="both, but of decisions alpaca alone")
    parser.add_argument(
        "--world",
        choices=WORLDS,
        default="orders",
        help="the order pipeline alone, the whole, a trading day of it, or decisions",
    )
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="how many of this machine's; not of the story's")
    parser.add_argument("--database", choices=DATABASES, default=DATABASES[0])
    parser.add_argument("--acts", default="", help="only these acts, as 0-3,7")
    parser.add_argument("--tries", type=int, default=MOST_TRIES, help="how often --shrink plays it at most")
    parser.add_argument("--corpus", action="store_true", help="instead of fresh ones, all that once failed")
    for flag in ("--tell", "--shrink", "--log"):
        parser.add_argument(flag, action="store_true")
    asked = parser.parse_args(arguments)
    if (asked.tell or asked.log) and asked.processes > 1:
        parser.error("--tell and --log are for one process: what several do at once can't be read")
    if asked.schedules < 1:
        parser.error(f"expected at least one schedule, was --schedules {asked.schedules}")
    if asked.acts and asked.schedules > 1:
        parser.error("--acts is for one schedule: each has acts of its own")
    asked.broker = asked.broker or ("alpaca" if asked.world == "decisions" else "both")
    if asked.world == "decisions" and asked.broker != "alpaca":
        parser.error("--world decisions is played at --broker alpaca alone")

    began, results = time.monotonic(), defaultdict[str, Result](Result)
    tries = asked.tries if asked.shrink else 0
    how: dict[str, Any] = {"acts": asked.acts, "tell": asked.tell, "tries": tries, "logs": asked.log}
    tasks = [Task(seed, broker, world, asked.database, **how) for world, broker, seed in _stories(asked)]
    results_of = played(tasks, processes=asked.processes)
    for done, (task, result) in enumerate(zip(tasks, results_of, strict=True), 1):
        results[task.broker].add(result)
        for violation in result.violations:
            print(violation, flush=True)
        if done % TOLD_EVERY == 0:
            print(f"{done} of {len(tasks)} schedules after {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(summary(results))
    # Beside what a seed comes to, which is the same each time.
    for broker, result in results.items():
        speed = 60 * result.hours / result.seconds
        print(f"{broker}: {result.seconds:.0f} s of a processor, {speed:.0f} hours in a minute", file=sys.stderr)
    return 1 if any(result.violations for result in results.values()) else 0


def _stories(asked: argparse.Namespace) -> list[tuple[str, str, int]]:
    """The world, the broker and the seed of each that is to be played."""
    if asked.corpus:
        return once_failed()
    brokers = ("alpaca", "schwab") if asked.broker == "both" else (asked.broker,)
    seeds = range(asked.first_seed, asked.first_seed + asked.schedules)
    return [(asked.world, broker, seed) for broker in brokers for seed in seeds]


def summary(results: dict[str, Result]) -> str:
    """Lay out what was met, a column for each broker."""
    lines = [("", list(results))]

    def row(name: str, values: list[Any]) -> None:
        lines.append((name, [str(value) for value in values]))

    row("schedules", [result.schedules for result in results.values()])
    for part, heading in (("modes", "in mode "), ("counts", ""), ("faults", "fault: "), ("troubles", "raised by ")):
        found: list[Counter[str]] = [getattr(result, part) for result in results.values()]
        for name in sorted(set().union(*found)):
            row(f"{heading}{name}", [each[name] for each in found])
    row("hours that passed in them", [round(result.hours) for result in results.values()])
    row("faults in all", [sum(result.faults.values()) for result in results.values()])
    row("violations", [len(result.violations) for result in results.values()])
    widest = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:{widest}}" + "".join(f"{value:>12}" for value in values) for name, values in lines)


if __name__ == "__main__":
    os.chdir(PROJECT)
    given = sys.argv[1:]
    if REAL in given:
        # Its database is made before the settings are read, which what is imported here does not wait for.
        given.remove(REAL)
        sys.exit(real(given))
    sys.exit(main(given))

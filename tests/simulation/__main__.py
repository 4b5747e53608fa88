"""Many schedules, and a table of what they met.

python -m tests.simulation --schedules 2000 --broker alpaca|schwab|both [--first-seed N] [--processes 2] [--tell]

It ends with 1 where anything was violated. `--tell` tells every step: for one schedule that failed.
"""

import argparse
import os
import sys
import time
from collections import Counter
from typing import Any

from tests.simulation.runs import PROJECT, Result, played

TOLD_EVERY = 100


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--broker", choices=("alpaca", "schwab", "both"), default="both")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="how many of this machine's; not of the story's")
    parser.add_argument("--tell", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.tell and asked.processes > 1:
        parser.error("--tell is for one process: what several do at once can't be read")

    brokers = ("alpaca", "schwab") if asked.broker == "both" else (asked.broker,)
    seeds = range(asked.first_seed, asked.first_seed + asked.schedules)
    began, results = time.monotonic(), {broker: Result() for broker in brokers}
    tasks = [(seed, broker) for broker in brokers for seed in seeds]
    results_of = played(tasks, processes=asked.processes, tell=asked.tell)
    for done, ((_, broker), result) in enumerate(zip(tasks, results_of, strict=True), 1):
        results[broker].add(result)
        for violation in result.violations:
            print(violation, flush=True)
        if done % TOLD_EVERY == 0:
            print(f"{done} of {len(tasks)} schedules after {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(summary(results))
    return 1 if any(result.violations for result in results.values()) else 0


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
    row("faults in all", [sum(result.faults.values()) for result in results.values()])
    row("violations", [len(result.violations) for result in results.values()])
    widest = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:{widest}}" + "".join(f"{value:>12}" for value in values) for name, values in lines)


if __name__ == "__main__":
    os.chdir(PROJECT)
    sys.exit(main(sys.argv[1:]))

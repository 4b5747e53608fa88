"""Many schedules, and a table of what they met.

python -m tests.simulation --schedules 2000 --broker alpaca|schwab|both [--first-seed N] [--processes 2] [--tell]

It ends with 1 where anything was violated. `--tell` tells every step: for one schedule that failed.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent
TOLD_EVERY = 100

Task = tuple[int, str]


@dataclass
class Result:
    """What came of one schedule, or of many."""

    schedules: int = 0
    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Result") -> None:
        self.schedules += other.schedules
        self.violations += other.violations
        for name in ("counts", "faults", "troubles", "modes"):
            getattr(self, name).update(getattr(other, name))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--broker", choices=("alpaca", "schwab", "both"), default="both")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="how many of this machine's; not of the story's")
    parser.add_argument("--tell", action="store_true")
    asked = parser.parse_args(arguments)

    brokers = ("alpaca", "schwab") if asked.broker == "both" else (asked.broker,)
    seeds = range(asked.first_seed, asked.first_seed + asked.schedules)
    began, results = time.monotonic(), {broker: Result() for broker in brokers}
    tasks = [(seed, broker) for broker in brokers for seed in seeds]
    for done, ((_, broker), result) in enumerate(zip(tasks, _played(tasks, asked), strict=True), 1):
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


def revision() -> str:
    """Name the commit that plays, and whether anything was changed since."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False).stdout.strip()

    return (git("rev-parse", "--short=12", "HEAD") or "no commit") + (" and changes" if git("status", "-s") else "")


def told(outcome: Any) -> str:
    """Say what was violated, and by which command it is played again."""
    story = outcome.story
    return "\n  ".join(
        [
            f"{story}, commit {revision()}",
            *outcome.violations,
            f"again: python -m tests.simulation --schedules 1 --first-seed {story.seed} --broker {story.broker} --tell",
        ]
    )


def _played(tasks: list[Task], asked: argparse.Namespace) -> Iterator[Result]:
    if asked.processes == 1:
        for task in tasks:
            yield _play(task, tell=asked.tell)
        return
    # Spawned, since each has a database and a server of its own.
    with ProcessPoolExecutor(asked.processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_play, tasks, chunksize=10)


@cache
def _theatre() -> tuple[Any, Any]:
    """Make the database and the stage of this process, once."""
    from tests.simulation.database import BlankDatabase

    database = BlankDatabase()
    from tests.simulation.stage import Stage

    stage = Stage()
    stage.open()
    return database, stage


def _play(task: Task, *, tell: bool = False) -> Result:
    seed, broker = task
    database, stage = _theatre()
    from tests.simulation.play import play, say_nothing
    from tests.simulation.schedules import draw
    from tests.simulation.story import BrokerName

    database.empty()
    outcome = play(draw(seed, BrokerName(broker)), stage, print if tell else say_nothing)
    return Result(
        schedules=1,
        violations=[told(outcome)] if outcome.violations else [],
        counts=outcome.counts,
        faults=outcome.faults,
        troubles=outcome.troubles,
        modes=Counter([str(outcome.story.mode)]),
    )


if __name__ == "__main__":
    os.chdir(PROJECT)
    sys.exit(main(sys.argv[1:]))

"""Runs: schedules played one after another, each on an empty database, by this process or by several beside it."""

import gc
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent

Task = tuple[int, str]
"""A seed, and the broker at whose venue it is played."""


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


def played(tasks: Sequence[Task], *, processes: int, tell: bool) -> Iterator[Result]:
    """Play them in their order. Only where one process plays all can it be told what happens."""
    if processes == 1:
        for task in tasks:
            yield _play(task, tell=tell)
        return
    # Spawned, since each has a database and a server of its own.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_play, tasks, chunksize=10)


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


@cache
def theatre() -> tuple[Any, Any]:
    """Set Django up, and make the database and the stage of this process, once."""
    from tests.simulation.database import BlankDatabase

    database = BlankDatabase()
    from tests.simulation.stage import Stage

    stage = Stage()
    stage.open()
    # A tenth of the time would go into looking for garbage among all that Django is: between stories is enough.
    gc.freeze()
    gc.disable()
    return database, stage


def _play(task: Task, *, tell: bool = False) -> Result:
    seed, broker = task
    database, stage = theatre()
    from tests.simulation.play import play, say_nothing
    from tests.simulation.schedules import draw
    from tests.simulation.story import BrokerName

    database.empty()
    try:
        outcome = play(draw(seed, BrokerName(broker)), stage, print if tell else say_nothing)
    except Exception as error:
        error.add_note(f"this was seed {seed} at {broker}")
        raise
    gc.collect()
    return Result(
        schedules=1,
        violations=[told(outcome)] if outcome.violations else [],
        counts=outcome.counts,
        faults=outcome.faults,
        troubles=outcome.troubles,
        modes=Counter([str(outcome.story.mode)]),
    )

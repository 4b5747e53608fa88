"""Runs: schedules played one after another, each on an empty database, by this process or by several beside it."""

import gc
import hashlib
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulation import shrinking

PROJECT = Path(__file__).resolve().parent.parent.parent
WORLDS = ("orders", "whole", "day", "decisions")
DATABASES = ("sqlite", "postgres")
_UNSHOWN = ("SECRET_KEY",)


class Task(NamedTuple):
    """One schedule to be played."""

    seed: int
    broker: str
    world: str
    """The order pipeline alone, the whole, a trading day of it, or decisions."""

    database: str = "sqlite"
    acts: str = ""
    """Only these acts of it, as a failure that was shrunk names them."""

    tell: bool = False
    tries: int = 0
    """So often at most it is tried with fewer acts, where it fails."""

    logs: bool = False
    """Print all rows that it leaves, the event log first."""


@dataclass
class Result:
    """What came of one schedule, or of many."""

    schedules: int = 0
    hours: float = 0.0
    """The story's."""

    seconds: float = 0.0
    """What a processor took for it."""

    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Result") -> None:
        self.schedules += other.schedules
        self.hours += other.hours
        self.seconds += other.seconds
        self.violations += other.violations
        for name in ("counts", "faults", "troubles", "modes"):
            getattr(self, name).update(getattr(other, name))


def played(tasks: Sequence[Task], *, processes: int) -> Iterator[Result]:
    """Play them in their order. Only where one process plays all can it be told what happens."""
    if processes == 1:
        yield from map(_play, tasks)
        return
    # Spawned, since each has a database of its own.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_play, tasks, chunksize=10)


def revision() -> str:
    """Name the commit that plays, and whether anything was changed since."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False).stdout.strip()

    return (git("rev-parse", "--short=12", "HEAD") or "no commit") + (" and changes" if git("status", "-s") else "")


def settings_hash() -> str:
    """A hash of the settings in force, less what is secret or a matter of the machine."""
    from django.conf import settings
    from django.utils.functional import Promise

    names = sorted(name for name in dir(settings) if name.isupper() and name not in _UNSHOWN)
    values = {name: getattr(settings, name) for name in names}
    # What is read only when it is needed shows otherwise once it was.
    told = [f"{name}={str(value) if isinstance(value, Promise) else repr(value)}" for name, value in values.items()]
    text = "\n".join(told).replace(str(PROJECT), ".")
    # Where a function lies in memory is no setting.
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def theatre(database: str = "sqlite") -> tuple[Any, Any]:
    """Set Django up, and make the database and the stage of this process, once."""
    from tests.simulation.database import opened

    opened_database = opened(database)
    from tests.simulation.stage import Stage

    # A tenth of the time would go into looking for garbage among all that Django is: between stories is enough.
    gc.freeze()
    gc.disable()
    return opened_database, Stage()


def _play(task: Task) -> Result:
    theatre(task.database)  # made once for all stories, and no part of what the first one takes
    began = time.process_time()
    outcome = _outcome(task, task.acts)
    seconds = time.process_time() - began
    if task.logs:
        from tests.simulation.eventlog import rows

        for line in rows():
            sys.stdout.write(f"{line}\n")
    return Result(
        schedules=1,
        hours=outcome.hours,
        seconds=seconds,
        violations=[_told(task, outcome)] if outcome.violations else [],
        counts=outcome.counts,
        faults=outcome.faults,
        troubles=outcome.troubles,
        modes=Counter([str(outcome.story.mode)]),
    )


def _outcome(task: Task, acts: str, *, tells: bool = True) -> Any:
    database, stage = theatre(task.database)
    from tests.simulation.deciding import play_decisions
    from tests.simulation.play import play, say_nothing

    database.empty()
    playing = play_decisions if task.world == "decisions" else play
    try:
        return playing(story_of(task, acts), stage, print if task.tell and tells else say_nothing)
    except Exception as error:
        error.add_note(f"this was {task}")
        raise
    finally:
        gc.collect()


def story_of(task: Task, acts: str = "") -> Any:
    """Draw the story of a task."""
    from tests.simulation.day import draw_day
    from tests.simulation.deciding_schedules import draw_decisions
    from tests.simulation.meddling import meddled
    from tests.simulation.schedules import draw
    from tests.simulation.story import BrokerName
    from tests.simulation.whole import draw_whole

    drawing: dict[str, Any] = {"orders": draw, "whole": draw_whole, "day": draw_day, "decisions": draw_decisions}
    story = drawing[task.world](task.seed, BrokerName(task.broker))
    if task.world != "decisions":
        story = meddled(story)
    return shrinking.only(story, shrinking.numbers_of(acts)) if acts else story


def _told(task: Task, outcome: Any) -> str:
    """Say what was violated, and by which command it is played again."""
    again = f"python -m tests.simulation --schedules 1 --first-seed {task.seed} --broker {task.broker}"
    again += f" --world {task.world}" if task.world != WORLDS[0] else ""
    again += f" --database {task.database}" if task.database != DATABASES[0] else ""
    acts, lines = task.acts, [f"{outcome.story}, commit {revision()}, settings {settings_hash()}", *outcome.violations]
    if task.tries and not acts:
        acts, tries = _shrunk(task, outcome)
        lines.append(f"shrunk to these of its {shrinking.count(outcome.story)} acts in {tries} tries: {acts}")
    again += f" --acts {acts}" if acts else ""
    return "\n  ".join([*lines, f"again: {again} --tell"])


def _shrunk(task: Task, outcome: Any) -> tuple[str, int]:
    """The fewest acts with which what was violated first is violated."""
    sort = shrinking.sort_of(outcome.violations[0])

    def fails(numbers: Sequence[int]) -> bool:
        try:
            tried = _outcome(task, shrinking.told(numbers), tells=False)
        except Exception:  # noqa: BLE001 - a story that can't be played without some of its acts fails in another way
            return False
        return sort in map(shrinking.sort_of, tried.violations)

    left, tries = shrinking.shrink(range(shrinking.count(outcome.story)), fails, most_tries=task.tries)
    return shrinking.told(left), tries

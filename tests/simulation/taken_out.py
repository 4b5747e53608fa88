"""A guarantee taken out, to see that the judge finds that it is gone: what each file of breakages is run as.

`NAME …` plays schedules without that guarantee, with the options of `python -m tests.simulation`. `--each
NAME:BROKER:SEED:WHAT …` plays a story without each, one after the other, until the judge finds WHAT, and writes a line
of JSON for each that says what it found.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unittest import mock

from tests.simulation.__main__ import main
from tests.simulation.runs import PROJECT, Task, played, theatre

Breakages = Mapping[str, Callable[[], None]]


class _Found(BaseException):
    """The judge found what is asked for: enough was played."""


def run(breakages: Breakages, world: str, arguments: Sequence[str]) -> int:
    """Play what is asked for on the command line. Return what the process ends with."""
    os.chdir(PROJECT)
    theatre()
    name, *others = arguments
    if name == "--each":
        return _each(breakages, world, others)
    breakages[name]()
    return main(["--world", world, *others])


def _each(breakages: Breakages, world: str, asked: Sequence[str]) -> int:
    for one in asked:
        name, broker, seed, what = one.split(":", maxsplit=3)
        breakages[name]()
        said = _stop_at(what)
        try:
            list(played([Task(int(seed), broker, world)], processes=1))
        except _Found:
            pass
        finally:
            mock.patch.stopall()
        sys.stdout.write(json.dumps([name, "\n".join(said)]) + "\n")
        sys.stdout.flush()
    return 0


def _stop_at(what: str) -> list[str]:
    """Let a story end where the judge finds this. Return what it says, to which is added."""
    from tests.simulation.scene import Scene

    wrong = Scene.wrong
    said: list[str] = []

    def found(self: Any, violation: str) -> None:
        wrong(self, violation)
        said.append(violation)
        if what in violation:
            raise _Found

    mock.patch.object(Scene, "wrong", found).start()
    return said

"""The table of what was played, summed from what the runs printed.

python -m tests.simulation.played FOLDER

Each file of the folder is what one run of `python -m tests.simulation` printed, and its name says of which:
WORLD-BROKER-FIRST_SEED-SCHEDULES.txt, as whole-alpaca-2300001-100.txt. A file without its end (a run that still goes
on, or was broken off) is told of and not counted. It ends with 1 where one of them found a violation.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.runs import WORLDS

NAME = re.compile(rf"({'|'.join(WORLDS)})-(alpaca|schwab|both)-(\d+)-(\d+)")
ROW = re.compile(r"(?P<name>\S.*?)(?P<values>(?:\s+\d+)+)")
FAULT = "fault: "
ON_A_LINE = 6
HEADINGS = {"orders": "orders alone", "whole": "the whole", "day": "trading days", "decisions": "decisions"}
ROWS = {
    "schedules": "stories",
    "violations": "violations",
    "faults in all": "faults",
    "deaths": "deaths of a process",
    "delays": "held up",
    "hours that passed in them": "hours",
    "orders at the venue": "orders at the venue",
}


@dataclass(frozen=True, slots=True)
class Run:
    world: str
    broker: str
    first_seed: int
    schedules: int
    counts: Counter[str]

    @property
    def is_done(self) -> bool:
        """A run prints its violations last."""
        return "violations" in self.counts


def read(path: Path) -> Run:
    """Raises ValueError where a file's name does not say of which run it is."""
    match = NAME.fullmatch(path.stem)
    if match is None:
        raise ValueError(
            f"expected a file named WORLD-BROKER-FIRST_SEED-SCHEDULES.txt, found {path.name}; "
            "name it so, or take it away"
        )
    world, broker, first_seed, schedules = match.groups()
    counts = Counter[str]()
    for line in path.read_text().splitlines():
        if row := ROW.fullmatch(line):
            counts[row["name"]] = sum(map(int, row["values"].split()))
    return Run(world, broker, int(first_seed), int(schedules), counts)


def table(runs: Iterable[Run]) -> str:
    """Sum up by world: what was played, then each fault, in Markdown."""
    of: dict[str, Counter[str]] = {world: Counter() for world in HEADINGS}
    for run in runs:
        of[run.world].update(run.counts)
    worlds = [world for world in HEADINGS if of[world]]
    faults = sorted({name for counts in of.values() for name in counts if name.startswith(FAULT)})
    lines = ["| | " + " | ".join(HEADINGS[world] for world in worlds) + " | all |"]
    lines.append("| --- |" + " ---: |" * (len(worlds) + 1))
    for name, told in [*ROWS.items(), *((name, name.removeprefix(FAULT)) for name in faults)]:
        values = [of[world][name] for world in worlds]
        lines.append(f"| {told} | " + " | ".join(f"{value:,}" for value in [*values, sum(values)]) + " |")
    return "\n".join(lines)


def seeds(runs: Iterable[Run]) -> str:
    """List the options of each run, with the first seeds of all that are alike."""
    firsts = defaultdict[tuple[str, str, int], list[int]](list)
    for run in runs:
        firsts[run.world, run.broker, run.schedules].append(run.first_seed)
    lines = []
    for (world, broker, schedules), of in sorted(firsts.items()):
        head = f"--world {world:<9} --broker {broker:<6} --schedules {schedules:>3} --first-seed"
        told = [str(first) for first in sorted(of)]
        some = [", ".join(told[at : at + ON_A_LINE]) for at in range(0, len(told), ON_A_LINE)]
        lines += [f"{head} {some[0]}", *(f"{'':{len(head)}} {more}" for more in some[1:])]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(f"expected a folder of what runs printed, found {' '.join(arguments) or 'nothing'}", file=sys.stderr)
        return 2
    try:
        runs = [read(path) for path in sorted(Path(arguments[0]).glob("*.txt"))]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for run in runs:
        if not run.is_done:
            print(f"not counted: {run.world} {run.broker} from {run.first_seed} has no end", file=sys.stderr)
    done = [run for run in runs if run.is_done]
    print(table(done), seeds(done), sep="\n\n")
    return 1 if any(run.counts["violations"] for run in done) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

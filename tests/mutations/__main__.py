"""Break the rules on purpose and tell which breaks no test notices.

python -m tests.mutations [MODULE…] [--again] [--keep] [--drawn COUNT [--seed SEED]]

Of each module (all of tests/mutations/targets.py without a word) mutmut makes mutants, one small change each, and the
tests that hold it run on every one of them. Ends with 1 where a mutant survives that survivors.toml does not explain,
or where it explains one that does not survive. What was killed is remembered in .mutations/ until its function changes
or --again is said; what survived is tried again each time. --keep writes the figures into docs/mutations.md.
--drawn tries so many mutants only, which the seed draws, where all of a module take too long.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.mutations.copying import PROJECT, TEMPLATE, copy_of
from tests.mutations.document import DOCUMENT, FIGURES, document, figures, tried
from tests.mutations.mutants import Fate, Mutant, forget_survivors, mutants
from tests.mutations.survivors import explained, names_of
from tests.mutations.targets import TARGETS

SCRATCH = PROJECT / ".mutations"
DRAWN = Path(__file__).with_name("drawn.py")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations")
    parser.add_argument("modules", nargs="*", default=list(TARGETS), metavar="MODULE")
    parser.add_argument("--again", action="store_true", help="try every mutant anew")
    parser.add_argument("--keep", action="store_true", help="write the figures into docs/mutations.md")
    parser.add_argument("--drawn", type=int, metavar="COUNT", help="try so many mutants only, drawn from all")
    parser.add_argument("--seed", type=int, default=1, help="what draws them")
    options = parser.parse_args(arguments)
    unknown = [module for module in options.modules if module not in TARGETS]
    if unknown:
        parser.error(f"expected one of {', '.join(TARGETS)}, was {', '.join(unknown)}")

    known, wrong = explained(), 0
    for module in options.modules:
        draw = None if options.drawn is None else (options.drawn, options.seed)
        found = run(module, TARGETS[module], scratch=SCRATCH, again=options.again, draw=draw)
        print(told(module, found), flush=True)
        if options.keep:
            keep(module, found, draw)
        complaints = unexpected(found, names_of(module, known), drawn=draw is not None)
        print("".join(f"  {line}\n" for line in complaints), end="", flush=True)
        wrong += len(complaints)
    return 1 if wrong else 0


def run(
    module: str,
    tests: list[str],
    *,
    scratch: Path,
    again: bool = False,
    draw: tuple[int, int] | None = None,
    project: Path = PROJECT,
) -> list[Mutant]:
    """Try the mutants of a module that were not tried yet, and read what became of each.

    `draw` is how many at the most, and the seed by which they are drawn; of the others nothing is remembered.
    """
    folder = scratch / module.removesuffix(".py").replace("/", ".")
    if again:
        shutil.rmtree(folder, ignore_errors=True)
    copy_of(module, tests, into=folder, project=project)
    meta = folder / "mutants" / f"{module}.meta"
    (folder / "mutants" / TEMPLATE).unlink(missing_ok=True)
    if meta.exists():
        forget_survivors(meta)
        # Which tests come past which function is found out anew: mutmut looks at new tests only, not at changed ones.
        (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    # One process at a time: what is slow is the machine, and a mutant that waits is no mutant that hangs.
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    if draw is not None:
        command = [sys.executable, "-P", str(DRAWN), *map(str, draw)]
    # What pytest left in ours, where a test calls this, is not meant for it.
    left = ("PYTEST_", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left)}
    ended = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    if ended.returncode != 0 or not meta.exists():
        raise SystemExit(f"mutmut ended with {ended.returncode}:\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}")
    return mutants(folder, module)


def keep(module: str, found: list[Mutant], draw: tuple[int, int] | None) -> None:
    """Write the figures down with the commit that they are of, and the document with them."""
    kept = figures() | {module: {**counts(found), "commit": commit(), **({"seed": draw[1]} if draw else {})}}
    FIGURES.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    DOCUMENT.write_text(document(kept, explained()))


def commit() -> str:
    """Name the commit, and whether anything was changed since but what is written here."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()

    ours = [f":!{path.relative_to(PROJECT)}" for path in (DOCUMENT, FIGURES)]
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *ours)
    return git("rev-parse", "--short=12", "HEAD") + (", changed" if changed else "")


def counts(found: list[Mutant]) -> dict[str, int]:
    of = Counter(mutant.fate for mutant in found)
    return {
        "mutants": len(found),
        "killed": of[Fate.KILLED] + of[Fate.TIMED_OUT],
        "survived": of[Fate.SURVIVED] + of[Fate.UNTESTED],
        "not_run": of[Fate.NOT_RUN],
    }


def told(module: str, found: list[Mutant]) -> str:
    figures = counts(found)
    return f"{module}: {tried(figures)} mutants, {figures['killed']} killed, {figures['survived']} survived"


def unexpected(found: list[Mutant], known: set[str], *, drawn: bool = False) -> list[str]:
    """Say which survivors nobody explained, which were not tried, and which explanations are of no survivor."""
    alive = {mutant.name for mutant in found if mutant.fate in (Fate.SURVIVED, Fate.UNTESTED)}
    left = {mutant.name for mutant in found if mutant.fate is Fate.NOT_RUN}
    return [
        *(f"survives: {name}" for name in sorted(alive - known)),
        *(f"not run: {name}" for name in sorted(left) if not drawn),
        *(f"does not survive, and is listed: {name}" for name in sorted(known - alive - (left if drawn else set()))),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

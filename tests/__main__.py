"""All tests: on SQLite, then on PostgreSQL those that ask for a database, and those in a browser once.

python -m tests [--sqlite-only | --postgres-only] [--no-browser] [options of pytest]

`--postgres-only` runs all there.
Where paths are among the options, only runs that they have to do with are made. The last line says how many tests
passed and failed in all of them.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent.parent
BROWSER_TESTS = PROJECT / "tests" / "browser"
SQLITE, POSTGRESQL, BROWSER = "on SQLite", "on PostgreSQL", "in a browser"
NO_BROWSER = "--no-browser"
SECOND = "tests.second_database"

# Where Python was told to write no bytecode beside the sources, as in most images, it lies here. Without any, each
# worker and each command that a test starts compiles every module anew, which takes longer than the command does.
BYTECODE = PROJECT / ".pytest_cache" / "bytecode"


@dataclass(frozen=True)
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def main(arguments: list[str]) -> int:
    only = {"--sqlite-only": SQLITE, "--postgres-only": POSTGRESQL}
    options = [argument for argument in arguments if argument not in only and argument != NO_BROWSER]
    places = [option for option in options if Path(option.split("::")[0]).exists()]
    in_browser = [place for place in places if Path(place).resolve().is_relative_to(BROWSER_TESTS)]

    chosen = {only[argument] for argument in arguments if argument in only} or {SQLITE, POSTGRESQL, BROWSER}
    if NO_BROWSER in arguments or (places and not in_browser):
        chosen -= {BROWSER}
    if places and len(in_browser) == len(places):
        chosen &= {BROWSER}

    closing, total = [], Counts()
    for where in (SQLITE, POSTGRESQL, BROWSER):
        if where not in chosen:
            continue
        print(f"\n=== Tests {where} ===", flush=True)
        asked = options if places or where != BROWSER else [*options, str(BROWSER_TESTS)]
        counts, trouble = run(where, ["-p", SECOND, *asked] if where == POSTGRESQL and SQLITE in chosen else asked)
        total += counts
        closing.append(f"{where}: {counts}{trouble}")

    print("\n" + "\n".join(closing))
    print(total, flush=True)
    return 1 if total.failed else 0


def run(where: str, options: list[str]) -> tuple[Counts, str]:
    """Make one of the runs. One that runs no test, or ends badly without a failed test, counts as a failure."""
    environment = dict(os.environ)
    plugin = ["-p", "tests.postgres_plugin"] if where == POSTGRESQL else []
    # One browser and one installation serve all tests in a browser.
    kind = ["-p", "no:randomly"] if where == BROWSER else [f"--ignore={BROWSER_TESTS}", "-n", "2"]
    if where != POSTGRESQL and not environment.get("DATABASE_URL", "").startswith("sqlite:"):
        environment.pop("DATABASE_URL", None)
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        environment.setdefault("PYTHONPYCACHEPREFIX", str(BYTECODE))

    with tempfile.TemporaryDirectory(prefix="hedgetrail-tests-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", *plugin, *kind, *options, f"--junitxml={report}"]
        code = subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
        counts = read(report) if report.exists() else Counts()

    if counts.failed == 0 and counts.passed == 0:
        return Counts(0, 1, counts.skipped), f" (no test was run, which counts as a failure; pytest ended with {code})"
    if counts.failed == 0 and code != 0:
        return counts + Counts(failed=1), f" (pytest ended with {code}, which counts as a failure)"
    return counts, ""


def read(report: Path) -> Counts:
    """Read the counts that pytest wrote. An error counts as a failed test."""
    total = Counts()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
        )
        total += Counts(tests - failures - errors - skipped, failures + errors, skipped)
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

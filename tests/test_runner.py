"""`python -m tests`: what its last line says, and when it fails."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tests.__main__ as runner
from tests.__main__ import Counts


def report(tests, failures=0, errors=0, skipped=0):
    counts = f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
    return f"<testsuites><testsuite {counts}/></testsuites>"


@pytest.mark.parametrize(
    ("xml", "code", "counts", "said"),
    [
        (report(5), 0, Counts(5, 0, 0), ""),
        (report(5, failures=1, errors=1, skipped=1), 1, Counts(2, 2, 1), ""),
        # A run that ran nothing has shown nothing.
        (report(0), 5, Counts(0, 1, 0), "no test was run"),
        (report(2, skipped=2), 0, Counts(0, 1, 2), "no test was run"),
        (None, 4, Counts(0, 1, 0), "no test was run"),
        # All green, yet pytest is not content: a worker died, or it was interrupted.
        (report(5), 2, Counts(5, 1, 0), "pytest ended with 2"),
    ],
)
def test_how_a_run_is_counted(monkeypatch, xml, code, counts, said):
    def pytest_run(command, **kwargs):
        path = Path(command[-1].partition("=")[2])
        if xml is not None:
            path.write_text(xml)
        return type("Done", (), {"returncode": code})

    monkeypatch.setattr(runner.subprocess, "run", pytest_run)

    found, trouble = runner.run(runner.SQLITE, [])

    assert found == counts
    assert said in trouble


@pytest.mark.parametrize(
    ("sqlite", "postgresql", "browser", "last", "code"),
    [
        (Counts(3, 0, 0), Counts(4, 0, 0), Counts(2, 0, 0), "9 passed, 0 failed", 0),
        (Counts(3, 0, 1), Counts(4, 0, 1), Counts(2, 0, 0), "9 passed, 0 failed, 2 skipped", 0),
        (Counts(3, 0, 0), Counts(3, 1, 0), Counts(2, 0, 0), "8 passed, 1 failed", 1),
        (Counts(3, 0, 0), Counts(3, 0, 0), Counts(1, 1, 0), "7 passed, 1 failed", 1),
    ],
)
def test_the_last_line_adds_up_all_runs(monkeypatch, capsys, sqlite, postgresql, browser, last, code):
    counts = {runner.SQLITE: sqlite, runner.POSTGRESQL: postgresql, runner.BROWSER: browser}
    monkeypatch.setattr(runner, "run", lambda where, options: (counts[where], ""))

    assert runner.main([]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


SECOND = ["-p", runner.SECOND]
IN_BROWSER, ELSEWHERE = "tests/browser/test_dark.py", "tests/test_runner.py::test_how_a_run_is_counted"


@pytest.mark.parametrize(
    ("arguments", "runs"),
    [
        (["--sqlite-only", "-k", "values"], [("on SQLite", ["-k", "values"])]),
        (["--postgres-only", "-x"], [("on PostgreSQL", ["-x"])]),
        (["--no-browser"], [("on SQLite", []), ("on PostgreSQL", SECOND)]),
        ([ELSEWHERE], [("on SQLite", [ELSEWHERE]), ("on PostgreSQL", [*SECOND, ELSEWHERE])]),
        ([IN_BROWSER], [("in a browser", [IN_BROWSER])]),
        ([], [("on SQLite", []), ("on PostgreSQL", SECOND), ("in a browser", [str(runner.BROWSER_TESTS)])]),
    ],
)
def test_runs_can_be_left_out_and_options_are_passed_on(monkeypatch, arguments, runs):
    seen = []
    monkeypatch.setattr(runner, "run", lambda where, options: (seen.append((where, options)), (Counts(1), ""))[1])

    runner.main(arguments)

    assert seen == runs


ASKING = """
import pytest
def test_neither(): pass
@pytest.mark.django_db
def test_mark(): pass
def test_fixture(transactional_db): pass
@pytest.mark.skipif(False, reason="it needs the other one")
def test_skips(): pass
@pytest.mark.each_database
def test_says_so(): pass
"""


def test_on_a_second_database_those_run_that_ask_for_one(tmp_path):
    (tmp_path / "test_asking.py").write_text(ASKING)
    command = [sys.executable, "-m", "pytest", "-p", runner.SECOND, "-p", "no:randomly", "--collect-only", "-q"]

    listed = subprocess.run(
        [*command, "-c", "pyproject.toml", f"--rootdir={runner.PROJECT}", str(tmp_path)],
        cwd=runner.PROJECT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout

    assert re.findall(r"::(\w+)", listed) == ["test_mark", "test_fixture", "test_skips", "test_says_so"]
    assert "4/5 tests collected (1 deselected)" in listed

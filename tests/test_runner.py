"""`python -m tests`: what its last line says, and when it fails."""

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

    found, trouble = runner.run("SQLite", [])

    assert found == counts
    assert said in trouble


@pytest.mark.parametrize(
    ("sqlite", "postgresql", "last", "code"),
    [
        (Counts(3, 0, 0), Counts(4, 0, 0), "7 passed, 0 failed", 0),
        (Counts(3, 0, 1), Counts(4, 0, 1), "7 passed, 0 failed, 2 skipped", 0),
        (Counts(3, 0, 0), Counts(3, 1, 0), "6 passed, 1 failed", 1),
    ],
)
def test_the_last_line_adds_up_both_databases(monkeypatch, capsys, sqlite, postgresql, last, code):
    monkeypatch.setattr(
        runner, "run", lambda database, options: ({"SQLite": sqlite, "PostgreSQL": postgresql}[database], "")
    )

    assert runner.main([]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_one_database_can_be_left_out_and_options_are_passed_on(monkeypatch):
    seen = []
    monkeypatch.setattr(runner, "run", lambda database, options: (seen.append((database, options)), (Counts(1), ""))[1])

    runner.main(["--sqlite-only", "-k", "values"])

    assert seen == [("SQLite", ["-k", "values"])]

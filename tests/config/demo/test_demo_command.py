"""`manage.py demo`: what a stranger sees first, in an environment with nothing set up."""

import contextlib
import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command
from rich.console import Console

from config.demo import day, installation, run
from config.demo.checked import Checked, sentence_of
from config.demo.checks import CHECKS
from config.demo.decision_checks import DECISION_CHECKS
from config.demo.installation import Installation
from config.demo.steps import Take
from config.environment import SettingError
from tests.architecture.source import PROJECT
from tests.config.demo.pages import AT_TIMES, WITHOUT_ROWS, pages_without_rows
from trading.values.sides import Side

FIRST_HEDGE_SECONDS = 60
END_SECONDS = 15
LONGEST_SECONDS = 110


def bare(home: Path) -> dict[str, str]:
    """Nothing set but where programs and temporary files lie."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}


def demo(home: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=PROJECT,
        env=bare(home) | more,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )


@pytest.mark.slow
def test_once_through_hedges_and_finds_nothing_wrong(tmp_path):
    given = f"sqlite:///{tmp_path}/given.sqlite3"
    # Whatever the caller has set is none of the demo's business.
    theirs = {"DATABASE_URL": "nonsense", "LEDGER": "nonsense", "DEBUG": "nonsense"}
    done = demo(tmp_path, "--once", "--ledger", "dual", "--database", given, **theirs)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for symbol in ("AAPL", "BRK.B", "GME", "MSFT", "NVDA", "TSLA"):
        assert re.search(rf"^\| {symbol}\s+\|\s+[+-]", done.stdout, re.MULTILINE), symbol
    assert re.search(r"^\|\s+1 \| .* \| filled", done.stdout, re.MULTILINE)
    assert "chain  reorganised: 1 fill gone" in done.stdout
    assert "warning: Fill reverted" in done.stdout
    assert re.search(r"BUY\s+[A-Z.]+\s+failed\s+Alpaca rejected htd-\S+: insufficient buying power", done.stdout)
    for question in ("trade_lineage", "trade_failure"):
        assert re.search(rf"^--- {question} [0-9a-f-]+\nportfolio 1\.0\.0: BUY ", done.stdout, re.MULTILINE)
    for report in ("daily_summary", "failure_analysis", "strategy_performance"):
        assert f"\n--- {report}\n" in done.stdout
    assert re.findall(r"^  (\w+)\s+(.*)$", checked_part(done.stdout), re.MULTILINE) == [
        ("ok", sentence_of(each)) for each in (*DECISION_CHECKS, *CHECKS)
    ]
    empty = pages_without_rows(tmp_path / "given.sqlite3")
    assert WITHOUT_ROWS.keys() <= empty <= WITHOUT_ROWS.keys() | AT_TIMES.keys()
    # What was made for the run is gone, and what was given stays.
    assert database_of(done.stdout) == given
    assert list(tmp_path.glob("hedgetrail-demo-*")) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broker", "ledger", "faults"), [("alpaca", "legacy", ("--faults", "7:0.1")), ("schwab", "events", ())]
)
def test_once_through_at_a_venue_over_http(tmp_path, broker, ledger, faults):
    done = demo(tmp_path, "--once", "--broker", broker, "--ledger", ledger, *faults)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert re.search(rf"^Broker: {broker} at http://127\.0\.0\.1:\d+, its state at http://", done.stdout, re.MULTILINE)
    assert re.search(r"^\| +\d+ \| .* \| filled", done.stdout, re.MULTILINE)
    assert ("warning: Order not dispatched yet" in done.stdout) == bool(faults)
    # Where hedges go to Alpaca, its one account is theirs.
    checks = CHECKS if broker == "alpaca" else (*DECISION_CHECKS, *CHECKS)
    assert re.findall(r"^  (\w+)\s+(.*)$", checked_part(done.stdout), re.MULTILINE) == [
        ("ok", sentence_of(each)) for each in checks
    ]
    # What was made for the run is gone.
    assert list(tmp_path.glob("hedgetrail-demo-*")) == []


def test_faults_need_a_venue(capsys):
    with pytest.raises(SystemExit) as ended:
        installation.prepare(["--faults", "7:0.1"])

    assert ended.value.code == 2
    assert "--faults needs --broker alpaca or --broker schwab" in capsys.readouterr().err
    assert installation.prepared() is None


def test_a_database_with_tables_is_left_alone(tmp_path):
    file = tmp_path / "mine.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as mine:
        mine.execute("CREATE TABLE mine (x)")

    done = demo(tmp_path, "--once", "--database", f"sqlite:///{file}")

    assert done.returncode == 2
    assert "mine.sqlite3 has tables already: expected an empty database" in done.stderr
    with contextlib.closing(sqlite3.connect(file)) as mine:
        assert mine.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_database_that_cannot_be_read_is_refused_in_one_line(tmp_path):
    done = demo(tmp_path, "--database", "mysql://me:hunter2@db/hedge")

    assert done.returncode == 2
    assert done.stderr.startswith("manage.py demo: --database is not valid: expected sqlite:///FILE")
    assert "hunter2" not in done.stderr


@pytest.mark.slow
def test_live_it_hedges_serves_the_admin_and_ends_when_told_to(tmp_path):
    with living(tmp_path) as child:
        desk, admin = until(child, r"^Desk: (\S+)"), until(child, r"^Admin: (\S+)")
        password = until(child, r"^User: demo, password: (\S+)")
        hedge = until(child, r"hedge  \d+  (?:buy|sell) .*: (filled) at")
        assert_login(desk, admin, password)
        child.send_signal(signal.SIGINT)
        told = time.monotonic()
        rest, errors = child.communicate(timeout=END_SECONDS)

    assert hedge == "filled"
    assert (child.returncode, errors) == (0, "")
    assert time.monotonic() - told < END_SECONDS
    assert re.search(r"^\|\s+1 \| .* \| filled", rest, re.MULTILINE)
    assert "The books of this run stay where they are" in rest


@contextlib.contextmanager
def living(home: Path) -> Iterator["subprocess.Popen[str]"]:
    child = subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=PROJECT,
        env=bare(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def until(child: "subprocess.Popen[str]", pattern: str) -> str:
    """Read the demo's lines up to one of this pattern, and return what the pattern holds."""
    assert child.stdout is not None
    seen = []
    # A demo that says nothing must not keep the test waiting for its next line.
    watchdog = threading.Timer(FIRST_HEDGE_SECONDS, child.kill)
    watchdog.start()
    try:
        for line in child.stdout:
            seen.append(line)
            if found := re.search(pattern, line):
                return found[1]
    finally:
        watchdog.cancel()
    raise AssertionError(f"no line like {pattern} within {FIRST_HEDGE_SECONDS} seconds, but {''.join(seen)}")


def assert_login(desk: str, url: str, password: str) -> None:
    assert url == f"{desk}admin/"
    with requests.Session() as browser:
        page = browser.get(url, timeout=20)
        assert (page.status_code, page.url) == (200, f"{url}login/?next=/admin/")
        form = {"username": "demo", "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        wrong = browser.post(page.url, form | {"password": "guess"}, timeout=20)
        assert wrong.url == page.url
        inside = browser.post(page.url, form, timeout=20)
        assert (inside.status_code, inside.url) == (200, url)
        for page in (desk, f"{url}trading/tradeaccumulator/"):
            assert browser.get(page, timeout=20).status_code == 200, page


def database_of(output: str) -> str:
    found = re.search(r"^Database: (.+)$", output, re.MULTILINE)
    assert found is not None, output
    return found[1]


def checked_part(output: str) -> str:
    return output.partition("\nChecked\n")[2]


# In this process.


def test_it_starts_only_where_its_own_database_was_chosen_first():
    with pytest.raises(CommandError, match=r"run it as `manage\.py demo`"):
        call_command("demo", "--once")


def test_nothing_that_the_caller_has_set_is_left(monkeypatch, tmp_path):
    mine = {"DATABASE_URL": "postgres://me:hunter2@db/mine", "SECRET_KEY": "mine", "HEDGE_THRESHOLD": "$5", "PATH": "/"}
    monkeypatch.setattr(os, "environ", dict(mine))
    monkeypatch.setattr(installation, "_prepared", None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    installation.prepare(["--once", "--ledger", "events", "--verbosity", "2"])

    prepared = installation.prepared()
    assert prepared is not None
    assert prepared.folder is not None
    assert prepared.folder.parent == tmp_path
    assert os.environ["DATABASE_URL"] == f"sqlite:///{prepared.folder}/demo.sqlite3"
    assert (os.environ["LEDGER"], os.environ["BROKER"], os.environ["PATH"]) == ("events", "dry_run", "/")
    assert len(os.environ["SECRET_KEY"]) > 50
    assert "HEDGE_THRESHOLD" not in os.environ
    # Nothing is made before it is needed.
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://me:hunter2@db:5432/hedge?password=hunter2", "postgres://db:5432/hedge"),
        ("sqlite:////srv/demo.sqlite3", "sqlite:////srv/demo.sqlite3"),
    ],
)
def test_a_database_is_shown_without_its_password(url, shown):
    assert Installation(url, None).shown == shown


def test_a_malformed_database_is_named_by_its_option(monkeypatch):
    monkeypatch.setattr(installation, "_prepared", None)
    with pytest.raises(SettingError, match=r"^--database is not valid"):
        installation.prepare(["--database", "nowhere"])
    assert installation.prepared() is None


def test_a_finding_is_told_and_fails_the_run(transactional_db, monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy() | {"BROKER": "dry_run", "DRY_RUN_FILL_SECONDS": "0"})
    monkeypatch.setattr(run, "decide", lambda say: [])
    monkeypatch.setattr(day, "scenario", lambda seed: [Take("AAPL", Side.BUY, Decimal("1.5"), Decimal(271))])
    monkeypatch.setattr(
        run, "check", lambda world: [Checked("All is well.", ["it is not"]), Checked("So is this.", [])]
    )
    console = Console(file=io.StringIO(), width=100)

    code = run.once(Installation("sqlite:////srv/demo.sqlite3", None), console, seed=1, stopping=threading.Event())

    assert code == 1
    output = console.file.getvalue()
    assert checked_part(output).splitlines() == [
        "  FAILED  All is well.",
        "          it is not",
        "  ok      So is this.",
        "The books are kept for a look: sqlite:////srv/demo.sqlite3",
    ]
    assert re.search(r"\| AAPL\s+\| sell \|\s+1\.0000\s+\|\s+1\.0000\s+\|", output)


def test_a_run_that_is_stopped_checks_nothing(transactional_db, monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy() | {"BROKER": "dry_run"})
    monkeypatch.setattr(run, "decide", lambda say: [])
    stopping = threading.Event()
    stopping.set()
    console = Console(file=io.StringIO(), width=100)

    assert run.once(Installation("sqlite:////srv/x", None), console, seed=1, stopping=stopping) == 130
    assert "nothing was checked" in console.file.getvalue()

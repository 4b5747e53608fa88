"""`manage.py venue`: a broker of one's own, from a machine with nothing set up."""

import os
import re
import signal
import subprocess
import sys

import httpx2
import pytest
from django.core.management import CommandError, call_command

from tests.architecture.source import PROJECT
from tests.support.venues import alpaca_order


@pytest.fixture
def started(tmp_path):
    """Start venues in processes of their own, with nothing in their environment."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "venue", *arguments],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        told = []
        for line in process.stdout:
            told.append(line)
            if line.startswith("Ctrl-C"):
                return process, "".join(told)
        raise AssertionError(f"it ended: {told} {process.stderr.read()}")

    yield start
    for process in running:
        process.kill()
        process.communicate()


def exported(told):
    return dict(re.findall(r"^export (\w+)=(.*)$", told, re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_how_to_trade_there_and_what_became_of_it(started, number):
    process, told = started("alpaca", "--port", "0", "--fill-seconds", "never", "--cash", "5000")
    variables = exported(told)
    keys = {"APCA-API-KEY-ID": variables["ALPACA_API_KEY"], "APCA-API-SECRET-KEY": variables["ALPACA_API_SECRET"]}
    with httpx2.Client(base_url=variables["ALPACA_BASE_URL"], headers=keys, trust_env=False) as there:
        assert there.get("/v2/account").json()["cash"] == "5000"
        assert there.post("/v2/orders", json=alpaca_order()).status_code == 200

    process.send_signal(number)
    rest, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (0, "")
    assert rest.split("\n") == ["calls: account 1, submit 1", "faults: none", "orders: open 1", ""]
    assert (variables["BROKER"], variables["ALPACA_ACCOUNT"]) == ("alpaca", "10000001")


@pytest.mark.slow
def test_schwab_says_where_to_log_in(started):
    _, told = started("schwab", "--port", "0", "--closed", "--faults", "7:1")
    variables = exported(told)
    login = re.search(r"^Log in at (\S+)$", told, re.MULTILINE)[1]

    assert login.startswith(variables["SCHWAB_BASE_URL"])
    assert variables["SCHWAB_APP_KEY"] in login
    assert "access" not in told
    state = httpx2.get(f"{variables['SCHWAB_BASE_URL']}/_venue/state", trust_env=False).json()
    assert (state["market"], state["accounts"][0]["number"]) == ("closed", variables["SCHWAB_ACCOUNT"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("nasdaq",),
        ("alpaca", "--faults", "seven"),
        ("alpaca", "--faults", "7:2"),
        ("alpaca", "--fill-seconds", "soon"),
        ("alpaca", "--closed", "--calendar"),
    ],
    ids=str,
)
def test_what_it_can_not_do_is_said_before_it_begins(arguments):
    with pytest.raises(CommandError):
        call_command("venue", *arguments)


def test_a_port_that_is_taken_is_said_so(alpaca):
    with pytest.raises(CommandError, match="choose one with --port"):
        call_command("venue", "alpaca", "--port", alpaca.url.rpartition(":")[2])

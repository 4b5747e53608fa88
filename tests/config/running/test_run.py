"""`manage.py run`: all of a small installation by one command, and what it says where it can't begin."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import uuid

import httpx2
import pytest
from django.core.management import CommandError, call_command

from config.environment import SettingError
from config.management.commands import run as command
from config.running.supervisor import NotInOrder, PartFailed
from tests.architecture.source import PROJECT
from tests.support.made_chain import MadeChain, clear, take
from tests.support.processes import eventually, marked
from tests.support.replay_node import replaying
from tests.support.stations import Stations
from trading.conductor.work import StationHeartbeat
from trading.ledger.mode import LedgerMode, Mode
from trading.offchain_order.aggregate import OrderState

MARK = "HEDGETRAIL_TEST_MARK"
END_SECONDS = 60


# Before it begins.


@pytest.fixture
def began(monkeypatch):
    """The names of the parts that were to be supervised; none is started."""
    names = []

    def supervise(parts, **options):
        for part in parts:
            names.append(part.name)
            if part.listener is not None:
                part.listener.close()

    monkeypatch.setattr(command, "supervise", supervise)
    monkeypatch.setattr(command.connections, "close_all", lambda: None)  # The test needs its own still.
    return names


@pytest.fixture
def chain(monkeypatch):
    chain = MadeChain("tAAPL", "tMSFT")
    chain.mine(take("SELL", "2.5", "tAAPL"))
    chain.mine(clear("BUY", "1.25", "tMSFT"))
    with replaying(chain.recording()) as node:
        for name, value in {
            "RPC_URL": node.url,
            "ORDERBOOK_ADDRESS": node.recording["orderbook"],
            "ORDER_OWNER": node.recording["owner"].lower(),
            "USDC_ADDRESS": node.recording["usdc"].lower(),
            "DEPLOYMENT_BLOCK": str(node.recording["first"]),
            "BROKER": "dry_run",
            "DRY_RUN_FILL_SECONDS": "0.1",
        }.items():
            monkeypatch.setenv(name, value)
        yield node


def run(*arguments):
    call_command("run", *arguments, "--port", "0")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("left_out", "parts"),
    [
        ([], ["web", "conduct", "schedules"]),
        (["--no-web"], ["conduct", "schedules"]),
        (["--no-conduct"], ["web", "schedules"]),
        (["--no-schedules"], ["web", "conduct"]),
        (["--no-web", "--no-schedules"], ["conduct"]),
    ],
)
def test_what_is_not_left_out_is_run(chain, began, left_out, parts):
    run(*left_out)

    assert began == parts


def test_when_nothing_is_left_it_says_so(began):
    with pytest.raises(CommandError, match="nothing is left to run") as raised:
        run("--no-web", "--no-conduct", "--no-schedules")

    assert (raised.value.returncode, began) == (2, [])


@pytest.mark.django_db
def test_what_the_conductor_lacks_is_said_before_anything_begins(began, monkeypatch):
    monkeypatch.delenv("RPC_URL", raising=False)
    with pytest.raises(CommandError, match=r"RPC_URL is not set.*or leave the conductor out with --no-conduct"):
        run()
    assert began == []

    run("--no-conduct")
    assert began == ["web", "schedules"]


@pytest.mark.django_db
def test_another_ledger_than_the_one_in_force_is_said_before_anything_begins(chain, began):
    LedgerMode.objects.create(mode=Mode.LEGACY)

    with pytest.raises(CommandError, match=r"LEDGER is dual.*switch_ledger dual") as raised:
        run()

    assert (raised.value.returncode, began) == (2, [])


@pytest.mark.django_db
def test_pages_and_schedules_need_a_secret_key_and_the_conductor_does_not(chain, began, monkeypatch):
    monkeypatch.delenv("SECRET_KEY")
    for left_out in ([], ["--no-web"], ["--no-schedules"]):
        with pytest.raises(SettingError, match="SECRET_KEY is not set"):
            run(*left_out)

    run("--no-web", "--no-schedules")
    assert began == ["conduct"]


@pytest.mark.django_db
def test_a_port_that_is_taken_is_said_before_anything_begins(began):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(CommandError, match=rf"127\.0\.0\.1 port {port} can't be listened on") as raised:
            call_command("run", "--no-conduct", "--port", port)

    assert (raised.value.returncode, began) == (2, [])


@pytest.mark.django_db
def test_it_listens_on_this_machine_alone_unless_asked(began, capsys, settings):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    run("--no-conduct", "--no-schedules")
    said = capsys.readouterr()
    assert re.fullmatch(r"Pages: http://127\.0\.0\.1:\d+/\n", said.out)
    assert said.err == ""

    run("--no-conduct", "--no-schedules", "--host", "::")
    said = capsys.readouterr()
    assert said.out.startswith("Pages: http://[::]:")
    assert "ALLOWED_HOSTS names this machine alone" in said.err


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "code"), [(PartFailed("web died"), 3), (NotInOrder("killed"), 1)])
def test_with_what_it_ends(began, monkeypatch, error, code):
    def supervise(parts, **options):
        raise error

    monkeypatch.setattr(command, "supervise", supervise)
    with pytest.raises(CommandError, match=str(error)) as raised:
        run("--no-conduct", "--no-web")

    assert raised.value.returncode == code


# With its processes.


class Running:
    """A `manage.py run` of its own, whose log is read as it comes."""

    def __init__(self, database_url, *arguments):
        self.mark = f"{MARK}={uuid.uuid4()}"
        name, _, value = self.mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", "0", *arguments],
            cwd=PROJECT,
            env=os.environ | {"DATABASE_URL": database_url, "LOG_LEVEL": "INFO", name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.address = self.process.stdout.readline().removeprefix("Pages: ").strip()

    def said(self, event):
        return [line for line in self.lines if line.get("event") == event]

    def page(self, path):
        return httpx2.get(f"{self.address}{path}", trust_env=False, timeout=30)

    def ended(self):
        code = self.process.wait(END_SECONDS)
        self._reader.join()
        self.process.stdout.close()
        return code

    def close(self):
        """End whatever of it is left."""
        for pid in marked(self.mark):
            os.kill(pid, signal.SIGKILL)
        self.ended()

    def _read(self):
        with self.process.stderr as stderr:
            for line in stderr:
                self.lines.append(json.loads(line) if line.startswith("{") else {"event": line.strip()})


@pytest.fixture
def running(database_url, chain):
    found = []

    def start(*arguments):
        found.append(Running(database_url, *arguments))
        return found[-1]

    yield start
    for each in found:
        each.close()


@pytest.mark.slow
def test_it_serves_hedges_and_runs_the_schedules_until_told_to_stop(running):
    it = running()
    eventually(lambda: {order.state for order in Stations().orders()} == {OrderState.FILLED})
    eventually(lambda: any("running." in str(line.get("event")) for line in it.lines))

    login, style = it.page("admin/login/"), it.page("static/admin/css/base.css")
    assert (login.status_code, "Hedgetrail" in login.text) == (200, True)
    assert (style.status_code, style.headers["Content-Type"].partition(";")[0]) == (200, "text/css")

    # Killed, each is there again; what it was at goes on.
    (web, conduct, schedules) = (line["pid"] for line in it.said("Part started"))
    StationHeartbeat.objects.all().delete()
    for pid in (web, conduct, schedules):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(it.said("Part started")) == 6)
    eventually(lambda: StationHeartbeat.objects.filter(station="watcher").exists())
    eventually(lambda: sum("running." in str(line.get("event")) for line in it.lines) == 2)
    assert it.page("health/live").status_code == 200

    it.process.send_signal(signal.SIGTERM)
    code = it.ended()

    assert code == 0, it.lines[-20:]
    assert [(line["part"], line["ended"]) for line in it.said("Part ended")] == [
        (part, "exit code 0") for part in ("web", "conduct", "schedules")
    ]
    assert marked(it.mark) == []
    assert len(Stations().hedges()) == 2
    assert [line for line in it.lines if "Traceback" in str(line)] == []


@pytest.mark.slow
def test_killed_it_leaves_nothing_running(running):
    it = running()
    eventually(lambda: any("running." in str(line.get("event")) for line in it.lines))
    eventually(lambda: it.said("Conducting"))
    assert len(marked(it.mark)) > 6

    it.process.kill()

    eventually(lambda: marked(it.mark) == [])

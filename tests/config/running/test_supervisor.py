"""The supervisor: parts that die are started again, and all end in their order, with nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import httpx2
import pytest

from config.management.commands.run import listening
from config.running import supervisor
from config.running.leash import PARENT_IS_GONE, leashed
from config.running.supervisor import NotInOrder, Part, PartFailed, in_words, pause_seconds, supervise
from tests.architecture.source import PROJECT
from tests.support.processes import eventually, is_living, parent_of

DIES = "import sys; sys.exit(7)"
TELLS = """
import os, signal, sys, time
file, name = sys.argv[1:]
def tell(what):
    with open(file, "a") as told:
        told.write(f"{name} {what} {os.getpid()}\\n")
def end(*_):
    tell("ended")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
tell("began")
while True:
    time.sleep(1)
"""
DOES_NOT_END = TELLS.replace("sys.exit(0)", "pass")
LEAVES_A_CHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1], *sys.argv[2:]])
time.sleep(600)
"""
SERVES_ONCE = """
import http.server, socket, sys
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.handle_request()
"""
SUPERVISES = """
import sys, threading
from pathlib import Path
from config.running.supervisor import Part, supervise
code, file, *names = sys.argv[1:]
parts = [Part(name, (sys.executable, "-c", code, file, name), 5.0) for name in names]
supervise(parts, folder=Path.cwd(), stopping=threading.Event())
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(supervisor, "LOOK_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(supervisor, "pause_seconds", lambda deaths: 0.02)


class Told:
    """What parts wrote when they began and ended, each with its process."""

    def __init__(self, file):
        self.file = file

    def part(self, name, *, code=TELLS, end_seconds=20.0):
        return Part(name, (sys.executable, "-c", code, str(self.file), name), end_seconds)

    def lines(self):
        text = self.file.read_text() if self.file.exists() else ""
        return [line.rpartition(" ")[0] for line in text.splitlines()]

    def pids(self):
        return [int(line.rpartition(" ")[2]) for line in self.file.read_text().splitlines()]


@pytest.fixture
def told(tmp_path):
    return Told(tmp_path / "told")


def dying(name, *arguments):
    return Part(name, (sys.executable, "-c", DIES, *arguments), end_seconds=20.0)


@contextmanager
def supervised(*parts):
    """Supervise in a thread; the block's end is the end of the parts. What was raised is in the list."""
    stopping, raised = threading.Event(), []

    def keep():
        try:
            supervise(parts, folder=PROJECT, stopping=stopping)
        except (PartFailed, NotInOrder) as error:
            raised.append(error)

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield raised
    finally:
        stopping.set()
        thread.join()


def test_parts_end_in_their_order_when_told_to(told):
    with supervised(told.part("first"), told.part("second"), told.part("third")) as raised:
        eventually(lambda: len(told.lines()) == 3)

    assert told.lines()[3:] == ["first ended", "second ended", "third ended"]
    assert raised == []


def test_a_part_that_is_killed_is_started_again_and_the_others_are_left_alone(told, caplog):
    caplog.set_level("INFO")
    with supervised(told.part("one"), told.part("other")):
        eventually(lambda: len(told.lines()) == 2)
        os.kill(told.pids()[told.lines().index("one began")], signal.SIGKILL)
        eventually(lambda: len(told.lines()) == 3)

    assert sorted(told.lines()[:3]) == ["one began", "one began", "other began"]
    (died,) = [record.msg for record in caplog.records if record.levelname == "ERROR"]
    assert (died["event"], died["part"], died["ended"]) == ("Part died, starting it again", "one", "signal SIGKILL")


def test_a_part_that_ends_well_unasked_is_started_again_too(told):
    with supervised(told.part("one")):
        eventually(lambda: told.lines() == ["one began"])
        os.kill(told.pids()[0], signal.SIGTERM)
        eventually(lambda: told.lines() == ["one began", "one ended", "one began"])


def test_three_quick_deaths_end_everything_and_say_which_part_and_how(told):
    with supervised(told.part("well"), dying("ill")) as raised:
        eventually(lambda: raised)

    assert str(raised[0]).startswith(
        "ill died 3 times in a row within 30 seconds of its start, at last with exit code 7"
    )
    assert gone(told)


def test_deaths_of_a_part_that_had_begun_to_work_end_nothing(told, monkeypatch):
    monkeypatch.setattr(supervisor, "QUICK_SECONDS", 0)
    with supervised(told.part("one", code=TELLS.replace("while True", "sys.exit(1)\nwhile True"))) as raised:
        eventually(lambda: len(told.lines()) > 4)

    assert raised == []


def test_the_pause_grows_with_each_death_up_to_a_minute():
    assert [pause_seconds(deaths) for deaths in (1, 2, 3, 6, 7, 100)] == [1, 2, 4, 32, 60, 60]


def test_a_part_that_does_not_end_is_killed_after_its_time_and_the_others_end_in_theirs(told):
    with supervised(told.part("stubborn", code=DOES_NOT_END, end_seconds=0.5), told.part("other")) as raised:
        eventually(lambda: len(told.lines()) == 2)

    assert [type(error) for error in raised] == [NotInOrder]
    assert told.lines()[2:] == ["stubborn ended", "other ended"]
    assert gone(told)


def test_what_a_part_leaves_behind_is_ended_with_it(told):
    leaves = Part("one", (sys.executable, "-c", LEAVES_A_CHILD, TELLS, str(told.file), "child"), end_seconds=20.0)
    with supervised(leaves):
        eventually(lambda: told.lines() == ["child began"])
        (left,) = told.pids()
        os.kill(parent_of(left), signal.SIGKILL)
        eventually(lambda: not is_living(left))


def test_whoever_asks_while_a_part_is_away_waits_and_is_refused_once_it_ends(monkeypatch):
    monkeypatch.setattr(supervisor, "QUICK_SECONDS", 0)
    listener = listening("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    command = (sys.executable, "-c", SERVES_ONCE, str(listener.fileno()))
    with supervised(Part("web", command, end_seconds=20.0, listener=listener)):
        for _ in range(3):  # It serves one request in each of its lives.
            assert httpx2.get(address, trust_env=False, timeout=30).status_code == 200

    with pytest.raises(httpx2.ConnectError):
        httpx2.get(address, trust_env=False)


def test_nothing_outlives_a_supervisor_that_is_killed(told):
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISES, TELLS, str(told.file), "one", "other"],
        cwd=PROJECT,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: len(told.lines()) == 2)
    finally:
        process.kill()
        process.wait()

    eventually(lambda: len(told.lines()) == 4)
    assert sorted(told.lines()[2:]) == ["one ended", "other ended"]
    eventually(lambda: gone(told))


def test_a_program_whose_parent_went_before_it_began_is_not_begun():
    program = [sys.executable, "-c", "print('begun')"]
    ended = subprocess.run(leashed(program, parent=1), cwd=PROJECT, capture_output=True, check=False)

    assert (ended.returncode, ended.stdout) == (PARENT_IS_GONE, b"")


@pytest.mark.parametrize(("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "signal SIGKILL")])
def test_how_a_part_ended_is_told_in_words(code, words):
    assert in_words(code) == words


def gone(told):
    return not any(is_living(pid) for pid in told.pids())

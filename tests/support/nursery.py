"""A nursery: a process that has imported what `manage.py` needs, and forks one of it whenever it is asked to.

Most of what a command takes in its first seconds are imports: who starts hundreds need not wait for them each time.
What is forked is a process like any other: it reads its arguments, opens its own connections, and is killed as others
are. All of a nursery have the environment that it was given.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).resolve().parent.parent.parent
MOST_BYTES = 65_536
# A few worlds at once, as in the tests of one file.
KEPT = 4
LOOK_EVERY_SECONDS = 0.01
# Of whoever starts them, and not of the world.
OWN_NAMES = ("PYTEST_CURRENT_TEST",)


class Child:
    """A process that a nursery forked. What it writes to its standard error is to be read from `stderr`."""

    returncode: int | None = None

    def __init__(self, pid: int, stderr: IO[str], nursery: "Nursery") -> None:
        self.pid, self.stderr, self._nursery = pid, stderr, nursery

    def kill(self) -> None:
        """Kill it, where it has not ended."""
        if self.poll() is None:
            # It is not waited for by anybody else, so its number is its own still.
            os.kill(self.pid, signal.SIGKILL)

    def poll(self) -> int | None:
        """How it ended, as `subprocess` says it: None while it lives, a signal as a negative number."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(LOOK_EVERY_SECONDS)
        return code


class Nursery:
    """The side that asks."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._asked, theirs = socket.socketpair()
        self._answers = self._asked.makefile("r", encoding="utf-8")
        with theirs:
            # It ends when nobody can ask it any more.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.nursery", str(theirs.fileno())],
                cwd=PROJECT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def fork(self, arguments: Sequence[str]) -> Child:
        """Let a process be forked. `arguments` are what Python would be given: a file or a module, and its own."""
        reads, writes = os.pipe()
        try:
            pid = self.ask({"fork": list(arguments)}, writes)
        finally:
            os.close(writes)
        return Child(pid, os.fdopen(reads, encoding="utf-8"), self)

    def ask(self, order: dict[str, Any], *descriptors: int) -> Any:
        """Ask it, and wait for its answer. Raises ChildProcessError where it has ended."""
        socket.send_fds(self._asked, [json.dumps(order).encode() + b"\n"], descriptors)
        answer = self._answers.readline()
        if not answer:
            raise ChildProcessError(f"the nursery has ended with {self._process.wait()}")
        return json.loads(answer)


def nursery(environment: Mapping[str, str]) -> Nursery:
    """The nursery of an environment: made when it is asked for, and kept for the next who has the same."""
    return _kept(tuple(sorted((name, value) for name, value in environment.items() if name not in OWN_NAMES)))


@lru_cache(maxsize=KEPT)
def _kept(environment: tuple[tuple[str, str], ...]) -> Nursery:
    return Nursery(dict(environment))


# The side that forks.


def serve(asked: socket.socket) -> int:
    """Fork as is asked, until nobody can ask any more. In a child: what it ends with."""
    _import_all()
    while True:
        message, descriptors = b"", []
        while not message.endswith(b"\n"):
            part, more, _, _ = socket.recv_fds(asked, MOST_BYTES, 1)
            if not part:
                return 0
            message, descriptors = message + part, descriptors + list(more)
        order = json.loads(message)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            _answer(asked, os.waitstatus_to_exitcode(status) if pid else None)
            continue
        (stderr,) = descriptors
        if (pid := os.fork()) == 0:
            asked.close()
            os.dup2(stderr, 2)
            os.close(stderr)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return _run(order["fork"])
        os.close(stderr)
        _answer(asked, pid)


def _answer(asked: socket.socket, answer: int | None) -> None:
    asked.sendall(json.dumps(answer).encode() + b"\n")


def _run(arguments: Sequence[str]) -> int:
    if arguments[0] == "manage.py":
        import manage

        sys.argv = list(arguments)
        return manage.main()
    option, module, *own = arguments
    assert option == "-m", arguments
    sys.argv = [module, *own]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _import_all() -> None:
    """What a command would import, down to the pages that its checks look at. Nothing is connected to."""
    import django

    django.setup()
    from django.core.management import call_command, get_commands, load_command_class
    from django.db import connections

    load_command_class(get_commands()["conduct"], "conduct")
    call_command("check", stdout=open(os.devnull, "w"))  # noqa: SIM115  # it ends with the process
    connections.close_all()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        code = serve(ours)
    sys.exit(code)

"""Supervisor: keeps the parts of an installation running, each a process of its own, and ends them in order.

A part that dies is started again after a pause that doubles with each death; one that dies three times in a row soon
after its start ends everything, since it would only die again. Each part is a session of its own: Ctrl-C reaches the
supervisor alone, which then ends the parts in their order, and what a part leaves behind is ended with it.
"""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from config.running.leash import leashed

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 0.2
QUICK_SECONDS = 30
"""Who dies sooner after the start has not begun to work."""

QUICK_DEATHS = 3
LONGEST_PAUSE_SECONDS = 60
FORGOTTEN_AFTER_SECONDS = 600
"""A part that has lived for so long begins anew with its pauses."""


class PartFailed(Exception):
    """A part died again and again soon after its start. Read its last words, mend what they say, and start again."""


class NotInOrder(Exception):
    """A part did not end in its time, and was killed. What it had committed is there; what it was at is done again."""


@dataclass(frozen=True)
class Part:
    """A part of an installation: its name, its command, and how long it may take to end what it is at."""

    name: str
    command: tuple[str, ...]
    end_seconds: float
    listener: socket.socket | None = None
    """What it serves, opened before and kept open while it is away, so that whoever asks then waits."""


class Supervised:
    """One part through its lives."""

    def __init__(self, part: Part, *, folder: Path) -> None:
        self.part = part
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._starts_at = 0.0
        self._deaths = self._quick_deaths = 0

    def start(self) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603  # commands of ours
            leashed([*self.part.command], parent=os.getpid()),
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            pass_fds=() if self.part.listener is None else [self.part.listener.fileno()],
            start_new_session=True,
        )
        log.info("Part started", part=self.part.name, pid=self._process.pid)

    def look(self) -> None:
        """Start the part again where it has died and its pause is over. Raises PartFailed."""
        if self._process is None:
            if time.monotonic() >= self._starts_at:
                self.start()
        elif self._has_ended():
            self._died(self._reap())

    def end(self) -> bool:
        """Let the part end what it is at. Return whether it did so in its time."""
        if self.part.listener is not None:
            self.part.listener.close()  # Whoever asks from now on is refused at once.
        if self._process is None:
            return True
        os.kill(self._process.pid, signal.SIGTERM)  # Not send_signal, which buries it where it is dead.
        until = time.monotonic() + self.part.end_seconds
        while not (ended := self._has_ended()) and time.monotonic() < until:
            time.sleep(LOOK_EVERY_SECONDS / 4)
        if not ended:
            log.error("Part did not end, killed", part=self.part.name, waited_seconds=self.part.end_seconds)
        code = self._reap()
        log.info("Part ended", part=self.part.name, ended=in_words(code))
        return ended

    def _died(self, code: int) -> None:
        lived = time.monotonic() - self._started
        self._quick_deaths = self._quick_deaths + 1 if lived < QUICK_SECONDS else 0
        self._deaths = self._deaths + 1 if lived < FORGOTTEN_AFTER_SECONDS else 1
        if self._quick_deaths >= QUICK_DEATHS:
            raise PartFailed(
                f"{self.part.name} died {self._quick_deaths} times in a row within {QUICK_SECONDS} seconds of its "
                f"start, at last with {in_words(code)}; what it said stands above. Mend that, and start again"
            )
        pause = pause_seconds(self._deaths)
        self._starts_at = time.monotonic() + pause
        log.error(
            "Part died, starting it again",
            part=self.part.name,
            ended=in_words(code),
            lived_seconds=int(lived),
            pause_seconds=pause,
        )

    def _has_ended(self) -> bool:
        """Look whether it is dead without burying it, so that its number is nobody else's yet."""
        assert self._process is not None  # noqa: S101  # its callers have looked
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def _reap(self) -> int:
        """End whatever is left of the part's processes, and return how its first one ended."""
        process, self._process = self._process, None
        assert process is not None  # noqa: S101
        os.killpg(process.pid, signal.SIGKILL)  # It is there still, dead or alive: nobody has waited for it.
        return process.wait()


def supervise(parts: Sequence[Part], *, folder: Path, stopping: threading.Event) -> None:
    """Keep the parts running until told to stop, then end each in order, the first one first.

    Raises PartFailed or NotInOrder, when all have ended.
    """
    supervised = [Supervised(part, folder=folder) for part in parts]
    in_order = True
    try:
        for each in supervised:
            each.start()
        while not stopping.wait(LOOK_EVERY_SECONDS):
            for each in supervised:
                each.look()
    finally:
        for each in supervised:
            in_order &= each.end()
    if not in_order:
        raise NotInOrder("a part did not end in its time and was killed, as told above")


def pause_seconds(deaths: int) -> int:
    """How long to wait after so many deaths."""
    return min(1 << min(deaths - 1, 10), LONGEST_PAUSE_SECONDS)


def in_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"

"""The crew: conductors in processes of their own, each with its own clock and its own ways to all others.

Whoever dies is started again, as a service manager would. That one ends by itself while nothing is wrong, or after it
had begun to conduct, is a finding.
"""

import json
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.simulation.real.conduct import Clock
from tests.simulation.real.links import Link
from tests.support.kills import Conductor

COMMAND = ("-m", "tests.simulation.real.conduct", "conduct")
START_SECONDS = 300.0
STOP_SECONDS = 120.0
LOOK_SECONDS = 0.05
NEWEST_LINES = 500


class Member:
    """One of the crew: the place of a process, whichever process is in it."""

    def __init__(self, number: int, folder: Path, environment: Mapping[str, str], links: Mapping[str, Link]) -> None:
        self.number, self.links = number, links
        self.log = folder / f"conductor-{number}.log"
        self.clock = Clock(folder / f"clock-{number}")
        self.environment = {**environment, "CLOCK_FILE": str(self.clock.file)}
        self.process: Conductor | None = None
        self.was_killed = False
        self.starts_at = 0.0

    def start(self) -> Conductor:
        self.was_killed = False
        self.process = Conductor(COMMAND, self.environment)
        return self.process

    @property
    def has_begun(self) -> bool:
        return self.process is not None and self.said("Conducting")

    @property
    def conducting(self) -> Conductor | None:
        """Its process, where it has begun."""
        return self.process if self.has_begun else None

    def said(self, words: str) -> bool:
        return self.process is not None and any(words in line for line in self.process.lines)

    def kill(self) -> bool:
        """End it as a power cut would, whatever it is doing; it comes back in its time. Return whether it lived."""
        process = self.process  # The keeper may take it away.
        if process is None or process.process.poll() is not None:
            return False
        self.was_killed = True
        process.process.kill()
        return True

    def complained(self, *words: str) -> int:
        """Count the lines of its log that have any of these words."""
        process = self.process
        return 0 if process is None else sum(any(word in line for word in words) for line in list(process.lines))

    @property
    def read_up_to(self) -> int:
        """The block after the last one that it told of having read; 0 where it told of none."""
        process = self.process
        told = (
            []
            if process is None
            else [line for line in process.lines[-NEWEST_LINES:] if '"Logs read"' in line and line.endswith("}\n")]
        )
        return int(json.loads(told[-1])["end_block"]) if told else 0

    def stop(self) -> None:
        """Let it stand still, as where a machine is put to sleep. It knows nothing of it."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        process = self.process  # The keeper may take it away.
        if process is not None:
            process.process.send_signal(number)


class Crew:
    """All conductors of a world. In a `with` they are kept alive; at its end all are gone."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.findings: list[str] = []
        self.complaints: Counter[str] = Counter()
        self.started = self.not_started = 0
        self.troubled = threading.Event()
        """Set while something is wrong around them, so that a start may fail."""
        self._ending = threading.Event()
        self._lock = threading.RLock()
        self._keeper = threading.Thread(target=self._keep, name="crew", daemon=True)

    def __enter__(self) -> "Crew":
        with self._lock:
            for member in self.members:
                self._start(member)
        self._keeper.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ending.set()
        self._keeper.join()
        for member in self.members:
            if member.process is not None:
                member.process.close()
                self._hear(member)

    def wait_until_all_conduct(self, seconds: float = START_SECONDS) -> None:
        until = time.monotonic() + seconds
        while not all(member.has_begun for member in self.members):
            if time.monotonic() > until or self.findings:
                told = [member.process.tail() for member in self.members if member.process is not None]
                raise AssertionError(f"they don't all conduct: {self.findings}\n" + "\n---\n".join(told))
            time.sleep(LOOK_SECONDS)

    def wait_until_one_conducts(self, seconds: float) -> None:
        """While all of them start there is nobody whom a disturbance would meet; but not for long."""
        until = time.monotonic() + seconds
        while not any(member.has_begun for member in self.members) and time.monotonic() < until and not self.findings:
            time.sleep(LOOK_SECONDS)

    def dismiss(self) -> None:
        """Tell all to end, and hold them to it: each in its time, and with 0."""
        self._ending.set()
        self._keeper.join()
        running = [member for member in self.members if member.process is not None]
        for member in running:
            member.process.process.terminate()
        for member in running:
            try:
                if (code := member.process.wait(STOP_SECONDS)) != 0:
                    self.findings.append(f"conductor {member.number} ended with {code}:\n{member.process.tail()}")
            except subprocess.TimeoutExpired:
                self.findings.append(f"conductor {member.number} did not end when it was told to")

    # In the keeper's thread.

    def _keep(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            with self._lock:
                for member in self.members:
                    self._look_after(member)

    def _look_after(self, member: Member) -> None:
        if member.process is None:
            if time.monotonic() >= member.starts_at:
                self._start(member)
            return
        code = member.process.process.poll()
        if code is None:
            return
        member.process.wait()
        if not member.was_killed:
            if member.has_begun or not self.troubled.is_set():
                self.findings.append(f"conductor {member.number} ended by itself with {code}:\n{member.process.tail()}")
            self.not_started += not member.has_begun
        self._hear(member)
        member.process, member.starts_at = None, time.monotonic() + 0.5

    def _start(self, member: Member) -> None:
        member.start()
        self.started += 1

    def _hear(self, member: Member) -> None:
        if member.process is not None:
            self.complaints += member.process.complaints()
            with member.log.open("a") as log:
                log.writelines(member.process.lines)

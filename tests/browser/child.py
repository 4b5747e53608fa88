"""The child: an installation in a process of its own, and what is said to it."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

PROJECT = Path(__file__).resolve().parent.parent.parent
LONGEST_START_SECONDS = 150
LONGEST_ANSWER_SECONDS = 30


class NoAnswer(AssertionError):
    """The installation ended, or says nothing."""


@dataclass(frozen=True)
class Child:
    """A running installation: where its pages are, and who may see them."""

    url: str
    venue_url: str
    password: str
    process: "subprocess.Popen[str]"
    lines: "queue.Queue[str]"
    errors: Path

    def fill(self, symbol: str, side: str, shares: str) -> str:
        """Let our order on chain be taken, from our side. Return the transaction's hash."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"symbol": symbol, "side": side, "shares": shares}) + "\n")
        self.process.stdin.flush()
        return str(self._answer(LONGEST_ANSWER_SECONDS)["tx_hash"])

    def fault(self, **fault: object) -> None:
        """Let something go wrong at the broker; times=None: until it is mended."""
        self._at_the_broker("POST", "fault", fault)

    def mend(self) -> None:
        """Let nothing go wrong at the broker any more."""
        self._at_the_broker("DELETE", "fault")

    @contextmanager
    def broker_standing_still(self) -> Iterator[None]:
        """Let the broker take orders and fill none, for as long as the block lasts."""
        self._at_the_broker("POST", "clock", {"at": self._state()["time"]})
        try:
            yield
        finally:
            self._at_the_broker("POST", "clock", {"run": True})

    def orders_at_the_broker(self, symbol: str) -> list[dict[str, Any]]:
        """What the broker itself says that it was sent."""
        return [order for order in self._state()["orders"] if order["symbol"] == symbol]

    def _state(self) -> dict[str, Any]:
        return self._at_the_broker("GET", "state")

    def _at_the_broker(self, method: str, what: str, said: object = None) -> dict[str, Any]:
        answered = httpx2.request(method, f"{self.venue_url}/_venue/{what}", json=said, trust_env=False)
        told: dict[str, Any] = answered.raise_for_status().json()
        return told

    def _answer(self, seconds: float) -> dict[str, Any]:
        return answer(self.lines, self.errors, seconds)


@contextmanager
def running(folder: Path, *, seed: int) -> Iterator[Child]:
    """Start one, and end it with the block."""
    errors = folder / "installation.log"
    with errors.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.installation", "--seed", str(seed)],
            cwd=PROJECT,
            env=dict(os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        told = answer(lines, errors, LONGEST_START_SECONDS)
        yield Child(**told, process=process, lines=lines, errors=errors)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()
        process.stdout.close()


def answer(lines: "queue.Queue[str]", errors: Path, seconds: float) -> dict[str, Any]:
    try:
        line = lines.get(timeout=seconds)
    except queue.Empty:
        raise NoAnswer(f"the installation says nothing after {seconds} seconds: {errors.read_text()[-2000:]}") from None
    if not line:
        raise NoAnswer(f"the installation ended: {errors.read_text()[-4000:]}")
    told: dict[str, Any] = json.loads(line)
    return told


def _read(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")

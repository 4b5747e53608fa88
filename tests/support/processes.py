"""Processes of this machine: whether one lives, which of them a test has started, and what comes in time."""

import time
from collections.abc import Callable
from pathlib import Path

DEADLINE_SECONDS = 60


def is_living(pid: int) -> bool:
    """Tell whether there is such a process, dead ones that nobody has buried aside."""
    return _state(pid) not in ("", "Z")


def parent_of(pid: int) -> int:
    return int(_stat(pid)[1])


def marked(mark: str) -> list[int]:
    """List the living processes that have a text in their environment, which they hand on to each other."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # It has ended, or is somebody else's.
        if mark.encode() in environment:
            found.append(int(folder.name))
    return [pid for pid in found if is_living(pid)]


def eventually(holds: Callable[[], object], *, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)


def _state(pid: int) -> str:
    return (_stat(pid) or [""])[0]


def _stat(pid: int) -> list[str]:
    """What the kernel tells of a process after its name: its state, its parent, and more."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(") ")[2].split()

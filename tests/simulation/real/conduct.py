"""A conductor of another machine: `manage.py` with a clock of its own, which can be put forward and back as it runs.

python -m tests.simulation.real.conduct conduct …

The project's clock is `django.utils.timezone.now`. What it is off is eight bytes in the file that CLOCK_FILE names.
With LEASE_SECONDS the lease on the chain lasts so long instead of a quarter of a minute. WITHOUT names guarantees, with
commas between, that this process does not give: see `tests.simulation.real.without`.
"""

import mmap
import os
import struct
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.utils import timezone

SECONDS = struct.Struct("d")


class Off(NamedTuple):
    """What a clock was off, and from when until when."""

    seconds: float
    since: datetime
    until: datetime | None


class Clock:
    """What a process's clock is off, in a file that the process sees too."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._been: list[Off] = []
        self.set(0)

    def set(self, seconds: float) -> None:
        begins = datetime.now(UTC)
        # In place: the process has the file in its memory.
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(SECONDS.pack(seconds))
        ended = datetime.now(UTC)
        self._been = [*self._been[:-1], *(each._replace(until=ended) for each in self._been[-1:])]
        self._been.append(Off(seconds, begins, None))

    def really(self, told: datetime) -> list[datetime]:
        """When it can have been that this clock told a time: often once, and twice or never around a jump."""
        moments = [(told - timedelta(seconds=been.seconds), been) for been in self._been]
        return [
            moment for moment, been in moments if been.since <= moment and (been.until is None or moment <= been.until)
        ]


def off(file: Path, right: Callable[[], datetime]) -> Callable[[], datetime]:
    """The time, as a clock tells it that is off by what stands in the file."""
    with file.open("rb") as opened:
        seen = mmap.mmap(opened.fileno(), SECONDS.size, access=mmap.ACCESS_READ)

    def now() -> datetime:
        return right() + timedelta(seconds=SECONDS.unpack_from(seen)[0])

    return now


def main() -> None:
    # Before anything of the project is imported: some of it keeps the function itself.
    timezone.now = off(Path(os.environ["CLOCK_FILE"]), timezone.now)
    seconds, without = os.environ.get("LEASE_SECONDS"), os.environ.get("WITHOUT")
    if seconds or without:
        import django

        django.setup()
    if seconds:
        from trading.conductor import watcher

        watcher.LEASE = timedelta(seconds=float(seconds))
    if without:
        from tests.simulation.real.without import take_out

        take_out(without)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

"""Progress: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_SECONDS = 10.0


class ProgressBar:
    """Shows how much of a whole is done. The whole may grow."""

    def __init__(self, what: str, say: Callable[[str], object]) -> None:
        self._what, self._say = what, say
        self._said = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._what, total=None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, whole: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=whole)
        elif time.monotonic() - self._said >= LINE_EVERY_SECONDS:
            self._said = time.monotonic()
            self._say(f"{self._what}: {done} of {whole}")

    def steps_of(self, whole: int) -> Callable[[int], None]:
        """For whoever tells how much more is done, each time."""
        done = 0

        def tell(more: int) -> None:
            nonlocal done
            done += more
            self.update(done, whole)

        return tell

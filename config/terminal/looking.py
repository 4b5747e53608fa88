"""Looking: a command that shows sections once, or again and again, to a terminal, a pipe or a program."""

import os
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import IO, Any, cast

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.console import Console, Group
from rich.live import Live

from config.preflight import require_migrated
from config.stopping import told_to_stop
from config.terminal.asked import pause
from config.terminal.sections import Section, lines, table, write_columns

EVERY = timedelta(seconds=2)


class LookingCommand(BaseCommand):
    """Shows what `sections` finds. A reader that goes away, as `head` does, ends it without a word."""

    nothing = "nothing found"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stopping = threading.Event()
        self._no_color = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="an object a line, amounts as text")
        parser.add_argument(
            "--watch",
            type=pause,
            nargs="?",
            const=EVERY,
            metavar="SECONDS",
            help=f"look again and again, until Ctrl-C (default every {EVERY.seconds} seconds)",
        )

    def sections(self, options: dict[str, Any], *, now: datetime) -> Sequence[Section]:
        """What there is to show."""
        raise NotImplementedError

    def exit_code(self) -> int:
        """With what the command ends, after what it saw last."""
        return 0

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        self._no_color = bool(options["no_color"])
        try:
            self._look(options)
            self.stdout.flush()
        except BrokenPipeError:
            _forget_what_is_left()
            return
        if code := self.exit_code():
            sys.exit(code)

    def _look(self, options: dict[str, Any]) -> None:
        every: timedelta | None = options["watch"]
        if every is None:
            self._show(options)
            return
        with told_to_stop(self.stopping):
            if not options["json"] and self.stdout.isatty():
                self._live(options, every)
                return
            self._show(options)
            while not self.stopping.wait(every.total_seconds()):
                if not options["json"]:
                    self.stdout.write("")
                self._show(options)

    def _show(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        found = self.sections(options, now=now)
        if options["json"]:
            self.write_json(found, now=now)
        elif self.stdout.isatty():
            self._console().print(self._drawn(found, now))
        else:
            self._write(found, now)
        self.stdout.flush()

    def write_json(self, found: Sequence[Section], *, now: datetime) -> None:
        for section in found:
            for line in lines(section, now=now):
                self.stdout.write(line)

    def _write(self, found: Sequence[Section], now: datetime) -> None:
        filled = [section for section in found if section.rows]
        for place, section in enumerate(filled):
            if len(found) > 1:
                self.stdout.write(("\n" if place else "") + section.title)
            write_columns(self.stdout, section, now=now)
        if not filled:
            self.stdout.write(self.nothing)

    def _live(self, options: dict[str, Any], every: timedelta) -> None:
        with Live(console=self._console(), auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            while not self.stopping.is_set():
                now = timezone.now()
                drawn = self._drawn(self.sections(options, now=now), now)
                note = f"{now:%Y-%m-%d %H:%M:%S} UTC, again every {every.total_seconds():g} s, Ctrl-C ends it"
                live.update(Group(note, drawn), refresh=True)
                self.stopping.wait(every.total_seconds())

    def _drawn(self, found: Sequence[Section], now: datetime) -> Group:
        filled = [table(section, now=now) for section in found if section.rows]
        return Group(*filled) if filled else Group(self.nothing)

    def _console(self) -> Console:
        return Console(file=cast(IO[str], self.stdout._out), no_color=self._no_color or None)


def _forget_what_is_left() -> None:
    """Let what is not written yet go nowhere: its reader is gone, and the end of the process would try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

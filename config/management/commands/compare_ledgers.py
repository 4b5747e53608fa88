"""`manage.py compare_ledgers`: whether both memories say the same."""

import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.environment import LedgerSettings, ledger_settings
from config.listing import list_rows
from config.preflight import require_migrated
from config.stopping import told_to_stop
from trading.ledger import watching
from trading.ledger.compare import Difference, behind, compare
from trading.ledger.mode import Mode, mode_or_none

EVERY_SECONDS = 60.0


class Command(BaseCommand):
    help = "Hold legacy tables, views and replayed events against each other. Exit code 1 if they differ."

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stopping = threading.Event()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-dual",
            action="store_true",
            help="compare as in `dual`, whatever the mode: what a switch of the ledger asks for",
        )

        parser.add_argument(
            "--watch",
            type=seconds,
            nargs="?",
            const=EVERY_SECONDS,
            metavar="SECONDS",
            help="compare again and again, until stopped: a notice is opened at the first difference, and closed when "
            "all is alike (default every 60 seconds)",
        )

    def handle(self, *args: Any, as_dual: bool, watch: float | None, **options: Any) -> None:
        settings = ledger_settings()
        require_migrated()
        if watch is not None:
            self._watch(settings, watch)
            return
        mode = Mode.DUAL if as_dual else mode_or_none() or Mode(settings.mode)
        if mode is Mode.LEGACY:
            self.stdout.write("the ledger's mode is legacy: there are no events to compare with")
            return
        if (waiting := behind()).events:
            symbols = ", ".join(sorted(waiting.symbols)) or "no symbol"
            self.stdout.write(
                f"on the backlog: {waiting.events} events of {len(waiting.streams)} streams, compared as if they were "
                f"stored; the links of {symbols} are not compared until `manage.py drain_backlog`"
            )
        found = compare(mode, legacy_projection=settings.legacy_projection)
        if differences := list_rows(self.stdout, Difference._fields, found):
            self.stderr.write(
                f"expected no difference, found {differences}: one of the memories is wrong in each row; "
                "find out which before you go on, nothing was changed"
            )
            sys.exit(1)
        self.stdout.write("no difference")

    def _watch(self, settings: LedgerSettings, every: float) -> None:
        """Look until told to stop. Exit code 1 if the last look found a difference."""
        told: str | None = None
        with told_to_stop(self.stopping) as stopping:
            while True:
                looked = watching.look(
                    mode_or_none() or Mode(settings.mode),
                    legacy_projection=settings.legacy_projection,
                    now=timezone.now(),
                )
                if told != (told := str(looked)):
                    self.stdout.write(f"{timezone.now():%Y-%m-%d %H:%M:%S} {told}")
                if stopping.wait(every):
                    break
        if looked.differences:
            sys.exit(1)


def seconds(text: str) -> float:
    """Read a pause. Raises ValueError, which the parser tells."""
    pause = float(text)
    if not 0 < pause <= 86_400:
        raise ValueError(text)
    return pause

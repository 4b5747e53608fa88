"""`manage.py compare_ledgers`: whether both memories say the same."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.environment import ledger_settings
from config.preflight import require_migrated
from trading.ledger.compare import Difference, behind, compare
from trading.ledger.mode import Mode, mode_or_none


class Command(BaseCommand):
    help = "Hold legacy tables, views and replayed events against each other. Exit code 1 if they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-dual",
            action="store_true",
            help="compare as in `dual`, whatever the mode: what a switch of the ledger asks for",
        )

    def handle(self, *args: Any, as_dual: bool, **options: Any) -> None:
        settings = ledger_settings()
        require_migrated()
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
        differences = 0
        for difference in compare(mode, legacy_projection=settings.legacy_projection):
            if not differences:
                self._row(Difference("kind", "subject", "what", "legacy", "events"))
            self._row(difference)
            differences += 1
        if differences:
            self.stderr.write(
                f"expected no difference, found {differences}: one of the memories is wrong in each row; "
                "find out which before you go on, nothing was changed"
            )
            sys.exit(1)
        self.stdout.write("no difference")

    def _row(self, difference: Difference) -> None:
        self.stdout.write("\t".join("none" if cell is None else str(cell) for cell in difference))

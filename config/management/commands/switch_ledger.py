"""`manage.py switch_ledger`: where state is read from, and where it is written to."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.preflight import require_migrated
from trading.ledger.mode import Mode
from trading.ledger.switch import NotReady, switch_ledger


class Command(BaseCommand):
    help = "Change the ledger's mode. Stop every conductor first, and start it with the new LEDGER."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mode", choices=[mode.value for mode in Mode])

    def handle(self, *args: Any, mode: str, **options: Any) -> None:
        require_migrated()
        target = Mode(mode)
        try:
            before = switch_ledger(target)
        except NotReady as error:
            for obstacle in error.obstacles:
                self.stderr.write(f"in the way: {obstacle}")
            raise CommandError(f"the mode stays as it is; {len(error.obstacles)} things are in the way") from error
        if before is target:
            self.stdout.write(f"the mode is {target} already")
        else:
            self.stdout.write(
                f"the mode was {before or 'not set'}, and is {target} now: start conduct with LEDGER={target}"
            )

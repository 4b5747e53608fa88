"""`manage.py renew_installation`: a new mark for client order ids, after a restore."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.preflight import require_migrated
from trading.ledger.mode import Installation, renew_installation


class Command(BaseCommand):
    help = "Take a new mark for client order ids, after the database was restored from a backup."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do it; without, only say what it would do")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        require_migrated()
        before = Installation.objects.values_list("mark", flat=True).first()
        self.stdout.write(
            f"orders are named ht-{before}-…. After a restore, orders of the lost time may stand at the broker under "
            "numbers that would be given out again; a new mark keeps the new orders apart from them. "
            "Look at the broker's open orders besides."
        )
        if not yes:
            raise CommandError("nothing was changed: stop every conductor, then add --yes")
        self.stdout.write(f"orders are named ht-{renew_installation()}-… from now on")

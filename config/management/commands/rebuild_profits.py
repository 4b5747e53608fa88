"""`manage.py rebuild_profits`: what fills earned, computed again from all of them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.listing import list_rows
from config.preflight import require_migrated
from config.wiring import make_ledger
from trading.ledger.mode import WrongMode
from trading.pnl import fills
from trading.pnl.models import ExcludedFill, ProfitRow
from trading.pnl.profits import Difference, rebuild
from trading.values.symbols import NotASymbol, Symbol, symbol

MOST_LISTED = 100


class Command(BaseCommand):
    help = (
        "Compute from all fills what each earned, first in first out, and mend the rows that say otherwise. With "
        "--check nothing is changed; exit code 1 and a row for each difference. The conductor keeps them by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbols", nargs="*", metavar="SYMBOL")
        parser.add_argument("--check", action="store_true", help="tell what differs, and change nothing")

    def handle(self, *args: Any, symbols: list[str], check: bool, **options: Any) -> None:
        require_migrated()
        ledger = make_ledger()
        try:
            named = [symbol(text) for text in symbols]
        except NotASymbol as error:
            raise CommandError(str(error), returncode=2) from error
        found: list[Difference] = []
        try:
            for each in named or _symbols(fills.symbols(ledger.mode)):
                found += rebuild(ledger, each, now=timezone.now(), change=not check)
        except WrongMode as error:
            raise CommandError(str(error), returncode=2) from error
        list_rows(self.stdout, Difference._fields, found[:MOST_LISTED])
        if len(found) > MOST_LISTED:
            self.stdout.write(f"and {len(found) - MOST_LISTED} more")
        if check and found:
            raise CommandError(f"{len(found)} cells differ from what the fills say; run it without --check")
        self.stdout.write(f"{len(found)} cells were mended" if found else "the rows say what the fills say")


def _symbols(filled: list[Symbol]) -> list[Symbol]:
    """Those with fills, and those that have rows though no fill of them stands any more."""
    rows = set(ProfitRow.objects.values_list("symbol", flat=True).distinct())
    rows |= set(ExcludedFill.objects.values_list("symbol", flat=True).distinct())
    return sorted({*filled, *map(Symbol, rows)})

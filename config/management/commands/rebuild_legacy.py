"""`manage.py rebuild_legacy`: positions and links worked out again from fills and filled orders."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.environment import ledger_settings
from config.listing import list_rows
from config.preflight import require_migrated
from config.reasons import required
from config.wiring import make_ledger
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.book import Ledger
from trading.ledger.compare import Difference
from trading.ledger.mode import WrongMode
from trading.ledger.rebuilding import Change, FactsDiffer, NoLegacyTables, Rebuilding, rebuild
from trading.onchain_trade.aggregate import OnChainTradeError
from trading.position.aggregate import PositionError
from trading.values.symbols import NotASymbol, Symbol, symbol

log = structlog.get_logger(__name__)

MOST_LISTED = 100


class _TakenBack(Exception):
    """Only what it would do was asked for."""


class Command(BaseCommand):
    help = (
        "Work positions and links out again from fills and filled orders, and show what would change. With --apply all "
        "of it is changed in one commit, in both memories. The links of a named symbol are worked out whatever they "
        "are; else those that do not add up, or differ between the memories."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbols", nargs="*", metavar="SYMBOL")
        parser.add_argument("--apply", action="store_true", help="do it; without, nothing is changed")
        parser.add_argument("--reason", default="", help="with --apply: what was found; it is kept with the changes")

    def handle(self, *args: Any, symbols: list[str], apply: bool, reason: str, **options: Any) -> None:
        try:
            named = [symbol(text) for text in symbols]
        except NotASymbol as error:
            raise CommandError(str(error), returncode=2) from error
        why = required(reason) if apply else "none yet"
        settings = ledger_settings()
        require_migrated()
        if waiting := BackloggedEvent.objects.count():
            raise CommandError(f"expected an empty backlog, found {waiting} events: `manage.py drain_backlog` first")
        try:
            found = self._rebuild(make_ledger(settings), named, why, apply=apply)
        except FactsDiffer as error:
            list_rows(self.stderr, Difference._fields, error.differences[:MOST_LISTED])
            raise CommandError(f"{error}: nothing was done; find out which memory is right first") from error
        except (NoLegacyTables, PositionError, OnChainTradeError) as error:
            raise CommandError(f"nothing was done: {error}") from error
        except WrongMode as error:
            raise CommandError(str(error), returncode=2) from error
        if not list_rows(self.stdout, Change._fields, found.changes):
            self.stdout.write("nothing to change: fills, orders, positions and links agree")
        elif apply:
            log.info("Books rebuilt", changes=len(found.changes), commands=len(found.commands), reason=why)
            self.stdout.write(f"{len(found.changes)} cells were changed, by {len(found.commands)} commands")
        else:
            self.stdout.write(f"{len(found.changes)} cells would change; add --apply --reason … to change them")

    def _rebuild(self, ledger: Ledger, symbols: list[Symbol], reason: str, *, apply: bool) -> Rebuilding:
        found = Rebuilding([], [])
        try:
            with ledger.step(at=timezone.now(), actor="operator") as step:
                found = rebuild(step, ledger, symbols=symbols, reason=reason)
                if not apply:
                    raise _TakenBack
        except _TakenBack:
            pass
        return found

"""`manage.py set_threshold`: how much exposure a symbol may gather before it is hedged."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.reasons import required
from config.wiring import make_ledger
from trading.ledger.mode import WrongMode
from trading.position.aggregate import Position
from trading.position.commands import Initialize, UpdateThreshold
from trading.values.symbols import NotASymbol, symbol
from trading.values.thresholds import NotAThreshold, threshold

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Set the threshold of a symbol: '1 share', '2.5 shares' or '$100'."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("value", help="'1 share', '2.5 shares' or '$100'")
        parser.add_argument("--reason", required=True, help="why; it is kept with the change")

    def handle(self, *args: Any, value: str, reason: str, **options: Any) -> None:
        try:
            named, wanted = symbol(options["symbol"]), threshold(value)
        except (NotASymbol, NotAThreshold) as error:
            raise CommandError(str(error), returncode=2) from error
        why = required(reason)
        ledger = make_ledger()
        require_migrated()
        try:
            with ledger.step(at=timezone.now(), actor="operator") as step:
                step.load(symbols=[named])
                before = step.position(named).threshold
                with step.group(correlation=f"threshold:{named}", reason=why):
                    if before is None:
                        # The symbol is new: its first fill finds the threshold set.
                        step.handle(Position, named, Initialize(threshold=wanted))
                    else:
                        step.handle(Position, named, UpdateThreshold(threshold=wanted, reason=why))
        except WrongMode as error:
            raise CommandError(str(error), returncode=2) from error
        log.info("Threshold set", symbol=named, threshold=str(wanted), before=str(before), reason=why)
        was = "not followed yet" if before is None else f"{before} before"
        self.stdout.write(f"{named}: hedged at {wanted} from now on ({was})")

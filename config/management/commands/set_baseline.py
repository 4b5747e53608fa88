"""`manage.py set_baseline`: what the account holds of a symbol besides our orders."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.environment import broker_settings
from config.preflight import require_migrated
from config.reasons import required
from trading.conductor.reconciling.holding_checks import set_baseline
from trading.values.arithmetic import plain
from trading.values.quantities import NotANumber, shares
from trading.values.symbols import NotASymbol, symbol

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Say how many shares of a symbol the account holds that our orders did not buy (below zero: owes)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("shares", help="signed shares: 12.5, 0 or -3")
        parser.add_argument("--reason", required=True, help="how it is known; it is kept with the row")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        try:
            named, count = symbol(options["symbol"]), shares(options["shares"])
        except (NotASymbol, NotANumber) as error:
            raise CommandError(str(error), returncode=2) from error
        why = required(reason)
        broker = broker_settings().broker
        require_migrated()
        set_baseline(broker, named, count, actor="operator", reason=why, now=timezone.now())
        log.info("Baseline set", broker=broker, symbol=named, shares=plain(count), reason=why)
        self.stdout.write(f"{broker}: {plain(count)} {named} are held besides our orders")

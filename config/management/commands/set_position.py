"""`manage.py set_position`: what an operator knows the net position of a symbol to be."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.reasons import required
from config.wiring import make_ledger
from trading.ledger.mode import WrongMode
from trading.position.aggregate import PendingExecution, Position
from trading.position.commands import Initialize, SetPosition
from trading.values.arithmetic import plain
from trading.values.quantities import NotANumber, shares
from trading.values.symbols import NotASymbol, symbol

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Set the net position of a symbol, where fills and orders do not explain it: long above zero, short below."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("net", help="signed shares: 12.5, 0 or -3")
        parser.add_argument("--reason", required=True, help="how it is known; it is kept with the change")

    def handle(self, *args: Any, net: str, reason: str, **options: Any) -> None:
        try:
            named, target = symbol(options["symbol"]), shares(net)
        except (NotASymbol, NotANumber) as error:
            raise CommandError(str(error), returncode=2) from error
        why = required(reason)
        ledger = make_ledger()
        require_migrated()
        try:
            with ledger.step(at=timezone.now(), actor="operator") as step:
                step.load(symbols=[named])
                before = step.position(named)
                with step.group(correlation=f"set:{named}", reason=why):
                    if before.threshold is None:
                        step.handle(Position, named, Initialize(threshold=step.default_threshold))
                    step.handle(Position, named, SetPosition(target_net=target, reason=why))
        except PendingExecution as error:
            raise CommandError(f"nothing was changed: {error}, which may change the net. Wait for its end") from error
        except WrongMode as error:
            raise CommandError(str(error), returncode=2) from error
        log.info("Position set", symbol=named, net=plain(target), before=plain(before.net), reason=why)
        self.stdout.write(f"{named}: net {plain(target)} from now on ({plain(before.net)} before)")

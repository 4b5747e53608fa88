"""`manage.py resume`: lets a halted symbol be hedged again."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.reasons import required
from trading.conductor.work import resume
from trading.notices.models import close_notice
from trading.values.symbols import NotASymbol, symbol

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Let a symbol that waits or is halted be hedged again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("--reason", required=True, help="what was found and mended; it is logged")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        try:
            named = symbol(options["symbol"])
        except NotASymbol as error:
            raise CommandError(str(error), returncode=2) from error
        why = required(reason)
        require_migrated()
        waited = resume(named)
        close_notice("symbol_halted", named, at=timezone.now())
        log.info("Symbol resumed", symbol=named, reason=why, was_waiting=waited)
        self.stdout.write(f"{named} is hedged again" if waited else f"{named} was neither halted nor waiting")

"""`manage.py resume_symbol`: lets a halted symbol be hedged again."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.reasons import required
from config.verbs import who
from trading.conductor.verbs.clerk import resume_symbol
from trading.conductor.verbs.requests import RequestState, Verb, ask, finish
from trading.values.symbols import NotASymbol, symbol

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Let a symbol that waits or is halted be hedged again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("--reason", required=True, help="what was found and mended; it is kept")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        try:
            named = symbol(options["symbol"])
        except NotASymbol as error:
            raise CommandError(str(error), returncode=2) from error
        why = required(reason)
        require_migrated()
        now = timezone.now()
        # It concerns no order, so no broker is needed for it.
        request = ask(Verb.RESUME_SYMBOL, named, actor=who(), reason=why, now=now)
        outcome = resume_symbol(named, now)
        finish(request, RequestState.DONE, outcome, now=now)
        log.info("Symbol resumed", symbol=named, reason=why, outcome=outcome)
        self.stdout.write(outcome)

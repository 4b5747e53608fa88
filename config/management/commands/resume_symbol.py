"""`manage.py resume_symbol`: lets a halted symbol be hedged again."""

from argparse import ArgumentParser
from typing import Any

from config.verbs import SymbolCommand
from trading.conductor.verbs.requests import Verb


class Command(SymbolCommand):
    help = "Let a symbol that waits or is halted be hedged again."
    verb = Verb.RESUME_SYMBOL

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("--reason", required=True, help="what was found and mended; it is kept")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        self.do(options["symbol"], reason)

"""`manage.py set_position`: what an operator knows the net position of a symbol to be."""

from argparse import ArgumentParser
from typing import Any

from config.verbs import SymbolCommand
from trading.conductor.verbs.requests import Verb


class Command(SymbolCommand):
    help = "Set the net position of a symbol, where fills and orders do not explain it: long above zero, short below."
    verb = Verb.SET_POSITION

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("net", help="signed shares: 12.5, 0 or -3")
        parser.add_argument("--reason", required=True, help="how it is known; it is kept with the change")

    def handle(self, *args: Any, net: str, reason: str, **options: Any) -> None:
        self.do(options["symbol"], reason, net=net)

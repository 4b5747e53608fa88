"""`manage.py reconcile_order`: says which of the broker's orders an unknown one is."""

from argparse import ArgumentParser
from typing import Any

from config.verbs import VerbCommand
from trading.conductor.verbs.requests import Verb


class Command(VerbCommand):
    help = "Say which of the broker's orders an order of ours is, and book what the broker says of it."
    verb = Verb.RECONCILE_ORDER

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("order", type=int, help="our number of the order")
        parser.add_argument("--broker-order", required=True, metavar="ID", help="the broker's id of it")
        self.add_reason(parser)

    def handle(self, *args: Any, order: int, broker_order: str, reason: str, **options: Any) -> None:
        self.do(str(order), reason, broker_order_id=broker_order)

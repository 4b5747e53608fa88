"""`manage.py fail_order`: ends an order that the broker does not have."""

from argparse import ArgumentParser
from typing import Any

from config.verbs import VerbCommand
from trading.conductor.verbs.requests import Verb


class Command(VerbCommand):
    help = "End an order that the broker does not have; the broker is asked first."
    verb = Verb.FAIL_ORDER

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("order", type=int, help="our number of the order")
        parser.add_argument(
            "--none-of-them",
            action="store_true",
            help="you looked at the orders at the broker that look like it, and none is it",
        )
        self.add_reason(parser)

    def handle(self, *args: Any, order: int, none_of_them: bool, reason: str, **options: Any) -> None:
        self.do(str(order), reason, none_of_them="yes" if none_of_them else "no")

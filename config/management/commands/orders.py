"""`manage.py orders`: the newest hedge orders."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config.terminal.asked import add_filters, asked
from config.terminal.looking import LookingCommand
from config.terminal.orders import SIDES, STATES, orders
from config.terminal.sections import Section


class Command(LookingCommand):
    help = "Show the newest hedge orders."
    nothing = "no orders"

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_filters(parser, sides=SIDES, states=STATES)
        super().add_arguments(parser)

    def sections(self, options: dict[str, Any], *, now: datetime) -> Sequence[Section]:
        return [orders(asked(options))]

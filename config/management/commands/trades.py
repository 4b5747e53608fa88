"""`manage.py trades`: the newest trades of both venues."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config.terminal.asked import add_filters, asked
from config.terminal.looking import LookingCommand
from config.terminal.sections import Section
from config.terminal.trades import SIDES, STATES, trades


class Command(LookingCommand):
    help = "Show the newest trades of both venues."
    nothing = "no trades"

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_filters(parser, sides=SIDES, states=STATES)
        super().add_arguments(parser)

    def sections(self, options: dict[str, Any], *, now: datetime) -> Sequence[Section]:
        return [trades(asked(options))]

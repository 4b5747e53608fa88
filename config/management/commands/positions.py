"""`manage.py positions`: what each symbol stands at, what waits in it, and since when."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config.terminal.asked import add_filters, asked
from config.terminal.looking import LookingCommand
from config.terminal.positions import SIDES, STATES, positions
from config.terminal.sections import Section


class Command(LookingCommand):
    help = "Show what each symbol stands at, what waits in it, and since when."
    nothing = "no positions"

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_filters(parser, sides=SIDES, states=STATES)
        super().add_arguments(parser)

    def sections(self, options: dict[str, Any], *, now: datetime) -> Sequence[Section]:
        return [positions(asked(options))]

"""`manage.py decisions`: the newest decisions, and what became of each."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config.terminal.asked import add_filters, asked
from config.terminal.decisions import SIDES, STATES, decisions
from config.terminal.looking import LookingCommand
from config.terminal.sections import Section


class Command(LookingCommand):
    help = "Show the newest decisions, and what became of each."
    nothing = "no decisions"

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_filters(parser, sides=SIDES, states=STATES)
        parser.add_argument("--strategy", metavar="NAME", help="of this strategy alone")
        super().add_arguments(parser)

    def sections(self, options: dict[str, Any], *, now: datetime) -> Sequence[Section]:
        return [decisions(asked(options), strategy=options["strategy"])]

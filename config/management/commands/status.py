"""`manage.py status`: how the installation is doing, and whether anybody has to do something."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config.monitoring.pages import limits
from config.terminal.looking import LookingCommand
from config.terminal.sections import Section, objects
from config.terminal.standing import NEEDED, standing

NEEDS_AN_OPERATOR = 1


class Command(LookingCommand):
    help = (
        "Show whether fills are hedged, what is exposed, what is under way and what waits. Exit code 1 where something "
        "needs an operator."
    )

    needed = False

    def sections(self, options: dict[str, Any], *, now: datetime) -> Sequence[Section]:
        found = standing(limits(), now=now)
        self.needed = any(section.title == NEEDED and section.rows for section in found)
        return found

    def write_json(self, found: Sequence[Section], *, now: datetime) -> None:
        told = {section.title.lower().replace(" ", "_"): objects(section, now=now) for section in found}
        self.stdout.write(json.dumps(told))

    def exit_code(self) -> int:
        return NEEDS_AN_OPERATOR if self.needed else 0

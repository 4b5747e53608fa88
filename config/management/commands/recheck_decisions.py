"""`manage.py recheck_decisions`: asks the broker about orders of decisions now."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from audit_trail.decisions.cancelling import NoSuchDecision
from config.decisions import wired_decisions
from config.preflight import require_migrated


class Command(BaseCommand):
    help = (
        "Ask the broker about orders of decisions, ended or not, and book what it says; by default about all open ones."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("decisions", nargs="*", type=UUID, metavar="DECISION", help="a decision's id")

    def handle(self, *args: Any, decisions: list[UUID], **options: Any) -> None:
        with wired_decisions() as wired:
            require_migrated()
            try:
                told = wired.verbs.recheck(decisions)
            except NoSuchDecision as error:
                raise CommandError(str(error)) from error
        for line in told:
            self.stdout.write(line)
        if not told:
            self.stdout.write("no order of a decision is open")

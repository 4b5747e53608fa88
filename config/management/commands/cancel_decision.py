"""`manage.py cancel_decision`: takes a decision back, or cancels its order at the broker."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from audit_trail.decisions.cancelling import NoSuchDecision
from audit_trail.executions.verbs import Refused
from config.decisions import wired_decisions
from config.preflight import require_migrated
from config.reasons import required
from config.verbs import who


class Command(BaseCommand):
    help = (
        "Cancel a decision: before anything is sent, or its order at the broker. What was filled by then stays filled."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("decision", type=UUID, metavar="DECISION", help="the decision's id")
        parser.add_argument("--reason", required=True, help="why; it is kept with the decision")
        parser.add_argument(
            "--not-there",
            action="store_true",
            help="you have looked, and the broker does not have its order; it is asked once more",
        )

    def handle(self, *args: Any, decision: UUID, reason: str, not_there: bool, **options: Any) -> None:
        why = required(reason)
        with wired_decisions() as wired:
            require_migrated()
            try:
                told = wired.verbs.cancel(decision, actor=who(), reason=why, not_there=not_there)
            except (NoSuchDecision, Refused) as error:
                raise CommandError(str(error)) from error
        self.stdout.write(told)

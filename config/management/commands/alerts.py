"""`manage.py alerts`: what an operator must know now, and what of it nobody was told of."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand

from audit_trail.alerts.listing import list_alerts
from config.listing import list_rows
from config.preflight import require_migrated
from eventstore.hashing import moment

SHORT = 100


class Command(BaseCommand):
    help = "List what is open, and what waits to be told or could not be."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--check", action="store_true", help="exit code 1 where something critical is open, or was given up"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        found = list_alerts()
        if options["json"]:
            self.stdout.write(json.dumps(msgspec.to_builtins(found), indent=2))
        else:
            opened = (
                (one.severity, one.kind, one.subject, moment(one.opened_at), str(one.told_on), _short(one.text))
                for one in found.open
            )
            if not list_rows(self.stdout, ("severity", "kind", "subject", "since", "told on", "text"), opened):
                self.stdout.write("nothing is open")
            waiting = (
                (
                    *(str(one.delivery), one.channel, one.about, one.subject, one.state, str(one.attempts)),
                    _short(one.last_error or ""),
                )
                for one in found.undelivered
            )
            header = ("delivery", "channel", "about", "subject", "state", "attempts", "last error")
            if not list_rows(self.stdout, header, waiting):
                self.stdout.write("nothing waits to be told")
        if options["check"] and found.is_pressing:
            sys.exit(1)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHORT else f"{line[: SHORT - 1]}…"

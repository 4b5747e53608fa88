"""`manage.py projections`: where the projections stand that catch up with the log; pauses and resumes them."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from config.preflight import require_migrated
from eventstore.catching_up import NoSuchProjection, pause, resume
from eventstore.lag import Standing, standings

VERBS = {"pause": pause, "resume": resume}


class Command(BaseCommand):
    help = "List the projections that catch up with the log, or pause or resume one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", nargs="?", choices=sorted(VERBS), help="without it, all are listed")
        parser.add_argument("name", nargs="?", metavar="NAME", help="the projection that is paused or resumed")
        parser.add_argument("--json", action="store_true", help="list them as JSON")

    def handle(self, *args: Any, verb: str | None, name: str | None, **options: Any) -> None:
        if (verb is None) != (name is None):
            raise CommandError("expected the name of a projection: projections pause NAME", returncode=2)
        require_migrated()
        now = timezone.now()
        if verb is not None and name is not None:
            try:
                rows = VERBS[verb](name, now=now)
            except NoSuchProjection as error:
                raise CommandError(str(error), returncode=2) from error
            for row in rows:
                self.stdout.write(f"{row} is {row.status} at number {row.checkpoint}")
            return
        found = standings(now=now)
        if options["json"]:
            self.stdout.write(json.dumps([each._asdict() for each in found], default=str, indent=2))
        elif not found:
            self.stdout.write("no projection catches up with the log: all views are written with their events")
        else:
            self.stdout.write(_table(found))


def _table(found: list[Standing]) -> str:
    table = Table("projection", "version", "status", "checkpoint", "behind", "seconds behind", "events", "trouble")
    for each in found:
        table.add_row(
            each.name,
            str(each.version),
            each.status if each.registered else f"{each.status}, not registered",
            str(each.checkpoint),
            str(each.lag_events),
            str(each.lag_seconds),
            str(each.events_done),
            _trouble(each),
        )
    console = Console(width=160, highlight=False, markup=False)
    with console.capture() as text:
        console.print(table)
    return text.get()


def _trouble(each: Standing) -> str:
    if each.last_error is None:
        return ""
    again = "" if each.next_retry_at is None else f", again at {each.next_retry_at:%H:%M:%S}"
    return f"{each.last_error} ({each.attempts} times{again})"

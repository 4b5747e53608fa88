"""`manage.py ingest`: fetch public records, and keep each with the run that brought it."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit_trail.ingestion.batches import TooManyUnreadable
from audit_trail.ingestion.running import AlreadyRunning, RunEnded
from audit_trail.sources.outcomes import SourceError
from config.arguments import day, symbol_argument
from config.preflight import require_migrated
from config.sources import TASKS, fetch, told, window

UNDER_WAY = 3


class Command(BaseCommand):
    help = (
        "Fetch what was disclosed in some days and store it, all or nothing. Exit code 1 where the run failed, 3 where "
        "another process is at it. To fetch again what is there adds nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("task", choices=sorted(TASKS))
        parser.add_argument(
            "--since", type=day, metavar="DAY", help="the first day of disclosure (100 days back), or of bars (45)"
        )
        parser.add_argument("--until", type=day, metavar="DAY", help="the last day (today)")
        parser.add_argument("--ticker", type=symbol_argument, metavar="SYMBOL", help="only what is about this one")

    def handle(
        self, *args: Any, task: str, since: date | None, until: date | None, ticker: str | None, **options: Any
    ) -> None:
        require_migrated()
        try:
            asked = window(task, since=since, until=until, ticker=ticker)
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        try:
            run = fetch(task, asked)
        except AlreadyRunning as error:
            raise CommandError(str(error), returncode=UNDER_WAY) from error
        except (SourceError, TooManyUnreadable, RunEnded) as error:
            raise CommandError(f"{task}: {error}. Nothing of this run was stored") from error
        self.stdout.write(told(run))
        if run.found_nothing:
            self.stderr.write(f"{task}: the source told nothing of these days, which is rare: see whether it is so")

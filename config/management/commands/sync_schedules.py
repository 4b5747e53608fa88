"""`manage.py sync_schedules`: what runs beside the conductor, brought to django-q2's table or told to cron."""

import shlex
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.preflight import require_migrated
from config.schedules import SCHEDULES, sync_schedules


class Command(BaseCommand):
    help = "Make django-q2's table match the list of schedules; what an operator added stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        only = parser.add_mutually_exclusive_group()
        only.add_argument(
            "--print-crontab",
            action="store_true",
            help="print the lines by which cron runs the same instead of qcluster, and change nothing",
        )
        only.add_argument(
            "--check",
            action="store_true",
            help="tell what would be changed and change nothing; exit code 1 if anything",
        )

    def handle(self, *args: Any, print_crontab: bool, check: bool, **options: Any) -> None:
        if print_crontab:
            self._print_crontab()
            return
        require_migrated()
        told = sync_schedules(change=not check)
        for line in told:
            self.stdout.write(line)
        if not told:
            self.stdout.write(f"all {len(SCHEDULES)} schedules are as in the list")
        elif check:
            self.stderr.write("the table is not as the list says: `manage.py sync_schedules` makes each change above")
            sys.exit(1)

    def _print_crontab(self) -> None:
        there, python = (shlex.quote(str(path)) for path in (settings.BASE_DIR, sys.executable))
        self.stdout.write("# Times are UTC; a cron that does not know CRON_TZ takes them for its own zone's.")
        self.stdout.write("CRON_TZ=UTC")
        for scheduled in SCHEDULES:
            line = f"cd {there} && {python} manage.py run_schedule {scheduled.name}"
            self.stdout.write(f"{scheduled.crontab} {_escaped(line)}")


def _escaped(line: str) -> str:
    return line.replace("%", r"\%")  # To cron a bare one is the end of the line.

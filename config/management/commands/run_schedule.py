"""`manage.py run_schedule`: one entry of the list of schedules, run here and now, for cron."""

import faulthandler
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.preflight import require_migrated
from config.schedules import SCHEDULES

STANDARD_ERROR = 2
BY_NAME = {scheduled.name: scheduled for scheduled in SCHEDULES}


class Command(BaseCommand):
    help = "Run one entry of the list of schedules, as qcluster would, and print what came of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(BY_NAME), help="as `sync_schedules --print-crontab` shows them")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        require_migrated()
        # It ends as one of qcluster's would, so that it does not outlive its lease; what is committed stays.
        faulthandler.dump_traceback_later(settings.TASK_SECONDS, exit=True, file=STANDARD_ERROR)
        try:
            self.stdout.write(str(BY_NAME[name].run()))
        finally:
            faulthandler.cancel_dump_traceback_later()

"""`manage.py trade_day`: a whole day of decisions, in order."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.preflight import require_migrated
from config.trading_day import DayEnded, parts, standing, trade
from trading.brokers.outcomes import BrokerError

LONGEST = 3600


class Command(BaseCommand):
    help = (
        "Do a whole day in order: fetch public records, decide, sell, buy, and tell how the account stands. To do it "
        "again on the same day adds nothing. Exit code 1 where a decision failed or is blocked; where a part fails "
        "that the rest rests on, its exit code."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--skip-ingest", action="store_true", help="decide by what is there already")
        parser.add_argument("--plan", action="store_true", help="fetch, and only show what would be decided")
        parser.add_argument(
            "--follow", type=_seconds, default=60, metavar="SECONDS", help="wait so long for each side's orders (60)"
        )

    def handle(self, *args: Any, skip_ingest: bool, plan: bool, follow: int, **options: Any) -> None:
        require_migrated()
        day = parts(ingests=not skip_ingest, seconds=follow, plan_only=plan)
        try:
            code = trade(day, self.stdout, self.stderr)
        except DayEnded as ended:
            raise CommandError(str(ended), returncode=ended.code) from ended
        try:
            for line in standing():
                self.stdout.write(line)
        except BrokerError as error:
            raise CommandError(
                f"the day is done, and how the account stands could not be asked: {error}", returncode=code or 1
            ) from error
        if code:
            sys.exit(code)


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= LONGEST:
        raise ArgumentTypeError(f"expected 0 to {LONGEST} seconds, was {text[:40]!r}")
    return int(text)

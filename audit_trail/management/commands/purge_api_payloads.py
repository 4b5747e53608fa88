"""`manage.py purge_api_payloads`: takes out the bodies of old payloads."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from audit_trail.payloads.purging import KEPT, due, purge
from eventstore.hashing import moment

LONGEST_DAYS = 36_500


def age(text: str) -> timedelta:
    """Read a number of days, as 90d."""
    found = re.fullmatch(r"([0-9]{1,5})d", text)
    if found is None or not 1 <= int(found[1]) <= LONGEST_DAYS:
        raise ArgumentTypeError(f"expected a number of days from 1, as 90d, was {text[:20]!r}")
    return timedelta(days=int(found[1]))


class Command(BaseCommand):
    help = (
        "Take out the bodies of payloads that are older than some days. What was called, when and how it ended stays, "
        "with the headers, sizes and hashes. It can't be undone: a backup is the way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than", type=age, default=KEPT, metavar="DAYS", help=f"as 90d; {KEPT.days}d by default"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how much it would be")

    def handle(self, *args: Any, older_than: timedelta, dry_run: bool, **options: Any) -> None:
        now = timezone.now()
        before = now - older_than
        if dry_run:
            found = due(before=before)
            self.stdout.write(
                f"dry run: {found.payloads} bodies of {found.size_bytes} bytes from before {moment(before)} would be "
                "taken out; nothing was changed"
            )
        else:
            purged = purge(before=before, at=now)
            self.stdout.write(f"{purged} bodies from before {moment(before)} were taken out; all else of them stays")

"""`manage.py requeue_parked`: parked logs back in the queue, once what kept them is mended."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.reasons import required
from trading.conductor.by_hand import NotParked, requeue
from trading.values.identifiers import NotAnIdentifier, tx_hash

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Put parked logs back in the queue; the conductor's processor takes them from there, in chain order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hashes", nargs="*", metavar="HASH", help="transactions, 0x and 64 hex digits")
        parser.add_argument("--all", action="store_true", help="every log that is parked")
        parser.add_argument("--reason", required=True, help="what was found and mended; it is kept and logged")

    def handle(self, *args: Any, hashes: list[str], reason: str, **options: Any) -> None:
        if bool(hashes) is options["all"]:
            raise CommandError("expected transactions, or --all", returncode=2)
        try:
            transactions = None if options["all"] else [tx_hash(text) for text in hashes]
        except NotAnIdentifier as error:
            raise CommandError(str(error), returncode=2) from error
        why = required(reason)
        require_migrated()
        try:
            rows = requeue(transactions, reason=why, now=timezone.now())
        except NotParked as error:
            raise CommandError(str(error)) from error
        for row in rows:
            log.info("Parked log queued again", log=str(row), block=row.block_number, reason=why)
            self.stdout.write(f"log {row.log_index} of block {row.block_number} ({row.tx_hash}): queued again")
        self.stdout.write(f"{len(rows)} logs are queued again; conduct processes them" if rows else "no log is parked")

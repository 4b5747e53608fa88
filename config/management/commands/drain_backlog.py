"""`manage.py drain_backlog`: appends now what the event store did not take before."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.listing import list_rows
from config.preflight import require_migrated
from trading.ledger.backlog import BackloggedEvent, drain


class Command(BaseCommand):
    help = "Append the events on the backlog, however long they should still wait. Exit code 1 if any stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--list", action="store_true", help="show what waits, in its order, and append nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        if options["list"]:
            self._list()
            return
        drained = drain(now=timezone.now(), regardless=True)
        self.stdout.write(f"{drained.groups} groups of events were appended, {drained.left} events stay")
        if drained.left:
            for row in BackloggedEvent.objects.order_by("group", "id")[:20]:
                self.stderr.write(f"{row}: {row.last_error}")
            sys.exit(1)

    def _list(self) -> None:
        header = ("group", "id", "stream", "version", "type", "happened_at", "tries", "not_before", "error")
        rows = (
            (
                str(row.group),
                str(row.id),
                f"{row.aggregate_type}-{row.aggregate_id}",
                str(row.version),
                row.type,
                row.happened_at.isoformat(),
                str(row.tries),
                row.not_before.isoformat(),
                row.last_error,
            )
            for row in BackloggedEvent.objects.order_by("group", "id").iterator()
        )
        if not list_rows(self.stdout, header, rows):
            self.stdout.write("nothing waits")

"""`manage.py drain_backlog`: appends now what the event store did not take before."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.preflight import require_migrated
from trading.ledger.backlog import BackloggedEvent, drain


class Command(BaseCommand):
    help = "Append the events on the backlog, however long they should still wait. Exit code 1 if any stay."

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        drained = drain(now=timezone.now(), regardless=True)
        self.stdout.write(f"{drained.groups} groups of events were appended, {drained.left} events stay")
        if drained.left:
            for row in BackloggedEvent.objects.order_by("group", "id")[:20]:
                self.stderr.write(f"{row}: {row.last_error}")
            sys.exit(1)

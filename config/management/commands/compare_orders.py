"""`manage.py compare_orders`: whether executions and the legacy order log say the same."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from audit_trail.executions.comparing import compare
from config.preflight import require_migrated


class Command(BaseCommand):
    help = "Hold executions and the legacy table alpaca_orders against each other. Exit code 1 if they differ."

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        found = compare()
        if found.legacy_alone:
            self.stdout.write(
                f"{found.legacy_alone} orders were placed while USE_AUDIT_TRAIL was off, and have no other"
            )
        for line in found.differences:
            self.stdout.write(line)
        if found.differences:
            self.stderr.write(
                f"expected no difference, found {len(found.differences)} among {found.orders} orders: one of the two "
                "tables is wrong in each; nothing was changed"
            )
            sys.exit(1)
        self.stdout.write(f"{found.orders} orders, no difference")

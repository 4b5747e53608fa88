"""`manage.py check_invariants`: whether everything holds that must always hold."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.invariants import EVERY, Looked, check
from config.preflight import require_migrated
from config.terminal.asked import since as since_asked
from eventstore.integrity.findings import printable
from trading.invariants.violations import Violation

HEADER = ("invariant", "subject", "expected", "found", "look at")


class Command(BaseCommand):
    help = (
        "Look whether everything holds that must always hold, as of one moment, beside whoever writes. Exit code 1, a "
        "row for each violation; docs/invariants.md says what each means and what to do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "names", nargs="*", metavar="NAME", help="which ones, as docs/invariants.md has them; else all"
        )
        parser.add_argument(
            "--since",
            type=since_asked,
            metavar="TIME",
            help="only at what began then or later, or is open: 2h, 3d ago, or 2026-03-02T14:30Z",
        )
        parser.add_argument("--json", action="store_true", help="a JSON object a line, the last one the summary")

    def handle(self, *args: Any, names: list[str], since: datetime | None, json: bool, **options: Any) -> None:
        require_migrated()
        if unknown := [name for name in names if name not in EVERY]:
            raise CommandError(
                f"expected names of invariants, was {', '.join(unknown)}; there are {', '.join(EVERY)}", returncode=2
            )
        told: list[Looked] = []
        found = 0
        for each in check(names, now=timezone.now(), since=since):
            if isinstance(each, Violation):
                self._tell(each, heading=not found, as_json=json)
                found += 1
            else:
                told.append(each)
        self._sum_up(told, found, as_json=json)
        if found:
            sys.exit(1)

    def _tell(self, violation: Violation, *, heading: bool, as_json: bool) -> None:
        cells = asdict(violation)
        if as_json:
            self._json(cells)
            return
        if heading:
            self.stdout.write("\t".join(HEADER))
        self.stdout.write("\t".join(printable(cell) for cell in cells.values()))

    def _sum_up(self, told: list[Looked], found: int, *, as_json: bool) -> None:
        if as_json:
            for looked in told:
                self._json(looked._asdict())
            self._json({"invariants": len(told), "rows": sum(each.rows for each in told), "violations": found})
            return
        for looked in told:
            self.stdout.write(str(looked))
        if found:
            self.stderr.write(
                f"expected no violation of {len(told)} invariants, found {found}: nothing was changed; look where each "
                "row says, and in docs/invariants.md for what to do"
            )
        else:
            self.stdout.write(f"{len(told)} invariants, no violation")

    def _json(self, facts: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(facts))

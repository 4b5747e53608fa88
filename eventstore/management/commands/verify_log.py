"""`manage.py verify_log`: whether every event is as it was recorded and sealed."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from eventstore.integrity.findings import Finding
from eventstore.integrity.verifying import Verification
from eventstore.integrity.verifying_streams import NoSuchStream, StreamVerification


class Command(BaseCommand):
    help = (
        "Hold the log against its chains of hashes and its seals. Exit code 1, and a row for each event that was "
        "changed, is missing, was inserted or is out of order; what can't be seen is told in docs/integrity.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", type=int, default=1, metavar="NUMBER", dest="first", help="the first number")
        parser.add_argument("--to", type=int, metavar="NUMBER", dest="last", help="the last number (default: all)")
        parser.add_argument(
            "--stream",
            nargs=2,
            metavar=("TYPE", "ID"),
            help="look at one stream only, its events against the marks in their seals; the end of it may be gone",
        )
        parser.add_argument("--seals", type=Path, metavar="FOLDER", help="believe the seals that were exported there")
        parser.add_argument("--json", action="store_true", help="a JSON object a line, the last one the summary")

    def handle(
        self,
        *args: Any,
        first: int,
        last: int | None,
        stream: list[str] | None,
        seals: Path | None,
        json: bool,
        **options: Any,
    ) -> None:
        if seals is not None and not seals.is_dir():
            raise CommandError(f"expected a folder with exported seals, found none at {seals}", returncode=2)
        try:
            verification = (
                Verification(after=first - 1, up_to=last, exported=seals)
                if stream is None
                else StreamVerification(*stream, exported=seals)
            )
        except NoSuchStream as error:
            raise CommandError(
                f"{error}: look at the type and the id, which are written as in the admin's Events. Where it did have "
                "events, they are gone from the table: run verify_log without --stream",
                returncode=2,
            ) from error
        found = 0
        for finding in _shown(verification):
            self._tell(finding, heading=not found, as_json=json)
            found += 1
        self._sum_up(verification.counts(), found, as_json=json)
        if found:
            sys.exit(1)

    def _tell(self, finding: Finding, *, heading: bool, as_json: bool) -> None:
        if as_json:
            self._json(msgspec.structs.asdict(finding))
            return
        if heading:
            self.stdout.write("\t".join(Finding.__struct_fields__))
        self.stdout.write("\t".join(finding.cells()))

    def _sum_up(self, counts: dict[str, int], found: int, *, as_json: bool) -> None:
        if as_json:
            self._json({"findings": found, **counts})
            return
        told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
        if found:
            self.stderr.write(
                f"{told}. Expected every event as it was recorded, found {found} rows that are not: stop whoever "
                "writes, keep a copy of this database, and go back to a backup that verifies"
            )
        else:
            self.stdout.write(f"{told}: all is as it was recorded")

    def _json(self, facts: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(facts))


def _shown(verification: Verification | StreamVerification) -> Iterator[Finding]:
    """Pass on what is found, with a bar on a terminal."""
    console = Console(stderr=True)
    if isinstance(verification, StreamVerification) or not console.is_terminal:
        yield from verification.findings()
        return
    with Progress(console=console) as progress:
        task = progress.add_task("events", total=verification.up_to - verification.after)
        yield from verification.findings(
            come_to=lambda number: progress.update(task, completed=number - verification.after)
        )

"""`manage.py replay`: whether today's code can replay every stream that is stored."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.progress import ProgressBar
from eventstore.reading import last_number
from eventstore.replaying import Broken, Replay


class Command(BaseCommand):
    help = (
        "Run every stored stream through today's code, and say which would break. Exit code 1 if any would. Run it "
        "with the new version, before a deploy; nothing is written, so a connection that can only read will do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--aggregate-type", action="append", metavar="TYPE", help="may be given again; else all")
        parser.add_argument("--limit", type=int, metavar="N", help="replay N streams at most")
        parser.add_argument(
            "--json", action="store_true", help="a line of JSON a broken stream, and a last one of sums"
        )

    def handle(self, *args: Any, aggregate_type: list[str] | None, limit: int | None, **options: Any) -> None:
        as_json = options["json"]
        whole = last_number()
        broken = 0
        with ProgressBar("events", self.stderr.write) as bar:
            run = Replay(kinds=aggregate_type, limit=limit, progress=lambda events: bar.update(events, whole))
            for each in run.broken():
                broken += 1
                self.stdout.write(json.dumps(each._asdict()) if as_json else "\t".join(map(str, each)))
        self._sum_up(run, broken, as_json=as_json)
        if broken:
            sys.exit(1)

    def _sum_up(self, run: Replay, broken: int, *, as_json: bool) -> None:
        if as_json:
            sums = {
                "streams": run.streams,
                "events": run.events,
                "broken": broken,
                "snapshots": run.snapshots,
                "unreadable_snapshots": run.unreadable_snapshots,
            }
            self.stdout.write(json.dumps(sums))
            return
        self.stdout.write(
            f"{run.events} events of {run.streams} streams were replayed, {run.snapshots} snapshots compared"
        )
        if run.unreadable_snapshots:
            self.stdout.write(f"{run.unreadable_snapshots} snapshots can't be read: they are ignored, and taken anew")
        if broken:
            fields = ", ".join(Broken._fields)
            self.stderr.write(
                f"expected every stream to replay, found {broken} that break ({fields}): mend the code, or write "
                "the upcaster, before it is deployed"
            )

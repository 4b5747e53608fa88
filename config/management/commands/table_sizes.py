"""`manage.py table_sizes`: how large each table is, and how fast it grows."""

import json
from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.box import ROUNDED
from rich.console import Console
from rich.table import Table

from config.preflight import require_migrated
from eventstore.hashing import moment
from trading.growth.disk import database_folder, disk_of
from trading.growth.samples import TableGrowth, table_growth
from trading.growth.sizes import database_bytes

COLUMNS = ("table", "rows", "bytes", "rows a day", "bytes a day")


class Command(BaseCommand):
    help = "Show how large each table is and how much it grew a day, over the last week at most; the largest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        growth, total, disk = table_growth(now=timezone.now()), database_bytes(), disk_of(database_folder())
        since = next((one.since for one in growth if one.since is not None), None)
        measured = "not known yet: no sample is older than ten minutes" if since is None else f"since {moment(since)}"
        if options["json"]:
            told = {
                "tables": [one._asdict() | {"since": one.since and moment(one.since)} for one in growth],
                "database_bytes": total,
                "disk": disk._asdict(),
            }
            self.stdout.write(json.dumps(told, indent=2))
        elif self.stdout.isatty():
            Console(file=cast(IO[str], self.stdout._out)).print(_table(growth, f"Tables (growth {measured})"))
            self.stdout.write(f"the database takes {total:,} bytes; {disk.free_percent}% is free under {disk.folder}")
        else:
            self.stdout.write("\t".join(COLUMNS))
            for one in growth:
                self.stdout.write("\t".join("unknown" if cell is None else str(cell) for cell in one[:5]))
            self.stdout.write(f"growth {measured}")
            self.stdout.write(f"the database takes {total} bytes; {disk.free_percent}% is free under {disk.folder}")


def _table(growth: list[TableGrowth], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=ROUNDED)
    table.add_column(COLUMNS[0], style="bold")
    for name in COLUMNS[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for one in growth:
        table.add_row(one.table, *("" if cell is None else f"{cell:,}" for cell in one[1:5]))
    return table

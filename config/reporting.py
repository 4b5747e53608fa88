"""Reporting commands: a report for eyes, as JSON with every digit, or one of its lists as CSV."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit_trail.reports.periods import NotAPeriod, Period
from audit_trail.reports.telling import NoSuchTable, cell, csv_lines, plain_data, table_of
from config.listing import list_rows
from config.preflight import require_migrated
from trading.values.symbols import NotASymbol

MOST_ASKED = 100_000


class ReportCommand(BaseCommand, ABC):
    """A subclass says what is asked, and in which words it is told. Bad input ends with 2."""

    columns: ClassVar[Mapping[str, Sequence[str]]] = {}
    """The lists of the report, with the columns that are shown for eyes; none where the words tell of it."""

    shown: ClassVar[int] = 5
    """So many rows of each list are shown for eyes; all of them are in the JSON and the CSV."""

    @abstractmethod
    def ask(self, options: Mapping[str, Any], *, now: datetime) -> Any:
        """Make the report."""

    @abstractmethod
    def words(self, report: Any) -> list[str]:
        """Tell the report's sums, a line each."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--json", action="store_true", help="print one JSON object, numbers as text")
        if self.columns:
            tables = list(self.columns)
            how.add_argument("--csv", metavar="FILE", help="write a list to a file, or with - print it")
            parser.add_argument("--table", choices=tables, help=f"which list the CSV is of; {tables[0]} by default")

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        if options.get("table") is not None and options.get("csv") is None:
            raise CommandError("expected --table with --csv, was without it", returncode=2)
        try:
            report = self.ask(options, now=timezone.now())
        except (NotAPeriod, NotASymbol) as error:
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(plain_data(report)), indent=2).decode())
        elif options.get("csv") is not None:
            self._write_csv(report, options["csv"], options["table"])
        else:
            self._show(report)

    def _write_csv(self, report: Any, name: str, table: str | None) -> None:
        try:
            lines = csv_lines(table_of(report, table))
        except NoSuchTable as error:
            raise CommandError(str(error), returncode=2) from error
        if name == "-":
            for line in lines:
                self.stdout.write(line, ending="")
            return
        try:
            with open(name, "w", newline="", encoding="utf-8") as file:
                file.writelines(lines)
        except OSError as error:
            raise CommandError(f"{name} can't be written: {error.strerror}", returncode=2) from error

    def _show(self, report: Any) -> None:
        for line in self.words(report):
            self.stdout.write(line)
        for name, columns in self.columns.items():
            rows = getattr(report, name)
            if not rows or not columns:
                continue
            more = f", the first {self.shown} of {len(rows)}" if len(rows) > self.shown else ""
            self.stdout.write(f"\n{name.replace('_', ' ')}{more}")
            list_rows(
                self.stdout,
                columns,
                ([cell(getattr(row, column)) or "-" for column in columns] for row in rows[: self.shown]),
            )


def add_period(parser: ArgumentParser) -> None:
    """Let a command be asked about a period."""
    parser.add_argument(
        "--since", metavar="TIME", help="a day in New York, or a time as 2026-03-02T14:30Z; thirty days before --until"
    )
    parser.add_argument("--until", metavar="TIME", help="up to this time, or to the end of this day; now by default")


def add_limit(parser: ArgumentParser, *, usual: int) -> None:
    """Let a command be asked for more rows."""
    parser.add_argument(
        "--limit", type=int, default=usual, metavar="ROWS", help=f"the newest of each list, {usual} by default"
    )


def period_of(options: Mapping[str, Any], *, now: datetime) -> Period:
    return Period.asked(options["since"], options["until"], now=now)


def limit_of(options: Mapping[str, Any]) -> int:
    """Read how many rows are asked for."""
    limit: int = options["limit"]
    if not 1 <= limit <= MOST_ASKED:
        raise CommandError(f"expected --limit from 1 to {MOST_ASKED}, was {limit}", returncode=2)
    return limit


def period_told(since: datetime, until: datetime) -> str:
    return f"from {cell(since)} to {cell(until)}"

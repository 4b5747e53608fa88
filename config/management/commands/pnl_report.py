"""`manage.py pnl_report`: what each symbol earned, or each fill of one."""

import csv
import json
from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime

from config.listing import list_rows
from config.preflight import require_migrated
from trading.pnl.report import Standing, excluded_of, rows_of, standings
from trading.pnl.slippage import Slippage, slippages
from trading.values.arithmetic import plain
from trading.values.symbols import NotASymbol, Symbol, symbol

FILL = (
    "at",
    "venue",
    "trade_id",
    "symbol",
    "side",
    "shares",
    "price_usd",
    "realised_usd",
    "cumulative_usd",
    "net_shares_after",
)
EXCLUDED = ("at", "trade_type", "trade_id", "symbol", "side", "shares", "reason")


class Command(BaseCommand):
    help = (
        "Tell what each symbol earned, first in first out over both venues, and what closing the rest at the newest "
        "fill's price would earn. With --fills each fill; with --slippage what hedging each cost beside its own price; "
        "with --excluded the fills without a price, which are in no sum."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol", nargs="?", metavar="SYMBOL")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--fills", action="store_true")
        what.add_argument("--slippage", action="store_true")
        what.add_argument("--excluded", action="store_true")
        parser.add_argument(
            "--since", metavar="TIME", help="fills made, or hedges ended, then or later, as 2026-03-02T14:30Z"
        )
        parser.add_argument("--until", metavar="TIME", help="fills made, or hedges ended, before this time")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--json", action="store_true", help="an object a line, numbers as text")
        how.add_argument("--csv", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        try:
            of = None if options["symbol"] is None else symbol(options["symbol"])
        except NotASymbol as error:
            raise CommandError(str(error), returncode=2) from error
        since, until = _time(options["since"]), _time(options["until"])
        if options["slippage"]:
            found = slippages(symbol=of, since=since, until=until)
            self._write(Slippage._fields, ([_cell(value) for value in each] for each in found), options)
        elif options["fills"]:
            rows = rows_of(symbol=of, since=since, until=until)
            self._write(FILL, ([_cell(getattr(row, name)) for name in FILL] for row in rows.iterator()), options)
        elif options["excluded"]:
            excluded = excluded_of(symbol=of)
            self._write(EXCLUDED, ([_cell(getattr(row, n)) for n in EXCLUDED] for row in excluded.iterator()), options)
        else:
            self._write(Standing._fields, ([_cell(value) for value in each] for each in _asked(of)), options)

    def _write(self, header: tuple[str, ...], rows: Iterable[list[str | None]], options: dict[str, Any]) -> None:
        if options["json"]:
            for row in rows:
                self.stdout.write(json.dumps(dict(zip(header, row, strict=True))))
        elif options["csv"]:
            lines = csv.writer(self.stdout)
            lines.writerow(header)
            lines.writerows(rows)
        elif not list_rows(self.stdout, header, rows):
            self.stdout.write("no fills")


def _asked(of: Symbol | None) -> list[Standing]:
    return [each for each in standings() if of in (None, each.symbol)]


def _cell(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, datetime) else None if value is None else str(value)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(f"expected a time with its zone, as 2026-03-02T14:30Z, was {text[:80]!r}", returncode=2)
    return found

"""`manage.py why_not`: why a symbol was not traded."""

import json
from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit_trail.days.dropped import left_out, refused_days
from config.arguments import day, symbol_argument
from config.listing import list_rows
from config.preflight import require_migrated
from trading.market_hours.calendar import NEW_YORK
from trading.values.symbols import Symbol

DAYS = 7


class Command(BaseCommand):
    help = (
        "Tell why decisions did not trade a symbol: what each strategy, or the portfolio, left out on each day "
        "that was decided on, and on which days nothing was decided at all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol", type=symbol_argument)
        parser.add_argument("--since", type=day, metavar="DAY", help=f"the first trading day ({DAYS} days back)")
        parser.add_argument("--until", type=day, metavar="DAY", help="the last trading day (today)")

    def handle(self, *args: Any, symbol: Symbol, since: date | None, until: date | None, **options: Any) -> None:
        require_migrated()
        last = until or timezone.now().astimezone(NEW_YORK).date()
        first = since or last - timedelta(days=DAYS)
        if first > last:
            raise CommandError(f"expected --since by {last}, was {first}", returncode=2)
        for refused in refused_days(since=first, until=last):
            texts = "; ".join(one["text"] for one in json.loads(refused.refusals))
            self.stdout.write(f"{refused.as_of.isoformat()} {refused.strategy_name}: nothing was decided: {texts}")
        rows = (
            (one.as_of.isoformat(), one.strategy or one.asked, one.reason, str(one.record_count), one.text)
            for one in left_out(symbol, since=first, until=last)
        )
        if not list_rows(self.stdout, ("as of", "left out by", "reason", "records", "in words"), rows):
            self.stdout.write(f"nothing about {symbol} was left out on the trading days from {first} to {last}")

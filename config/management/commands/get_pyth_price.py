"""`manage.py get_pyth_price`: the oracle's price that a transaction saw."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.environment import hedge_settings
from config.wiring import make_node
from trading.chain.feeds import FEEDS
from trading.chain.node import NodeError
from trading.chain.pyth import NoPythPrice, pyth_price
from trading.values.arithmetic import plain
from trading.values.identifiers import NotAnIdentifier, tx_hash


class Command(BaseCommand):
    help = "Print the Pyth price of a known feed that a transaction asked for, from its trace."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hash", help="transaction hash, 0x and 64 hex digits")

    def handle(self, *args: Any, hash: str, **options: Any) -> None:
        settings = hedge_settings()
        by_feed = {feed: symbol for symbol, feeds in FEEDS.items() for feed in feeds}
        node = make_node(settings)
        try:
            found = pyth_price(node.trace(tx_hash(hash)), contract=settings.pyth, feeds=by_feed.keys())
        except (NotAnIdentifier, NoPythPrice, NodeError) as error:
            raise CommandError(f"no price: {error}") from error
        finally:
            node.close()
        self.stdout.write(f"symbol        {by_feed[found.feed_id]}")
        self.stdout.write(f"price         {plain(found.price)}")
        self.stdout.write(f"confidence    {plain(found.confidence)}")
        self.stdout.write(f"exponent      {found.exponent}")
        self.stdout.write(f"publish time  {datetime.fromtimestamp(found.publish_time, tz=UTC).isoformat()}")
        self.stdout.write(f"feed          {found.feed_id}")

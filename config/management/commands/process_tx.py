"""`manage.py process_tx`: one transaction, by the same road as the conductor's; repeating it changes nothing."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.wiring import Wired, wire
from trading.chain.fills import ChainFill, Filtered
from trading.chain.node import NodeError
from trading.conductor.by_hand import NoSuchTransaction, NothingOfOurs, preview, process_transaction
from trading.ledger.mode import WrongMode
from trading.values.arithmetic import plain
from trading.values.identifiers import NotAnIdentifier, tx_hash


class Command(BaseCommand):
    help = "Process the order book's logs of one transaction, parked ones included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hash", help="transaction hash, 0x and 64 hex digits")
        parser.add_argument("--dry-run", action="store_true", help="say what each log is, and store nothing")

    def handle(self, *args: Any, hash: str, dry_run: bool, **options: Any) -> None:
        try:
            transaction = tx_hash(hash)
        except NotAnIdentifier as error:
            raise CommandError(str(error), returncode=2) from error
        wired = wire()
        require_migrated()
        try:
            (self._preview if dry_run else self._process)(wired, transaction)
        except (NoSuchTransaction, NothingOfOurs, NodeError, WrongMode) as error:
            raise CommandError(str(error)) from error
        finally:
            wired.node.close()

    def _preview(self, wired: Wired, transaction: str) -> None:
        found = preview(wired.node, wired.processor, orderbook=wired.settings.orderbook, tx_hash=transaction)
        for row, what in found:
            match what:
                case ChainFill():
                    price = "unpriced" if what.price is None else f"at {plain(what.price)} USDC"
                    text = f"{what.side} {plain(what.shares)} {what.token_symbol} {price}"
                case Filtered(reason=reason):
                    text = f"filtered: {reason}"
                case _:
                    text = f"would be parked: {what}"
            self.stdout.write(f"log {row.log_index} of block {row.block_number}: {text}")

    def _process(self, wired: Wired, transaction: str) -> None:
        rows = process_transaction(
            wired.node,
            wired.processor,
            orderbook=wired.settings.orderbook,
            tx_hash=transaction,
            now=timezone.now(),
        )
        for row in rows:
            reason = f": {row.reason}" if row.reason else ""
            self.stdout.write(f"log {row.log_index} of block {row.block_number}: {row.outcome or 'waits'}{reason}")
        for position in wired.hedger.wanting():
            self.stdout.write(f"{position.symbol}: net {plain(position.net)}, a hedge is due; conduct places it")

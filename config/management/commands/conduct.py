"""`manage.py conduct`: the main job, for as long as it is let."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from config.collector import spare_the_collector
from config.documented import settings_hash
from config.preflight import require_migrated
from config.status import StatusLine
from config.stopping import told_to_stop
from config.wiring import Wired, wire
from trading.chain.node import NodeError
from trading.chain.scanner import cutoff_block
from trading.conductor.conductor import Conductor
from trading.conductor.inbox import unprocessed
from trading.conductor.outstanding import Outstanding, outstanding
from trading.ledger.mode import WrongMode, check_mode
from trading.offchain_order.aggregate import OPEN

log = structlog.get_logger(__name__)

NOT_DONE = 3
LOOK_EVERY_SECONDS = 0.2


class Command(BaseCommand):
    help = "Watch the order book, and hedge its owner's fills at the broker, until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help="stop when every log up to the chain's present head is done with, and every order has ended",
        )
        parser.add_argument(
            "--timeout",
            type=int,
            default=300,
            metavar="SECONDS",
            help="with --once: give up after so long, say what is left and exit with 3 (default 300)",
        )

        parser.add_argument("--plain", action="store_true", help="log lines on a terminal too, no live one")

    def handle(self, *args: Any, once: bool, timeout: int, plain: bool, **options: Any) -> None:
        wired = wire()
        require_migrated()
        try:
            check_mode(wired.ledger.mode)
        except WrongMode as error:
            raise CommandError(str(error), returncode=2) from error
        tell_what_is_there(wired)
        conductor = wired.conductor()
        spare_the_collector()
        left: Outstanding | None = None
        with told_to_stop(conductor.stopping):
            conductor.start()
            try:
                with StatusLine(wired, plain=plain) as status:
                    if once:
                        left = self._once(wired, conductor, status, timeout)
                    else:
                        self._on(conductor, status)
            finally:
                conductor.stop()
                wired.watcher.stop()
                wired.node.close()
        if conductor.fatal is not None:
            raise CommandError(str(conductor.fatal), returncode=2)
        if left is not None and (left.left or left.stuck):
            self._tell(left)
            sys.exit(NOT_DONE)

    def _on(self, conductor: Conductor, status: StatusLine) -> None:
        while not conductor.stopping.wait(1):
            with _database_may_be_away():
                status.update()

    def _once(self, wired: Wired, conductor: Conductor, status: StatusLine, timeout: int) -> Outstanding:
        deadline = time.monotonic() + timeout
        head: int | None = None
        left = Outstanding(["the chain's head is not known yet"], [])
        looks_without = 0
        while time.monotonic() < deadline and not conductor.stopping.wait(LOOK_EVERY_SECONDS):
            with _database_may_be_away():
                status.update()
                head = self._head(wired) if head is None else head
                if head is None:
                    continue
                left = self._left(wired, head)
                # Done, or nothing that is left will move by itself. A look takes several questions, and an order may
                # end between two of them: only the second look in a row is sure.
                looks_without = 0 if left.left else looks_without + 1
                if looks_without == 2:
                    break
        return left

    def _head(self, wired: Wired) -> int | None:
        cutoff = wired.settings.cutoff
        try:
            return cutoff_block(
                wired.node, cutoff.tag, cutoff.minus_seconds, from_block=wired.settings.deployment_block
            )
        except NodeError as error:
            log.warning("Head not known yet", error=str(error))
            return None

    def _left(self, wired: Wired, head: int) -> Outstanding:
        return outstanding(
            ledger=wired.ledger,
            hedger=wired.hedger,
            enricher=wired.enricher,
            orderbook=wired.settings.orderbook,
            head=head,
            now=timezone.now(),
        )

    def _tell(self, left: Outstanding) -> None:
        for line in left.left:
            self.stderr.write(f"not done: {line}")
        for line in left.stuck:
            self.stderr.write(f"can't get on: {line}")


def tell_what_is_there(wired: Wired) -> None:
    """Say at the start what an earlier process left."""
    orders = wired.ledger.memory().orders(OPEN)
    log.info(
        "Conducting",
        settings=settings_hash(),
        ledger=wired.ledger.mode,
        broker=wired.broker.name,
        orderbook=wired.settings.orderbook,
        owner=wired.settings.owner,
        logs_unprocessed=unprocessed(),
        orders_open=[f"{order.order_id} {order.side} {order.symbol} {order.state}" for order in orders],
    )


@contextmanager
def _database_may_be_away() -> Iterator[None]:
    """To look is no station's work: a database that does not answer just now ends nothing."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        log.warning("Database can't be asked", error=f"{type(error).__name__}: {error}")
        close_old_connections()

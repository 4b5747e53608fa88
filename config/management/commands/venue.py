"""`manage.py venue`: a broker, or a source of records, of one's own on this machine, for people to try things at."""

from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.stopping import told_to_stop
from config.venue_environment import environment_of
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.arguments import fault_plan, number, seconds
from config.venues.exchange import Exchange
from config.venues.faults import FaultPlan
from config.venues.hours import Door, Hours
from config.venues.quiver import QuiverVenue
from config.venues.schwab import SchwabVenue
from config.venues.venue import Venue

PORTS = {"alpaca": 18080, "schwab": 18081, "quiver": 18082}
_SERIES_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Command(BaseCommand):
    help = (
        "Run a venue that speaks the protocol of a broker, or of Quiver, on 127.0.0.1 until it is interrupted. "
        "It needs no database."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(PORTS))
        parser.add_argument("--port", type=int, help="alpaca 18080, schwab 18081, quiver 18082; 0 for any that is free")
        parser.add_argument("--fill-seconds", type=seconds, default=Decimal(2), metavar="SECONDS|never")
        parser.add_argument("--cash", type=number, default=Decimal(100_000), metavar="USD")
        parser.add_argument(
            "--faults", type=fault_plan, metavar="SEED:RATE", help="as in 7:0.1, a fault at a tenth of calls"
        )
        door = parser.add_mutually_exclusive_group()
        door.add_argument("--closed", action="store_const", dest="door", const=Door.CLOSED, help="the market is closed")
        door.add_argument(
            "--calendar", action="store_const", dest="door", const=Door.CALENDAR, help="the market keeps its hours"
        )

    def handle(
        self,
        *args: Any,
        name: str,
        port: int | None,
        fill_seconds: Decimal | None,
        cash: Decimal,
        faults: FaultPlan | None,
        door: Door | None,
        **options: Any,
    ) -> None:
        exchange = Exchange(
            fill_seconds=fill_seconds,
            hours=Hours(door or Door.OPEN),
            accounts=[Account(cash_usd=cash)],
        )
        # So that no order has the id of one of an earlier run, which a database may still know.
        series = int((datetime.now(UTC) - _SERIES_BEGIN).total_seconds())
        port = PORTS[name] if port is None else port
        venue: Venue
        if name == "quiver":
            venue = QuiverVenue(exchange, faults=faults, port=port)
        else:
            kind = AlpacaVenue if name == "alpaca" else SchwabVenue
            venue = kind(exchange, faults=faults, port=port, series=series)
        with told_to_stop() as stopping:
            try:
                venue.open()
            except OSError as error:
                raise CommandError(f"expected a port that is free, was {error}; choose one with --port") from error
            try:
                self._begin(venue)
                stopping.wait()
            finally:
                venue.close()
                self._end(venue)

    def _begin(self, venue: Venue) -> None:
        self.stdout.write(f"{venue.name} is at {venue.url}; its state is at {venue.url}/_venue/state\n\n")
        for variable, value in environment_of(venue).items():
            self.stdout.write(f"export {variable}={value}")
        if isinstance(venue, SchwabVenue):
            self.stdout.write(f"\nLog in at {venue.authorize_url()}")
        self.stdout.write("\nCtrl-C ends it. Nothing is kept.")
        self.stdout.flush()

    def _end(self, venue: Venue) -> None:
        calls = Counter(request.call for request in venue.requests)
        faults = Counter(request.fault for request in venue.requests if request.fault is not None)
        states = Counter(order.state for order in venue.exchange.orders)
        for title, counted in (("calls", calls), ("faults", faults), ("orders", states)):
            told = ", ".join(f"{what} {count}" for what, count in sorted(counted.items())) or "none"
            self.stdout.write(f"{title}: {told}")

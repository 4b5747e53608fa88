"""The broker's books: what it took and filled, told by the broker itself and not by what we wrote down of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from django.utils import timezone

from config.venues.requests import Request
from config.venues.venue import Venue
from trading.brokers.dry_run.models import DryRunOrder
from trading.brokers.dry_run.progress import progress
from trading.values.arithmetic import ZERO


class Taken(NamedTuple):
    """An order that the broker took."""

    broker_order_id: str
    client_order_id: str | None
    """Our id of it; None where the broker knows no ids of ours."""

    symbol: str
    side: str
    shares: Decimal
    filled_shares: Decimal


class BrokerBooks(Protocol):
    """What a broker knows of itself."""

    name: str

    def taken(self) -> list[Taken]:
        """List every order that it ever took, as it stands now."""

    def requests(self) -> Sequence[Request]:
        """List every call that it was asked over HTTP."""


class DryRunBooks:
    """The rows of the dry run, which is asked over no network."""

    name = "dry_run"

    def taken(self) -> list[Taken]:
        now = timezone.now()
        return [
            Taken(
                row.broker_order_id,
                row.client_order_id,
                row.symbol,
                row.side,
                row.shares,
                progress(row, now).filled_shares,
            )
            for row in DryRunOrder.objects.all()
        ]

    def requests(self) -> Sequence[Request]:
        return []


class VenueBooks:
    """A venue's own account of its orders."""

    def __init__(self, venue: Venue) -> None:
        self._venue, self.name = venue, venue.name

    def taken(self) -> list[Taken]:
        with self._venue.exchange.lock:
            self._venue.exchange.settle()
            return [
                Taken(
                    self._venue.name_of(order),
                    order.ask.client_id,
                    order.ask.symbol,
                    order.ask.side,
                    order.shares or ZERO,
                    order.filled,
                )
                for order in self._venue.exchange.orders
            ]

    def requests(self) -> Sequence[Request]:
        return list(self._venue.requests)


def books_of(venue: Venue | None) -> BrokerBooks:
    return DryRunBooks() if venue is None else VenueBooks(venue)

"""A played venue: what a contract asks of whoever plays the outside."""

import threading
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connections

from trading.brokers.orders import OrderReport, OrderRequest
from trading.brokers.port import Broker
from trading.values.identifiers import ClientOrderId
from trading.values.quantities import Usd, shares, usd
from trading.values.sides import Side
from trading.values.symbols import Symbol, symbol


class PlayedVenue:
    """A subclass plays the venue; every adapter that it makes is another one on the same venue, as after a restart.

    Behaviours of the venue: fill (half after a while, then all), partial (half, then cancelled), reject, unavailable
    (the first time an order is sent), timeout_after_accept (the order is taken, and no answer comes the first time).
    """

    # What a subclass gives.

    def make_broker(self, behaviour: str = "fill") -> Broker:
        raise NotImplementedError

    def now(self) -> datetime:
        """The time at the venue, and ours."""
        raise NotImplementedError

    def wait_until_half_filled(self) -> None:
        raise NotImplementedError

    def wait_until_done(self) -> None:
        raise NotImplementedError

    def orders_at_the_venue(self) -> int:
        """How many orders the venue ever took."""
        raise NotImplementedError

    price_usd = Decimal("187.3456")
    """What each symbol costs at the venue, as long as a test does not last."""

    def unlisted_symbol(self) -> Symbol | None:
        """A symbol that the venue does not list; None where it lists whatever it is asked for."""
        return None

    def request(self, name: str = "ht-test-1-1", **changes: object) -> OrderRequest:
        given = {
            "client_order_id": ClientOrderId(name),
            "symbol": symbol("AAPL"),
            "side": Side.SELL,
            "shares": shares(4),
            "created_at": self.now(),
        }
        return OrderRequest(**{**given, **changes})

    def whole_dollars(self, price: Decimal) -> Usd:
        return usd(price.quantize(Decimal(1)))

    def known_by_our_ids(self, broker: Broker) -> Broker:
        if not broker.capabilities.client_order_id:
            pytest.skip(f"{broker.name} does not know our ids")
        return broker


def at_once(calls: list[Callable[[], OrderReport]]) -> list[OrderReport | Exception]:
    """Make calls in threads that start together, and tell what each came to."""
    results: list[OrderReport | Exception] = []
    start = threading.Barrier(len(calls))

    def make(call: Callable[[], OrderReport]) -> None:
        try:
            start.wait(timeout=30)
            results.append(call())
        except Exception as error:  # noqa: BLE001 - whatever it is, the test prints it.
            results.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(results) == len(calls)
    return results

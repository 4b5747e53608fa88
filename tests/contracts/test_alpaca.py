"""Alpaca's adapter keeps the contract of brokers, at a venue that speaks Alpaca's protocol."""

from decimal import Decimal

import pytest

from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import cut_after, rate_limited, refuse
from config.venues.filling import Ending
from tests.contracts.broker_contract import BrokerContract
from tests.support.alpaca import Kept, SharedWire, make_alpaca
from tests.support.venues import NOON
from trading.brokers.port import Broker
from trading.values.symbols import Symbol, symbol

FILL_SECONDS = 2
SYMBOLS = ("AAPL", "TSLA", "MSFT", "BRK.B", "F", "GOOGL")
FAULTS = {
    "reject": (refuse(403, "submit"), None),
    # Of all that keeps an order from being sent, this is what Alpaca itself says.
    "unavailable": (rate_limited(call="submit"), 1),
    "timeout_after_accept": (cut_after("submit"), 1),
}


class TestAlpaca(BrokerContract):
    @pytest.fixture(autouse=True)
    def _venue(self):
        account = Account(cash_usd=Decimal("1e9"))
        # Fractions of a share are sold only from what is held.
        account.hold("AAPL", Decimal("1e9"), self.price_usd)
        self.exchange = Exchange(
            clock=NOON,
            fill_seconds=FILL_SECONDS,
            prices_usd=dict.fromkeys(SYMBOLS, self.price_usd),
            accounts=[account],
        )
        self.wire = SharedWire()
        self.played: set[str] = set()
        with AlpacaVenue(self.exchange) as self.venue:
            yield
            self.wire.end()

    def make_broker(self, behaviour: str = "fill") -> Broker:
        if behaviour == "partial":
            self.exchange.set_rule(FILL_SECONDS, Ending.CANCELLED)
        if behaviour in FAULTS and behaviour not in self.played:
            self.played.add(behaviour)
            fault, times = FAULTS[behaviour]
            self.venue.faults.add(fault, times=times)
        return make_alpaca(
            self.venue.url,
            Kept(),
            transport=self.wire,
            clock=self.now,
            data_url=self.venue.url,
            key=self.venue.key,
            secret=self.venue.secret,
            account=self.exchange.account().number,
        )

    def now(self):
        return self.exchange.clock.now()

    def wait_until_half_filled(self) -> None:
        self._wait(FILL_SECONDS // 2)

    def wait_until_done(self) -> None:
        self._wait(FILL_SECONDS)

    def orders_at_the_venue(self) -> int:
        return len(self.exchange.orders)

    def unlisted_symbol(self) -> Symbol | None:
        return symbol("ZZZZ")

    def _wait(self, seconds: int) -> None:
        self.exchange.set_time(lambda clock: clock.advance(seconds))

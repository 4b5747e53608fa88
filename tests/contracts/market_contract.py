"""What every broker tells of the account and the market."""

from datetime import date

import pytest

from tests.contracts.played_venue import PlayedVenue
from trading.brokers.outcomes import (
    NoSuchAsset,
)
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.symbols import symbol


class MarketContract(PlayedVenue):
    def test_what_was_filled_is_held(self):
        broker = self.make_broker()
        before = broker.holdings().of(symbol("MSFT")).net_shares
        broker.submit(self.request("ht-test-1-1", symbol=symbol("MSFT"), side=Side.BUY, shares=shares(7)))
        assert broker.holdings().of(symbol("MSFT")).net_shares == before
        self.wait_until_done()
        broker.submit(self.request("ht-test-2-1", symbol=symbol("MSFT"), side=Side.SELL, shares=shares(3)))
        self.wait_until_done()

        holdings = broker.holdings()

        assert holdings.of(symbol("MSFT")).net_shares == before + 4
        assert holdings.of(symbol("F")).net_shares == 0
        assert holdings.as_of <= self.now()

    def test_the_account_is_told(self):
        account = self.make_broker().account()

        assert account.number
        assert account.blocked is None
        assert account.buying_power_usd is None or account.buying_power_usd > 0
        assert account.as_of <= self.now()

    def test_a_quote_tells_a_price_and_its_time(self):
        quote = self.make_broker().quote(symbol("AAPL"))

        prices = [price for price in (quote.bid_usd, quote.ask_usd, quote.last_usd) if price is not None]
        assert prices
        assert all(abs(price - self.price_usd) < 1 for price in prices)
        assert quote.quoted_at.utcoffset() is not None

    def test_an_asset_tells_what_may_be_done_with_it(self):
        broker = self.make_broker()

        asset = broker.asset(symbol("AAPL"))

        assert asset.tradable
        assert asset.fractionable == bool(broker.capabilities.fractional_digits)

    def test_a_symbol_that_is_not_listed_has_no_quote_and_is_no_asset(self):
        broker, unlisted = self.make_broker(), self.unlisted_symbol()
        if unlisted is None:
            pytest.skip(f"{broker.name} lists every symbol")

        for question in (broker.quote, broker.asset):
            with pytest.raises(NoSuchAsset, match=unlisted):
                question(unlisted)

    def test_the_clock_tells_that_the_market_is_open(self):
        clock = self.make_broker().clock()

        assert clock.is_open
        assert clock.broker_time.utcoffset() is not None
        assert clock.as_of <= self.now()

    def test_sessions_are_told_in_order(self):
        # Thanksgiving week of 2025: five weekdays, one holiday, one half day.
        sessions = self.make_broker().sessions(first=date(2025, 11, 24), last=date(2025, 11, 28))

        assert [session.day for session in sessions] == sorted({session.day for session in sessions})
        assert all(date(2025, 11, 24) <= session.day <= date(2025, 11, 28) for session in sessions)
        assert all(session.opens_at < session.closes_at for session in sessions)

    def test_it_is_named_as_it_is_stored(self):
        assert self.make_broker().name in ("dry_run", "alpaca", "schwab")

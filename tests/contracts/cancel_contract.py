"""Cancels, limits, orders for dollars and lists of orders, the same at every broker."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.contracts.played_venue import PlayedVenue
from trading.brokers.orders import OrderStatus, same_order
from trading.brokers.outcomes import (
    NoSuchOrder,
    NotCancellable,
    NotOffered,
    UnusableReport,
)
from trading.values.identifiers import BrokerOrderId
from trading.values.quantities import usd
from trading.values.sides import Side


class CancelContract(PlayedVenue):
    # Cancelling.

    def test_a_cancelled_order_ends_with_nothing_filled(self):
        broker = self.make_broker()
        order = broker.submit(self.request())

        broker.cancel(order.broker_order_id)
        report = broker.report(order.broker_order_id)

        assert (report.status, report.filled_shares) == (OrderStatus.CANCELLED, 0)
        assert broker.open_orders() == []
        self.wait_until_done()
        assert broker.report(order.broker_order_id) == report

    def test_an_order_that_is_cancelled_half_way_keeps_what_was_filled(self):
        broker = self.make_broker()
        order = broker.submit(self.request())
        self.wait_until_half_filled()

        broker.cancel(order.broker_order_id)
        self.wait_until_done()
        report = broker.report(order.broker_order_id)

        assert (report.status, report.filled_shares) == (OrderStatus.CANCELLED, 2)
        assert report.average_price_usd is not None

    def test_an_order_that_has_ended_can_not_be_cancelled(self):
        broker = self.make_broker()
        order = broker.submit(self.request())
        self.wait_until_done()

        with pytest.raises(NotCancellable, match=order.broker_order_id):
            broker.cancel(order.broker_order_id)

        assert broker.report(order.broker_order_id).status is OrderStatus.FILLED

    def test_an_order_that_is_not_there_can_not_be_cancelled(self):
        broker = self.make_broker()

        with pytest.raises(NoSuchOrder):
            broker.cancel(BrokerOrderId("61e69015-8549-4bfd-b9c3-01e75843f47d"))

    # Limits, and orders for dollars.

    @pytest.mark.parametrize(("side", "farther"), [(Side.BUY, 1), (Side.SELL, -1)])
    def test_an_order_whose_limit_is_met_is_filled(self, side, farther):
        broker = self.make_broker()
        limit = self.whole_dollars(self.price_usd + farther * 10)

        order = broker.submit(self.request(side=side, limit_price_usd=limit))
        self.wait_until_done()
        report = broker.report(order.broker_order_id)

        assert order.limit_price_usd == limit
        assert report.status is OrderStatus.FILLED
        assert (limit - report.average_price_usd) * farther >= 0

    @pytest.mark.parametrize(("side", "nearer"), [(Side.BUY, -1), (Side.SELL, 1)])
    def test_an_order_whose_limit_is_not_met_rests_until_it_is_cancelled(self, side, nearer):
        broker = self.make_broker()
        order = broker.submit(self.request(side=side, limit_price_usd=self.whole_dollars(self.price_usd + nearer * 10)))

        self.wait_until_done()
        assert broker.report(order.broker_order_id).status is OrderStatus.ACCEPTED
        broker.cancel(order.broker_order_id)

        assert broker.report(order.broker_order_id).status is OrderStatus.CANCELLED

    def test_another_limit_under_the_same_id_is_another_order(self):
        broker = self.known_by_our_ids(self.make_broker())
        low, lower = self.whole_dollars(self.price_usd - 10), self.whole_dollars(self.price_usd - 20)
        broker.submit(self.request(side=Side.BUY, limit_price_usd=low))

        with pytest.raises(UnusableReport, match="limit"):
            broker.submit(self.request(side=Side.BUY, limit_price_usd=lower))

    def test_an_order_for_dollars_is_filled_with_shares_or_not_offered(self):
        broker = self.make_broker()
        request = self.request(side=Side.BUY, shares=None, notional_usd=usd("100.50"))
        if not broker.capabilities.notional:
            with pytest.raises(NotOffered):
                broker.submit(request)
            assert self.orders_at_the_venue() == 0
            return

        order = broker.submit(request)
        self.wait_until_done()
        report = broker.report(order.broker_order_id)

        assert (order.requested_shares, order.requested_notional_usd) == (None, Decimal("100.5"))
        assert same_order(request, report) is None
        assert report.status is OrderStatus.FILLED
        assert Decimal("100.49") < report.filled_shares * report.average_price_usd <= Decimal("100.5")

    # What was ordered in a span of time.

    def test_orders_of_a_span_are_listed_ended_ones_too(self):
        broker = self.make_broker()
        began = self.now()
        done = broker.submit(self.request("ht-test-1-1"))
        self.wait_until_done()
        cancelled = broker.submit(self.request("ht-test-2-1"))
        broker.cancel(cancelled.broker_order_id)
        self.wait_until_half_filled()
        still_open = broker.submit(self.request("ht-test-3-1"))

        listed = broker.orders(since=began - timedelta(minutes=1), until=self.now() + timedelta(minutes=1))

        assert [(report.broker_order_id, report.status) for report in listed] == [
            (done.broker_order_id, OrderStatus.FILLED),
            (cancelled.broker_order_id, OrderStatus.CANCELLED),
            (still_open.broker_order_id, OrderStatus.ACCEPTED),
        ]

    def test_orders_of_another_span_are_not_listed(self):
        broker = self.make_broker()
        broker.submit(self.request())
        now = self.now()

        assert broker.orders(since=now - timedelta(hours=2), until=now - timedelta(hours=1)) == []

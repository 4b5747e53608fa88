"""An order's way at every broker: found, filled, refused, and never doubled."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.contracts.played_venue import PlayedVenue, at_once
from trading.brokers.orders import OrderReport, OrderStatus, same_order
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NoSuchOrder,
    OrderRejected,
    OutcomeUnknown,
    UnusableReport,
)
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.symbols import symbol


class OrderContract(PlayedVenue):
    def test_an_order_is_found_under_our_id_and_under_theirs(self):
        broker, request = self.known_by_our_ids(self.make_broker()), self.request()

        submitted = broker.submit(request)

        assert broker.find(request.client_order_id) == submitted
        assert broker.report(submitted.broker_order_id) == submitted
        assert broker.open_orders() == [submitted]

    def test_what_was_asked_for_is_what_is_reported(self):
        request = self.request(symbol=symbol("TSLA"), side=Side.BUY, shares=shares(7))

        report = self.make_broker().submit(request)

        assert same_order(request, report) is None
        assert (report.symbol, report.side, report.requested_shares) == ("TSLA", Side.BUY, 7)
        assert (report.status, report.filled_shares, report.average_price_usd) == (OrderStatus.ACCEPTED, 0, None)
        assert report.reason is None

    def test_an_order_is_accepted_then_half_filled_then_filled(self):
        broker = self.make_broker()
        reports = [broker.submit(self.request())]

        self.wait_until_half_filled()
        reports.append(broker.report(reports[0].broker_order_id))
        self.wait_until_done()
        reports.append(broker.report(reports[0].broker_order_id))

        assert [(report.status, report.filled_shares) for report in reports] == [
            (OrderStatus.ACCEPTED, 0),
            (OrderStatus.PARTIALLY_FILLED, 2),
            (OrderStatus.FILLED, 4),
        ]
        assert reports[1].average_price_usd is not None
        assert reports[2].average_price_usd is not None
        assert broker.open_orders() == []

    def test_what_is_filled_is_counted_in_all_and_never_falls(self):
        broker = self.make_broker()
        order = broker.submit(self.request(shares=shares(5)))

        filled = [order.filled_shares]
        for wait in (self.wait_until_half_filled, lambda: None, self.wait_until_done, lambda: None):
            wait()
            filled.append(broker.report(order.broker_order_id).filled_shares)

        assert filled == sorted(filled)
        assert filled[-1] == 5

    def test_times_are_the_brokers(self):
        broker = self.make_broker()
        before = self.now()
        submitted = broker.submit(self.request())

        self.wait_until_done()
        done = broker.report(submitted.broker_order_id)
        asked_again = broker.report(submitted.broker_order_id)

        assert before <= submitted.submitted_at <= before + timedelta(seconds=60)
        assert done.submitted_at == submitted.submitted_at
        assert submitted.updated_at < done.updated_at <= self.now()
        assert asked_again == done
        assert done.submitted_at.utcoffset() is not None

    def test_a_partial_fill_that_is_cancelled_keeps_what_was_filled(self):
        broker = self.make_broker("partial")
        order = broker.submit(self.request(shares=shares(5)))

        self.wait_until_done()
        report = broker.report(order.broker_order_id)

        assert report.status is OrderStatus.CANCELLED
        assert report.status.is_end
        assert (report.requested_shares, report.filled_shares) == (5, 2)
        assert report.average_price_usd is not None
        assert report.reason
        assert broker.open_orders() == []

    def test_open_orders_are_listed_with_the_oldest_first(self):
        broker = self.make_broker()
        names = ["ht-test-9-1", "ht-test-10-1", "ht-test-2-1"]
        reports = [broker.submit(self.request(name)) for name in names]

        assert [report.broker_order_id for report in broker.open_orders()] == [
            report.broker_order_id for report in reports
        ]

    # One id, one order.

    def test_the_same_order_again_is_the_same_order(self):
        broker, request = self.known_by_our_ids(self.make_broker()), self.request()

        first, second = broker.submit(request), broker.submit(request)

        assert second == first
        assert self.orders_at_the_venue() == 1

    def test_the_same_order_long_after_is_told_how_it_went(self):
        broker, request = self.known_by_our_ids(self.make_broker()), self.request()
        broker.submit(request)
        self.wait_until_done()

        again = broker.submit(request)

        assert (again.status, again.filled_shares) == (OrderStatus.FILLED, 4)
        assert self.orders_at_the_venue() == 1

    @pytest.mark.parametrize(
        "changes",
        [{"shares": shares(5)}, {"side": Side.BUY}, {"symbol": symbol("MSFT")}],
        ids=["shares", "side", "symbol"],
    )
    def test_another_order_under_the_same_id_is_neither_taken_nor_held_to_be_refused(self, changes):
        """The order of this id is there, and may fill: that it was rejected would free its shares for another one."""
        broker = self.known_by_our_ids(self.make_broker())
        first = broker.submit(self.request())

        with pytest.raises(UnusableReport, match="ht-test-1-1"):
            broker.submit(self.request(**changes))

        assert broker.open_orders() == [first]
        assert self.orders_at_the_venue() == 1

    def test_an_order_that_is_submitted_by_many_at_once_is_one_order(self):
        self.known_by_our_ids(self.make_broker())
        request = self.request()

        reports = at_once([lambda: self.make_broker().submit(request)] * 6)

        assert all(isinstance(report, OrderReport) for report in reports), reports
        assert len({report.broker_order_id for report in reports}) == 1
        assert self.orders_at_the_venue() == 1

    def test_many_orders_at_once_are_all_taken(self):
        requests = [self.request(f"ht-test-{number}-1") for number in range(1, 9)]

        reports = at_once([lambda request=request: self.make_broker().submit(request) for request in requests])

        assert all(isinstance(report, OrderReport) for report in reports), reports
        assert len({report.broker_order_id for report in reports}) == 8
        assert self.orders_at_the_venue() == 8

    # Who asks for nothing finds nothing.

    def test_an_id_of_ours_that_was_never_sent_is_not_found(self):
        broker = self.known_by_our_ids(self.make_broker())
        broker.submit(self.request())

        assert broker.find(ClientOrderId("ht-test-1-2")) is None
        assert broker.find(ClientOrderId("ht-test-1")) is None

    def test_an_id_that_is_not_theirs_is_no_order(self):
        broker = self.make_broker()
        broker.submit(self.request())

        for stranger in (BrokerOrderId("DRY-999999"), BrokerOrderId("61e69015-8549-4bfd-b9c3-01e75843f47d")):
            with pytest.raises(NoSuchOrder, match=stranger):
                broker.report(stranger)

    # What goes wrong.

    def test_a_rejected_order_leaves_nothing(self):
        broker = self.known_by_our_ids(self.make_broker("reject"))

        with pytest.raises(OrderRejected, match="ht-test-1-1"):
            broker.submit(self.request())

        assert broker.find(ClientOrderId("ht-test-1-1")) is None
        assert broker.open_orders() == []
        assert self.orders_at_the_venue() == 0

    def test_a_broker_that_is_not_there_takes_nothing_and_the_order_may_be_sent_again(self):
        broker, request = self.make_broker("unavailable"), self.request()

        with pytest.raises(BrokerUnavailable):
            broker.submit(request)
        assert self.orders_at_the_venue() == 0
        report = broker.submit(request)

        assert report.status is OrderStatus.ACCEPTED
        assert self.orders_at_the_venue() == 1

    def test_an_order_without_an_answer_is_there_when_it_is_asked_for(self):
        broker, request = self.known_by_our_ids(self.make_broker("timeout_after_accept")), self.request()

        with pytest.raises(OutcomeUnknown):
            broker.submit(request)
        found = broker.find(request.client_order_id)

        assert found is not None
        assert same_order(request, found) is None
        assert self.orders_at_the_venue() == 1

    def test_an_order_without_an_answer_that_is_sent_again_is_no_second_order(self):
        broker, request = self.known_by_our_ids(self.make_broker("timeout_after_accept")), self.request()

        with pytest.raises(OutcomeUnknown):
            broker.submit(request)
        again = broker.submit(request)

        assert again == broker.find(request.client_order_id)
        assert self.orders_at_the_venue() == 1

    # After a restart.

    def test_orders_outlive_the_process(self):
        submitted = self.make_broker().submit(self.request())
        self.wait_until_half_filled()

        restarted = self.make_broker()

        assert restarted.report(submitted.broker_order_id).filled_shares == 2
        assert [report.broker_order_id for report in restarted.open_orders()] == [submitted.broker_order_id]

    def test_who_died_before_the_answer_finds_the_order_after_a_restart(self):
        request = self.request()
        with pytest.raises(OutcomeUnknown):
            self.known_by_our_ids(self.make_broker("timeout_after_accept")).submit(request)

        found = self.make_broker("timeout_after_accept").find(request.client_order_id)

        assert found is not None
        assert same_order(request, found) is None

    def test_who_died_while_the_broker_was_not_there_submits_after_a_restart(self):
        request = self.request()
        with pytest.raises(BrokerUnavailable):
            self.make_broker("unavailable").submit(request)

        self.make_broker("unavailable").submit(request)

        assert self.orders_at_the_venue() == 1

    # Symbols and quantities.

    @pytest.mark.parametrize("name", ["BRK.B", "F", "GOOGL"])
    def test_a_symbol_comes_back_as_it_was_sent(self, name):
        request = self.request(symbol=symbol(name))

        report = self.make_broker().submit(request)

        assert report.symbol == name
        assert same_order(request, self.make_broker().report(report.broker_order_id)) is None

    def test_a_fraction_of_a_share_is_exact(self):
        broker = self.make_broker()
        digits = broker.capabilities.fractional_digits
        if not digits:
            pytest.skip(f"{broker.name} takes whole shares only")
        wanted = shares(Decimal("1234567") + Decimal(3).scaleb(-digits))

        order = broker.submit(self.request(shares=wanted))
        self.wait_until_half_filled()
        half = broker.report(order.broker_order_id)
        self.wait_until_done()
        done = broker.report(order.broker_order_id)

        assert order.requested_shares == wanted
        assert 0 < half.filled_shares < wanted
        assert done.filled_shares == wanted

    def test_a_quantity_finer_than_the_broker_takes_is_refused_and_never_cut(self):
        broker = self.make_broker()
        digits = broker.capabilities.fractional_digits or 0

        with pytest.raises(OrderRejected, match="ht-test-1-1"):
            broker.submit(self.request(shares=shares(Decimal(1) + Decimal(1).scaleb(-digits - 1))))

        assert self.orders_at_the_venue() == 0

    def test_a_large_order_is_an_order(self):
        order = self.make_broker().submit(self.request(shares=shares(123_456_789)))

        assert order.requested_shares == 123_456_789

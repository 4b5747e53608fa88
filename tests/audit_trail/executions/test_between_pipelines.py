"""Hedges and decisions at one broker: the same gate, orders told apart, and neither in the other's books."""

from decimal import Decimal

import pytest

from audit_trail.executions.models import TradeExecution
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.audit_trail.executions.test_executing import decide
from tests.support.books import books
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import OutcomeUnknown
from trading.conductor.dispatcher import Dispatcher
from trading.conductor.hedger import Hedger
from trading.conductor.reconciling.adoption import is_marked
from trading.conductor.reconciling.holding_checks import HoldingCheck, set_baseline
from trading.conductor.reconciling.reconciler import Reconciler
from trading.conductor.switched import switched
from trading.offchain_order.aggregate import OrderState
from trading.risk.records import Denial
from trading.values.identifiers import ClientOrderId
from trading.values.sides import Side

pytestmark = pytest.mark.django_db


class Both:
    """Both pipelines at one venue."""

    def __init__(self, *, our_ids=True):
        self.clock = Clock()
        self.venue = Venue(self.clock, our_ids=our_ids)
        know_tokens("tAAPL")
        self.stations = Stations(clock=self.clock, broker=self.venue)
        self.desk = Desk(broker=self.venue, clock=self.clock, ledger=self.stations.ledger)
        # As the wiring puts them together.
        self.stations.hedger = Hedger(broker=self.venue, ledger=self.stations.ledger, gate=self.desk.gate)
        self.stations.refresher._wanting = self.stations.hedger.asked_about
        self.stations.dispatcher = Dispatcher(
            broker=switched(self.venue),
            ledger=self.stations.ledger,
            clock=self.clock,
            poll_after=self.stations.poll_every,
            others=[self.desk.orders],
        )

    def hedge(self):
        """Look anew at what is to be hedged, a while later."""
        self.clock.forward(30)
        self.stations.run(self.stations.refresher)
        self.stations.hedge()

    def sold_on_chain(self, shares):
        self.stations.fill(log_of(take("SELL", shares, "tAAPL", usdc="500"), block=100))

    def bought_on_chain(self, shares):
        self.stations.fill(log_of(take("BUY", shares, "tAAPL", usdc="500"), block=100))


@pytest.fixture
def both():
    return Both()


def test_decisions_orders_never_enter_the_hedge_position(both):
    both.bought_on_chain("0.5")
    decide("AAPL")
    both.desk.execute()
    both.venue.tell(OrderStatus.FILLED, "4")
    both.desk.poll()

    position = both.stations.position("AAPL")
    assert (position.net, position.broker_bought, position.pending) == (Decimal("0.5"), 0, None)
    assert both.stations.orders() == []
    assert dict(both.desk.orders.holdings()) == {"AAPL": 4}
    books(both.stations.ledger)


def test_no_hedge_touches_an_order_with_a_decisions_name(both):
    decide("AAPL")
    both.desk.execute()
    name = ClientOrderId(str(TradeExecution.objects.get().client_order_id))

    Reconciler(broker=both.venue, ledger=both.stations.ledger).run_once(now=both.clock())

    assert not is_marked(name)
    assert both.stations.orders() == []
    assert notices() == []


def test_a_decision_waits_while_an_opposite_hedge_is_open(both):
    both.sold_on_chain("3")
    both.hedge()
    assert both.stations.hedges() == ["BUY 3 AAPL"]
    both.venue.held["AAPL"] = Decimal(10)
    decision = decide("AAPL", side=Side.SELL)

    both.desk.execute()
    row = fresh(decision)
    assert (row.status, row.blocked_by) == ("pending", "opposite_order")
    assert both.stations.only_order().client_order_id in str(row.blocked_reason)

    both.venue.tell(OrderStatus.FILLED, "3")
    both.hedge()
    both.desk.execute()
    assert state_of(decision) == "submitted"


def test_a_hedge_waits_while_an_opposite_decision_is_open(both):
    both.venue.held["AAPL"] = Decimal(10)
    decision = decide("AAPL", side=Side.SELL)
    both.desk.execute()
    both.sold_on_chain("3")

    both.hedge()
    assert both.stations.hedges() == []
    assert Denial.objects.get(strategy="hedge").rule == "opposite_order"

    both.venue.tell(OrderStatus.FILLED, "4")
    both.desk.poll()
    assert state_of(decision) == "executed"
    both.hedge()
    assert both.stations.hedges() == ["BUY 3 AAPL"]


def test_two_of_one_side_do_not_wait_for_each_other(both):
    both.sold_on_chain("3")
    both.hedge()
    decision = decide("AAPL")
    both.desk.execute()

    assert state_of(decision) == "submitted"


def test_closing_sells_what_is_held_less_hedges_and_what_was_put_aside(both):
    both.sold_on_chain("3")
    both.hedge()
    both.venue.tell(OrderStatus.FILLED, "3")
    both.hedge()
    # Three of the hedge, two of an operator's, and five that decisions once bought.
    both.venue.held["AAPL"] = Decimal(10)
    set_baseline("dry_run", "AAPL", Decimal(2), actor="ada", reason="mine", now=both.clock())
    both.clock.forward(60)
    decision = decide("AAPL", shares=None, closes_position=True, side=Side.SELL)
    both.desk.execute()

    attempt = attempt_of(decision)
    assert (attempt.status, attempt.requested_shares, attempt.broker_order_id) == ("submitted", 5, "V-2")
    request = both.venue.submitted[-1]
    assert (request.side, request.shares, request.client_order_id) == (Side.SELL, 5, attempt.client_order_id)

    both.venue.tell(OrderStatus.FILLED, "5", price="201.5")
    both.desk.poll()
    attempt = attempt_of(decision)
    assert (state_of(decision), attempt.filled_shares, attempt.average_price_usd) == ("executed", 5, Decimal("201.5"))


def test_l3_where_nothing_is_ours_to_close_nothing_is_made_up(both):
    decision = decide("AAPL", shares=None, closes_position=True, side=Side.SELL)
    both.desk.execute()

    row = fresh(decision)
    assert (row.status, row.failure_kind) == ("failed", "insufficient_shares")
    assert both.venue.submitted == []


def test_holdings_are_held_against_both_books(both):
    both.sold_on_chain("3")
    both.hedge()
    both.venue.tell(OrderStatus.FILLED, "3")
    both.hedge()
    decide("AAPL")
    both.desk.execute()
    reconciler = Reconciler(
        broker=both.venue,
        ledger=both.stations.ledger,
        other_books=[both.desk.orders.holdings],
        busy=[both.desk.orders.busy],
    )

    # While an order is open, what is held changes.
    reconciler.run_once(now=both.clock())
    assert not HoldingCheck.objects.exists()

    both.venue.tell(OrderStatus.FILLED, "4")
    both.desk.poll()
    both.venue.held["AAPL"] = Decimal(7)
    reconciler.run_once(now=both.clock.forward(120))

    check = HoldingCheck.objects.get()
    assert (check.held_shares, check.booked_shares, check.difference_shares) == (7, 7, 0)
    assert notices() == []


def test_c9_where_the_broker_knows_no_ids_of_ours_a_hedge_never_takes_a_decisions_order_for_its_own():
    both = Both(our_ids=False)
    # A decision's order to buy 3, and then a hedge's alike, of which no answer came and nothing was taken.
    decision = decide("AAPL", shares=Decimal(3))
    both.desk.execute()
    assert state_of(decision) == "submitted"
    both.sold_on_chain("3")
    both.venue.fail("submit", OutcomeUnknown("no answer"))
    both.hedge()
    both.clock.forward(20)
    both.stations.run(both.stations.dispatcher)

    order = both.stations.only_order()
    assert (order.state, order.broker_order_id) == (OrderState.UNKNOWN, None)
    assert attempt_of(decision).broker_order_id == "V-1"


def test_c9_two_alike_are_never_on_their_way_at_once():
    both = Both(our_ids=False)
    both.sold_on_chain("3")
    both.venue.fail("submit", OutcomeUnknown("no answer"))
    both.hedge()
    decision = decide("AAPL", shares=Decimal(3))
    both.desk.execute()

    row = fresh(decision)
    assert (row.status, attempt_of(decision).status) == ("pending", "unsent")
    assert "is on its way to dry_run" in str(row.blocked_reason)
    assert both.venue.submitted == []

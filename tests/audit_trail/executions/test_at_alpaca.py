"""Decisions at a venue that speaks Alpaca's protocol, over HTTP, with every call on record."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from audit_trail.decisions.drafts import TradedAccount
from audit_trail.executions.models import TradeExecution
from audit_trail.payloads.queries import of_order
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import cut_after, cut_before, fail_after, html, rate_limited, refuse, status_word
from tests.audit_trail.decisions.drafts import draft, stored
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.support.alpaca import SharedWire, make_alpaca
from tests.support.stations import notices
from tests.support.venues import NOON
from trading.values.sides import Side

pytestmark = pytest.mark.django_db


class VenueClock:
    """The time at the venue, and ours."""

    def __init__(self, exchange):
        self._exchange = exchange

    def __call__(self):
        return self._exchange.clock.now()

    def forward(self, seconds):
        self._exchange.set_time(lambda clock: clock.advance(Decimal(str(seconds))))
        return self()


class AtAlpaca:
    """A desk at the venue."""

    def __init__(self, wire):
        self.exchange = Exchange(clock=NOON, fill_seconds=None, accounts=[Account(cash_usd=Decimal(10_000))])
        self.venue = AlpacaVenue(self.exchange)
        self.wire = wire
        self.account = TradedAccount("alpaca", self.exchange.account().number, True)

    def desk(self):
        clock = VenueClock(self.exchange)
        broker = make_alpaca(
            self.venue.url,
            PayloadRecorder(Redaction()),
            transport=self.wire,
            clock=clock,
            data_url=self.venue.url,
            key=self.venue.key,
            secret=self.venue.secret,
            account=self.account.number,
        )
        return Desk(broker=broker, clock=clock, number=self.account.number)

    def decide(self, symbol="AAPL", **changes):
        given = {"known_at": NOON - timedelta(days=1)} | changes
        (decision,) = stored(draft(symbol, **given), account=self.account)
        return decision

    def submitted(self):
        return [json.loads(asked.body) for asked in self.venue.asked("submit")]


@pytest.fixture
def at():
    wire = SharedWire()
    at = AtAlpaca(wire)
    with at.venue:
        yield at
        wire.end()


def test_dollars_are_ordered_as_dollars_and_followed_to_their_fill(at):
    desk, decision = at.desk(), at.decide(notional_usd=Decimal("1000.50"))
    desk.execute()

    (sent,) = at.submitted()
    assert (sent["notional"], sent["client_order_id"]) == ("1000.5", attempt_of(decision).client_order_id)
    assert "qty" not in sent
    assert state_of(decision) == "submitted"

    at.exchange.fill(at.exchange.orders[0])
    desk.poll(5)
    row = attempt_of(decision)
    assert (state_of(decision), row.status) == ("executed", "filled")
    assert row.filled_shares == at.exchange.orders[0].filled
    assert row.average_price_usd == Decimal("271.49")


def test_brk_b_is_bought_and_sold(at):
    desk, decision = at.desk(), at.decide("BRK.B", shares=Decimal(2))
    desk.execute()
    at.exchange.fill(at.exchange.orders[0])
    desk.poll(5)

    assert (state_of(decision), dict(desk.orders.holdings())) == ("executed", {"BRK.B": Decimal(2)})

    desk.forward(120)  # What the broker holds is asked for anew.
    sale = at.decide("BRK.B", side=Side.SELL, closes_position=True, strategy="insider")
    desk.execute()
    at.exchange.fill(at.exchange.orders[1])
    desk.poll(5)

    assert (state_of(sale), desk.orders.holdings().get("BRK.B", 0)) == ("executed", 0)
    assert [(sent["symbol"], sent["side"]) for sent in at.submitted()] == [("BRK.B", "buy"), ("BRK.B", "sell")]


def test_the_calls_of_an_execution_are_linked_to_it_with_the_brokers_own_status(at):
    desk, decision = at.desk(), at.decide()
    desk.execute()

    row = attempt_of(decision)
    assert row.http_status_code == 200
    assert json.loads(row.request_payload.body)["client_order_id"] == row.client_order_id
    assert json.loads(row.response_payload.body)["id"] == row.broker_order_id
    assert [call.purpose for call in of_order(client_order_id=row.client_order_id)] == ["find", "submit"]


def test_b_aud_6_insufficient_buying_power_is_the_brokers_403_and_stops_no_other(at):
    """The gate sees it first where it can; here the broker knows better."""
    at.venue.faults.add(refuse(403, "submit"))
    desk = at.desk()
    decision, other = at.decide(strength="2"), at.decide("F", strength="1")
    desk.execute()

    row, attempt = fresh(decision), attempt_of(decision)
    assert (row.status, row.failure_kind) == ("failed", "insufficient_buying_power")
    assert (attempt.status, attempt.http_status_code, attempt.broker_order_id) == ("rejected", 403, None)
    assert "insufficient buying power" in str(row.reason)
    assert "buying_power" in attempt.response_payload.body
    assert state_of(other) == "submitted"


def test_the_gate_denies_what_the_account_can_not_pay(at):
    desk, decision = at.desk(), at.decide(shares=Decimal(40))
    desk.execute()

    row = fresh(decision)
    assert (row.status, row.failure_kind, row.blocked_by) == ("failed", "insufficient_buying_power", "buying_power")
    assert at.submitted() == []


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        (refuse(422, "submit", message='asset "AAPL" is not fractionable'), "not_fractionable", 422),
        (refuse(422, "submit", message="unprocessable"), "order_rejected", 422),
        (refuse(403, "submit", message="account is not allowed to short"), "insufficient_shares", 403),
    ],
)
def test_a_refusal_is_a_failure_with_the_brokers_words(at, fault, kind, status):
    at.venue.faults.add(fault)
    desk, decision = at.desk(), at.decide()
    desk.execute()

    row = fresh(decision)
    assert (row.status, row.failure_kind) == ("failed", kind)
    assert attempt_of(decision).http_status_code == status
    assert len(at.exchange.orders) == 0


def test_a_429_is_waited_out_as_the_broker_asks_and_the_order_sent_once(at):
    at.venue.faults.add(rate_limited("3", "submit"), times=2)
    desk, decision = at.desk(), at.decide()
    desk.execute()

    assert desk.waited == [3, 3]
    assert state_of(decision) == "submitted"
    assert len(at.exchange.orders) == 1
    assert TradeExecution.objects.count() == 1
    assert attempt_of(decision).http_status_code == 200


@pytest.mark.parametrize(
    "fault", [cut_after(), fail_after(500), fail_after(504), html("submit")], ids=["cut", "500", "504", "page"]
)
def test_an_order_that_was_taken_without_an_answer_is_found_and_not_sent_again(at, fault):
    at.venue.faults.add(fault)
    desk = at.desk()
    decision, other = at.decide(strength="2"), at.decide("F", strength="1")
    desk.execute()
    assert (state_of(decision), state_of(other)) == ("unknown", "submitted")

    desk.poll(5)

    row = attempt_of(decision)
    assert (state_of(decision), row.status) == ("submitted", "submitted")
    assert row.broker_order_id == at.venue.name_of(at.exchange.orders[0])
    assert len(at.exchange.orders) == len(at.submitted()) == 2


def test_an_order_of_which_the_broker_heard_nothing_is_not_sent_again_and_fails_in_the_end(at):
    at.venue.faults.add(cut_before("submit"))
    desk, decision = at.desk(), at.decide()
    desk.execute()
    assert state_of(decision) == "unknown"
    for _ in range(10):
        desk.poll(30)

    row = fresh(decision)
    assert (row.status, row.failure_kind) == ("failed", "never_at_the_broker")
    assert len(at.exchange.orders) == 0
    assert attempt_of(decision).http_status_code is None


def test_a_broker_that_listens_to_nobody_leaves_the_decision_pending(at):
    desk, decision = at.desk(), at.decide()
    with at.venue.refusing_connections():
        desk.execute()
    assert state_of(decision) == "pending"

    desk.forward(61)
    desk.execute()
    assert state_of(decision) == "submitted"


def test_part_is_filled_and_then_an_operator_cancels(at):
    desk, decision = at.desk(), at.decide()
    desk.execute()
    at.exchange.fill(at.exchange.orders[0], Decimal("1.5"))
    desk.poll(5)
    assert state_of(decision) == "submitted"

    told = desk.verbs.cancel(decision.decision_id, actor="ada", reason="a split")

    row = attempt_of(decision)
    assert (state_of(decision), row.status, row.filled_shares) == ("partially_executed", "cancelled", Decimal("1.5"))
    assert (row.cancel_asked_by, row.cancel_reason) == ("ada", "a split")
    assert "1.5 of 4 shares filled" in told


def test_an_operator_cancels_what_is_not_filled(at):
    desk, decision = at.desk(), at.decide()
    desk.execute()

    desk.verbs.cancel(decision.decision_id, actor="ada", reason="a split")

    row = fresh(decision)
    assert (row.status, row.cancelled_by, row.reason) == ("cancelled", "ada", "a split")


def test_a_position_is_closed_to_the_last_fraction_by_a_real_order(at):
    at.exchange.account().hold("AAPL", Decimal("3.123456789"), Decimal(100))
    desk, decision = at.desk(), at.decide(closes_position=True, side=Side.SELL)
    desk.execute()
    at.exchange.fill(at.exchange.orders[0])
    desk.poll(5)

    row = attempt_of(decision)
    assert (state_of(decision), row.filled_shares) == ("executed", Decimal("3.123456789"))
    assert row.broker_order_id == at.venue.name_of(at.exchange.orders[0])
    assert at.exchange.account().shares_of("AAPL") == 0


def test_q5_what_is_not_fractionable_is_bought_in_whole_shares(at):
    at.exchange.book.instruments["BRK.B"].fractionable = False
    desk = at.desk()
    decision = at.decide("BRK.B", notional_usd=Decimal("1600"), strength="2")
    too_little = at.decide("BRK.B", notional_usd=Decimal("500"), strength="1", strategy="insider")
    desk.execute()

    assert [(sent["qty"], sent.get("notional")) for sent in at.submitted()] == [("3", None)]
    assert (state_of(decision), attempt_of(decision).requested_shares) == ("submitted", 3)
    row = fresh(too_little)
    assert (row.status, row.failure_kind) == ("failed", "not_fractionable")
    assert "500 USD buy less than can be ordered of BRK.B at 504.05" in str(row.reason)


def test_a_status_that_nobody_knows_changes_nothing_and_is_told(at):
    desk, decision = at.desk(), at.decide()
    desk.execute()
    at.venue.faults.add(status_word("resting", "report"))
    desk.poll(5)

    assert state_of(decision) == "unknown"
    assert [kind for kind, _ in notices()] == ["decision_order_stuck"]

    desk.poll(60)
    assert state_of(decision) == "submitted"
    assert notices() == []


def test_a_status_that_nobody_knows_of_an_order_that_is_looked_for_stops_no_other_and_is_told(at):
    """It ended the poller, and the command of the day with it: nothing was bought, and nobody was told."""
    at.venue.faults.add(cut_after())
    desk, decision = at.desk(), at.decide(shares=Decimal(2))
    desk.execute()
    assert state_of(decision) == "unknown"

    at.venue.faults.add(status_word("on_the_moon", "find"))
    desk.poll(5)
    assert state_of(decision) == "unknown"
    assert ("decision_order_stuck", attempt_of(decision).client_order_id) in notices()

    desk.poll(120)
    assert state_of(decision) == "submitted"
    assert notices() == []


def test_a_rejection_after_the_answer_is_booked_by_the_poller(at):
    desk, decision = at.desk(), at.decide()
    desk.execute()
    at.exchange.reject(at.exchange.orders[0], "wash trade detected")
    desk.poll(5)

    assert state_of(decision) == "failed"
    assert attempt_of(decision).status == "rejected"


def test_many_orders_are_asked_about_in_one_call(at):
    desk = at.desk()
    for symbol in ("AAPL", "F", "GME"):
        at.decide(symbol)
    desk.execute()
    desk.poll(5)

    assert len(at.venue.asked("list")) == 1
    assert at.venue.asked("report") == []

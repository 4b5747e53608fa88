"""Decisions are executed one after the other, strongest first, with one attempt each and the intent stored before."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from audit_trail.decisions.drafts import TradedAccount
from audit_trail.decisions.failures import FailureKind
from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.executions.executor import Busy
from audit_trail.executions.models import DecisionHolding, ExecutionFill, TradeExecution
from audit_trail.executions.orders import OrderState
from audit_trail.executions.own_account import NotTheAccount
from tests.audit_trail.decisions.drafts import TODAY, draft, stored, why
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.support.stations import notices
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, OrderRejected, OutcomeUnknown, RateLimited
from trading.conductor.leases import lease
from trading.ledger.mode import Installation
from trading.risk.controls import throw
from trading.risk.records import Denial, RiskCheck
from trading.risk.scopes import Scope
from trading.values.sides import Side

pytestmark = pytest.mark.django_db

VENUE = TradedAccount("dry_run", "VENUE-1", True)


@pytest.fixture
def desk():
    return Desk()


def decide(symbol="AAPL", *, strength="8.5", **changes):
    (decision,) = stored(draft(symbol, strength=strength, **changes), account=VENUE)
    return decision


def five():
    """Strengths in no order at all, as a strategy may tell them."""
    return {n: decide(f"S{n}", rationale=why(signal_strength=Decimal(n))) for n in (9, 7, 8, 6, 10)}


def test_strengths_10_9_8_7_6_are_executed_in_that_order_and_a_failing_9_stops_none(desk):
    decisions = five()
    placing, submit = [], desk.venue.submit

    def submit_but_nine(request):
        placing.append(request.symbol)
        if request.symbol == "S9":
            raise OrderRejected("insufficient buying power")
        return submit(request)

    desk.venue.submit = submit_but_nine
    turns = desk.execute()

    assert placing == ["S10", "S9", "S8", "S7", "S6"]
    assert [turn.wanted.symbol for turn in turns] == placing
    assert [turn.state for turn in turns] == ["submitted", "rejected", "submitted", "submitted", "submitted"]
    assert {n: state_of(each) for n, each in decisions.items()} == {
        10: "submitted",
        9: "failed",
        8: "submitted",
        7: "submitted",
        6: "submitted",
    }
    assert fresh(decisions[9]).failure_kind == FailureKind.BUYING_POWER
    assert list(TradeExecution.objects.order_by("id").values_list("trade_decision__symbol", flat=True)) == placing


def test_equal_strengths_go_by_their_last_digit_and_then_by_which_was_first(desk):
    stored(
        *(
            draft(name, rationale=why(signal_strength=Decimal(strength)))
            for name, strength in (("A", "1.00000001"), ("B", "1.00000002"), ("C", "1.00000001"))
        ),
        account=VENUE,
    )

    assert [turn.wanted.symbol for turn in desk.execute()] == ["B", "A", "C"]


def test_all_decisions_of_a_run_are_stored_before_the_first_is_executed(desk):
    seen, submit = [], desk.venue.submit

    def count_and_submit(request):
        seen.append(TradeDecision.objects.count())
        return submit(request)

    desk.venue.submit = count_and_submit
    turns = desk.executor.carry_out([draft(f"S{n}") for n in range(3)], trading_day=TODAY, audit_trail=True)

    assert seen == [3, 3, 3]
    assert len(turns) == 3


def test_the_intent_is_committed_before_the_call_under_the_decisions_own_id(desk):
    decision = decide()
    seen, submit = [], desk.venue.submit

    def look_and_submit(request):
        row = attempt_of(decision)
        seen.append((row.status, row.client_order_id, state_of(decision), RiskCheck.objects.count()))
        return submit(request)

    desk.venue.submit = look_and_submit
    desk.execute()

    name = f"htd-{Installation.objects.get().mark}-{decision.decision_id.hex}-1"
    assert seen == [("sending", name, "submitted", 1)]
    assert len(name) <= 48
    assert RiskCheck.objects.get().client_order_id == name
    assert RiskCheck.objects.get().strategy == "congressional"


def test_l1_accepted_is_submitted_and_executed_only_when_the_broker_says_filled(desk):
    decision = decide()
    desk.execute()
    row = attempt_of(decision)
    assert (state_of(decision), row.status, row.filled_shares) == ("submitted", "submitted", 0)
    assert row.broker_order_id == "V-1"

    desk.poll()
    assert state_of(decision) == "submitted"
    desk.venue.tell(OrderStatus.FILLED, "4", price="150.25")
    desk.poll()

    row = attempt_of(decision)
    assert (state_of(decision), row.status) == ("executed", "filled")
    assert (row.filled_shares, row.average_price_usd) == (4, Decimal("150.25"))
    # The broker's time, not ours.
    assert fresh(decision).executed_at == row.ended_at == desk.clock() - timedelta(seconds=1)


def test_an_order_that_is_filled_at_once_is_executed_at_once(desk):
    decision = decide()
    submit = desk.venue.submit

    def fill_at_once(request):
        submit(request)
        return desk.venue.tell(OrderStatus.FILLED, "4")

    desk.venue.submit = fill_at_once

    assert [turn.state for turn in desk.execute()] == ["filled"]
    assert state_of(decision) == "executed"


def test_fills_are_booked_as_differences_and_held_by_decisions_alone(desk):
    decision = decide()
    desk.execute()
    for filled in ("1", "1", "2.5"):
        desk.venue.tell(OrderStatus.PARTIALLY_FILLED, filled)
        desk.poll()
    assert state_of(decision) == "submitted"
    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.poll()

    assert [row.shares for row in ExecutionFill.objects.order_by("id")] == [1, Decimal("1.5"), Decimal("1.5")]
    assert (DecisionHolding.objects.get().bought_shares, dict(desk.orders.holdings())) == (4, {"AAPL": Decimal(4)})
    assert desk.ledger.memory().positions() == []


def test_a_part_that_was_filled_before_the_cancel_is_partially_executed(desk):
    decision = decide()
    desk.execute()
    desk.venue.tell(OrderStatus.PARTIALLY_FILLED, "1")
    desk.poll()
    desk.venue.tell(OrderStatus.CANCELLED, "1.5", reason="cancelled by the exchange")
    desk.poll()

    row = attempt_of(decision)
    assert (state_of(decision), row.status, row.filled_shares) == ("partially_executed", "cancelled", Decimal("1.5"))
    assert fresh(decision).reason == "cancelled by the exchange"
    assert dict(desk.orders.holdings()) == {"AAPL": Decimal("1.5")}


@pytest.mark.parametrize(
    ("status", "comes_to", "kind"),
    [
        (OrderStatus.CANCELLED, "cancelled", None),
        (OrderStatus.EXPIRED, "failed", "expired"),
        (OrderStatus.REJECTED, "failed", "insufficient_buying_power"),
    ],
)
def test_an_end_with_nothing_filled_is_no_execution(desk, status, comes_to, kind):
    decision = decide()
    desk.execute()
    desk.venue.tell(status, reason="insufficient buying power")
    desk.poll()

    row = fresh(decision)
    assert (row.status, row.failure_kind, row.reason) == (comes_to, kind, "insufficient buying power")


def test_a_fill_after_the_end_is_counted_with_a_notice_and_the_end_stays_the_end(desk):
    decision = decide()
    desk.execute()
    desk.venue.tell(OrderStatus.CANCELLED)
    desk.poll()
    desk.venue.tell(OrderStatus.CANCELLED, "1")
    desk.poll(301)

    assert (state_of(decision), attempt_of(decision).filled_shares) == ("cancelled", 1)
    assert ExecutionFill.objects.get().is_late
    assert dict(desk.orders.holdings()) == {"AAPL": 1}
    assert [kind for kind, _ in notices()] == ["late_fill"]


def test_an_order_is_asked_about_for_half_an_hour_after_its_end_and_no_longer(desk):
    decide()
    desk.execute()
    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.poll()
    asked = len(desk.venue.asked)
    for _ in range(20):
        desk.poll(300)

    assert len(desk.venue.asked) - asked == 6
    assert TradeExecution.objects.get().not_before is None


def test_more_filled_than_asked_for_is_booked_with_a_notice(desk):
    decision = decide()
    desk.execute()
    desk.venue.tell(OrderStatus.FILLED, "5")
    desk.poll()

    assert (state_of(decision), attempt_of(decision).filled_shares) == ("executed", 5)
    assert [kind for kind, _ in notices()] == ["overfill"]


def test_l2_a_report_that_can_not_be_of_the_order_books_nothing(desk):
    decision = decide()
    desk.execute()
    desk.venue.tell(OrderStatus.FILLED, "4", symbol="MSFT")
    desk.poll()

    row = attempt_of(decision)
    assert (state_of(decision), row.status, row.filled_shares) == ("unknown", "unknown", 0)
    assert "expected an order in AAPL, was MSFT" in str(fresh(decision).reason)
    assert [kind for kind, _ in notices()] == ["decision_order_stopped"]

    desk.venue.tell(OrderStatus.FILLED, "4", symbol="AAPL")
    desk.poll()
    assert state_of(decision) == "executed"
    assert notices() == []


def test_executing_again_sends_nothing_again(desk):
    decide()
    desk.execute()

    assert desk.execute() == []
    assert len(desk.venue.submitted) == 1


def test_a_failed_decision_is_not_tried_again(desk):
    decision = decide()
    desk.venue.fail("submit", OrderRejected("no"))
    desk.execute()
    assert desk.execute() == []

    assert state_of(decision) == "failed"
    assert TradeExecution.objects.count() == 1


def test_what_is_executed_may_be_narrowed_to_a_strategy_or_a_side(desk):
    desk.venue.held["MSFT"] = Decimal(10)
    decide("AAPL")
    decide("MSFT", side=Side.SELL)
    decide("TSLA", strategy="insider")

    assert [turn.wanted.symbol for turn in desk.execute(side=Side.SELL)] == ["MSFT"]
    assert [turn.wanted.symbol for turn in desk.execute(strategy="insider")] == ["TSLA"]
    assert [turn.wanted.symbol for turn in desk.execute()] == ["AAPL"]


# Where nothing was sent.


def test_g3_32_a_broker_that_asks_for_a_pause_gets_it_and_the_same_order_after(desk):
    decision = decide()
    desk.venue.fail("submit", RateLimited("429", retry_after=timedelta(seconds=7)), times=2)

    assert [turn.state for turn in desk.execute()] == ["submitted"]
    assert desk.waited == [7, 7]
    assert attempt_of(decision).attempt_number == 1
    assert len(desk.venue.submitted) == 1


def test_where_the_pause_does_not_end_the_decision_is_as_it_was_and_the_run_stops(desk):
    first, second = decide("A", strength="2"), decide("B", strength="1")
    desk.venue.fail("submit", RateLimited("429", retry_after=timedelta(seconds=600)))

    assert [turn.state for turn in desk.execute()] == ["unsent"]
    row = fresh(first)
    assert (row.status, row.blocked_by, row.blocked_reason) == ("pending", "broker", "RateLimited: 429")
    assert attempt_of(first).status == "unsent"
    assert state_of(second) == "pending"

    desk.forward(601)
    assert [turn.state for turn in desk.execute()] == ["submitted", "submitted"]
    assert [row.status for row in first.executions.order_by("attempt_number")] == ["unsent", "submitted"]
    assert fresh(first).blocked_by is None
    assert [request.client_order_id[-2:] for request in desk.venue.submitted] == ["-2", "-1"]


def test_a_broker_that_can_not_be_reached_for_one_is_tried_for_the_next(desk):
    first, second = decide("A", strength="2"), decide("B", strength="1")
    desk.venue.fail("submit", BrokerUnavailable("connection refused"))
    desk.execute()

    assert (state_of(first), state_of(second)) == ("pending", "submitted")


def test_a_broker_that_does_not_know_us_is_told_to_the_operator(desk):
    decision = decide()
    desk.venue.fail("submit", NotAuthorised("401"))
    desk.execute()

    assert state_of(decision) == "pending"
    assert notices() == [("broker_refuses_us", "dry_run")]


# The gate.


def test_what_the_gate_denies_for_good_says_by_which_rule_and_with_which_figures(desk):
    desk.venue.buying_power_usd = Decimal(799)
    decision, smaller = decide("A", strength="2"), decide("B", shares=Decimal(3), strength="1")
    desk.execute()

    row, attempt = fresh(decision), attempt_of(decision)
    assert (row.status, row.failure_kind, row.blocked_by) == ("failed", "insufficient_buying_power", "buying_power")
    assert (attempt.status, attempt.denied_by, attempt.client_order_id) == ("denied", "buying_power", None)
    assert json.loads(attempt.denied_figures)["buying_power_usd"] == "799"
    assert json.loads(str(row.blocked_figures))["price_usd"] == "200"
    assert [request.symbol for request in desk.venue.submitted] == ["B"]
    assert state_of(smaller) == "submitted"
    assert Denial.objects.get().ended_at is not None
    assert notices() == []


@pytest.mark.parametrize(
    ("scope", "subject"), [(Scope.STRATEGY, "congressional"), (Scope.GLOBAL, ""), (Scope.SYMBOL, "AAPL")]
)
def test_a_kill_switch_keeps_a_decision_pending_and_says_so(desk, scope, subject):
    decision, other = decide(), decide("MSFT", strategy="insider")
    switch = {"actor": "ada", "reason": "a test", "at": desk.clock()}
    throw(scope, subject, on=True, **switch)
    desk.execute()

    row = fresh(decision)
    assert (row.status, row.blocked_by) == ("pending", "kill_switch")
    assert "is on: a test" in str(row.blocked_reason)
    assert state_of(other) == ("pending" if scope is Scope.GLOBAL else "submitted")
    assert [denial.rule for denial in Denial.objects.filter(strategy="congressional")] == ["kill_switch"]

    throw(scope, subject, on=False, **switch)
    desk.execute()
    assert state_of(decision) == "submitted"
    assert not Denial.objects.filter(ended_at=None).exists()


def test_i10_a_switch_that_is_thrown_between_the_intent_and_the_call_holds_the_order(desk):
    decision = decide()

    def throw_it(question, about):
        throw(Scope.STRATEGY, "congressional", on=True, actor="ada", reason="a test", at=desk.clock())

    find = desk.venue.find

    def find_and_throw(name):
        throw_it("find", name)
        return find(name)

    desk.venue.find = find_and_throw
    desk.execute()

    assert desk.venue.submitted == []
    assert (state_of(decision), attempt_of(decision).status) == ("pending", "unsent")
    assert "kill switch" in str(fresh(decision).blocked_reason)


def test_i12_while_the_market_is_closed_nothing_is_sent_and_nothing_has_failed(desk):
    desk.venue.is_open = False
    decision = decide()
    desk.execute()
    assert (state_of(decision), fresh(decision).blocked_by) == ("pending", "session_closed")

    desk.venue.is_open = True
    desk.forward(60)
    desk.execute()
    assert state_of(decision) == "submitted"


def test_what_the_broker_does_not_tell_is_awaited_for_a_little(desk):
    decision = decide()
    desk.venue.fail("quote", BrokerUnavailable("not now"), times=2)
    desk.execute()

    assert state_of(decision) == "submitted"
    assert sum(desk.waited) <= 5

    other = decide("MSFT")
    desk.venue.fail("quote", BrokerUnavailable("not now"), times=20)
    desk.execute()
    assert (state_of(other), fresh(other).blocked_by) == ("pending", "quote_facts")


# Whose decisions, and when.


def test_q1_decisions_of_another_account_are_not_executed_in_this_one(desk):
    elsewhere = TradedAccount("dry_run", "LIVE-1", False)
    (other,) = stored(draft(), account=elsewhere)
    ours = decide()

    desk.execute()

    assert (state_of(other), state_of(ours)) == ("pending", "submitted")


def test_nothing_is_executed_in_an_account_that_was_not_confirmed(desk):
    desk.may_trade = lambda now: False
    decision = decide()

    with pytest.raises(NotTheAccount, match="not the one that was confirmed"):
        desk.execute()
    assert state_of(decision) == "pending"


def test_a_decision_is_not_executed_after_its_day(desk):
    decision = decide()
    desk.forward(24 * 3600)

    assert desk.execute() == []
    assert fresh(decision).reason == "its day, 2026-03-02, is over"
    assert desk.venue.submitted == []


def test_a_decision_for_tomorrow_waits_for_it(desk):
    (decision,) = stored(draft(), account=VENUE, day=TODAY + timedelta(days=1))
    assert desk.execute() == []

    desk.forward(24 * 3600)
    desk.execute()
    assert state_of(decision) == "submitted"


def test_one_run_at_a_time(desk):
    decide()
    with lease("decisions at dry_run", now=desk.clock(), lasts=timedelta(minutes=1)) as held:
        assert held
        with pytest.raises(Busy):
            desk.execute()


def test_an_unforeseen_error_stops_no_other_and_is_raised_in_the_end(desk):
    first, second = decide("A", strength="2"), decide("B", strength="1")
    submit = desk.venue.submit

    def submit_badly(request):
        if request.symbol == "A":
            raise ZeroDivisionError("a bug")
        return submit(request)

    desk.venue.submit = submit_badly

    with pytest.raises(ZeroDivisionError):
        desk.execute()
    assert (state_of(first), attempt_of(first).status) == ("submitted", OrderState.SENDING)
    assert state_of(second) == "submitted"


def test_an_outcome_that_is_not_known_stops_no_other(desk):
    first, second = decide("A", strength="2"), decide("B", strength="1")
    desk.venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    desk.execute()

    assert (state_of(first), state_of(second)) == ("unknown", "submitted")
    assert fresh(first).reason == "OutcomeUnknown: no answer"

    desk.poll(2)
    assert (state_of(first), attempt_of(first).broker_order_id) == ("submitted", "V-1")
    assert len(desk.venue.submitted) == 2
    assert Status.FAILED not in {state_of(first), state_of(second)}

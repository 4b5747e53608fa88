"""Runs: which decisions a run takes up, what it makes of what is not known, and what it leaves on record of each."""

import subprocess
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from audit_trail.decisions.cancelling import OURSELVES, cancel_pending
from audit_trail.decisions.drafts import TradedAccount
from audit_trail.executions.carrier import SENDING_TAKES, Carrier
from audit_trail.executions.models import TradeExecution
from tests.audit_trail.decisions.drafts import TODAY, draft, stored
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.audit_trail.executions.test_crashes import CRASHES, Killed
from tests.audit_trail.executions.test_executing import VENUE, decide
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, OrderRejected, RateLimited
from trading.conductor.processes import process_name
from trading.conductor.reconciling.holding_checks import set_baseline
from trading.notices.models import Notice
from trading.risk.controls import RestrictedSymbol, RiskLimit, change
from trading.risk.records import Denial, RiskCheck
from trading.risk.situation import Facts
from trading.submission.pauses import BrokerPause
from trading.values.sides import Side

pytestmark = pytest.mark.django_db

WANTED = "congressional BUY AAPL on 2026-03-02"


@pytest.fixture
def desk():
    return Desk()


def close():
    return decide(strategy="insider", shares=None, closes_position=True, side=Side.SELL)


def set_to(desk, control):
    change(control, reason="a test", actor="ada", at=desk.clock())


@pytest.fixture
def left(desk, monkeypatch):
    return left_in_the_middle(desk, monkeypatch)


def left_in_the_middle(desk, monkeypatch):
    """A decision whose order is placed, and whose process has died before it sent it."""
    decision = decide()
    with monkeypatch.context() as patched:
        CRASHES["after the intent, before anything"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()
    return decision


# Which decisions


@pytest.mark.parametrize(
    "account",
    [
        TradedAccount("alpaca", "VENUE-1", True),
        TradedAccount("dry_run", "VENUE-2", True),
        TradedAccount("dry_run", "VENUE-1", False),
    ],
)
def test_a_decision_for_another_broker_another_account_or_no_paper_is_left_alone(desk, account):
    (decision,) = stored(draft(), account=account)

    assert desk.execute() == []
    assert (state_of(decision), desk.venue.submitted) == ("pending", [])


def test_of_what_was_acted_on_before_the_broker_is_asked_nothing(desk):
    decide()
    desk.execute()
    desk.forward(60)
    desk.venue.asked.clear()

    assert desk.execute() == []
    assert desk.venue.asked == []


def test_one_that_was_cancelled_since_the_run_began_holds_up_none_after_it(desk):
    _, second, third = (decide(symbol, strength=strength) for symbol, strength in (("A", "3"), ("B", "2"), ("C", "1")))
    submit = desk.venue.submit

    def submit_and_cancel(request):
        if request.symbol == "A":
            cancel_pending(second.decision_id, actor="anna", reason="no", now=desk.clock())
        return submit(request)

    desk.venue.submit = submit_and_cancel

    assert [turn.wanted.symbol for turn in desk.execute()] == ["A", "C"]
    assert (state_of(second), state_of(third)) == ("cancelled", "submitted")


def test_one_whose_day_is_over_is_cancelled_as_of_the_run(desk):
    decision = decide()
    desk.forward(24 * 3600)
    desk.execute()

    assert fresh(decision).cancelled_at == desk.clock()


def test_one_that_was_ordered_while_the_audit_trail_was_off_is_cancelled_as_of_the_run(desk):
    desk.executor.carry_out([draft()], trading_day=TODAY, audit_trail=False)
    decision = decide()
    desk.forward(3)

    assert desk.execute() == []
    row = fresh(decision)
    assert (row.status, row.cancelled_at, row.cancelled_by) == ("cancelled", desk.clock(), OURSELVES)


# What a process left


def test_an_order_whose_process_is_known_to_be_gone_is_taken_up_at_once(desk, left):
    with subprocess.Popen(["true"]) as gone:
        pass
    TradeExecution.objects.update(sender=f"{process_name().partition(':')[0]}:{gone.pid}:0")

    desk.execute()

    assert state_of(left) == attempt_of(left).status == "submitted"


def test_an_order_is_left_to_its_process_until_the_time_that_was_noted_and_no_longer(desk, left):
    desk.clock.at = attempt_of(left).not_before

    desk.execute()

    assert attempt_of(left).status == "submitted"


def ordered_with_a_decision(desk, *symbols):
    for symbol in symbols:
        decide(symbol)
    desk.execute()


def ordered_without_one(desk, *symbols):
    drafts = [draft(symbol) for symbol in symbols]
    desk.executor.carry_out(drafts, trading_day=TODAY, audit_trail=False)


@pytest.mark.parametrize("ordered", [ordered_with_a_decision, ordered_without_one])
def test_one_that_can_not_be_taken_up_stops_neither_the_next_nor_what_is_wanted_now(desk, monkeypatch, ordered):
    with monkeypatch.context() as patched:
        patched.setattr(Carrier, "send", lambda *order: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ordered(desk, "A", "B")
    desk.forward(SENDING_TAKES.total_seconds() + 1)
    (outdated,) = stored(draft("D"), account=VENUE, day=TODAY - timedelta(days=1))
    submit = desk.venue.submit

    def submit_badly(request):
        if request.symbol == "A":
            raise RuntimeError("a bug")
        return submit(request)

    desk.venue.submit = submit_badly

    with pytest.raises(RuntimeError, match="a bug"):
        ordered(desk, "C")

    assert [request.symbol for request in desk.venue.submitted] == ["B", "C"]
    assert state_of(outdated) == ("cancelled" if ordered is ordered_with_a_decision else "pending")


def test_one_that_can_not_be_taken_up_is_told_of_though_the_day_of_what_was_drafted_is_over(desk, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Carrier, "send", lambda *order: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ordered_without_one(desk, "A")
    desk.forward(24 * 3600)
    monkeypatch.setattr(desk.venue, "find", lambda order: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        ordered_without_one(desk, "B")

    assert desk.venue.submitted == []


# What is ours to sell


def test_what_was_put_aside_of_another_symbol_or_at_another_broker_is_no_matter_of_a_sale(desk):
    for broker, symbol, aside in (("alpaca", "AAPL", 1), ("dry_run", "MSFT", 3), ("dry_run", "AAPL", 2)):
        set_baseline(broker, symbol, Decimal(aside), actor="ada", reason="mine", now=desk.clock())
    desk.venue.held["AAPL"] = Decimal(10)
    decision = close()

    desk.execute()

    assert attempt_of(decision).requested_shares == 8


@pytest.fixture
def bought(desk):
    """Four shares that were filled after the broker was asked what is held."""
    decide()
    desk.execute()
    desk.forward(1)
    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.poll()
    desk.venue.held["AAPL"] = Decimal(4)


def test_what_is_held_is_asked_for_anew_before_what_was_just_bought_is_sold(desk, bought):
    decision = close()

    desk.execute()

    assert (attempt_of(decision).status, attempt_of(decision).requested_shares) == ("submitted", 4)
    assert desk.waited == []


def test_a_sale_that_only_an_old_answer_finds_nothing_for_waits_for_a_newer_one(desk, bought):
    desk.venue.fail("holdings", BrokerUnavailable("down"), times=1000)
    decision = close()

    desk.execute()

    assert (state_of(decision), fresh(decision).blocked_by) == ("pending", "holdings_facts")


# The gate's word, and what there is to order


def test_that_nothing_is_there_to_be_sold_is_told_in_those_words_and_written_down_as_no_shares(desk):
    decision = close()

    desk.execute()

    row = fresh(decision)
    assert (row.status, row.failure_kind) == ("failed", "insufficient_shares")
    assert str(row.blocked_reason).startswith("nothing of AAPL is there to be sold: 0 shares are held")
    assert Denial.objects.get().shares == 0


def test_less_money_than_a_share_costs_fails_though_the_gate_would_let_one_through():
    desk = Desk(fractional_digits=None)
    decision = decide(notional_usd=Decimal(100))

    desk.execute()

    row = fresh(decision)
    assert (row.status, row.blocked_by, Denial.objects.get().shares) == ("failed", "not_fractionable", 0)


def test_while_the_market_is_closed_that_nothing_is_there_to_be_sold_is_no_failure_yet(desk):
    decide("MSFT")
    desk.execute()
    desk.forward(60)
    desk.venue.is_open = False
    decision = close()

    desk.execute()

    assert (state_of(decision), fresh(decision).blocked_by) == ("pending", "session_closed")


def test_a_restricted_symbol_is_denied_for_good_before_it_is_known_how_much_to_order(desk):
    set_to(desk, RestrictedSymbol(symbol="AAPL", side=""))
    desk.venue.fail("quote", BrokerUnavailable("not now"), times=1000)
    decision = decide(notional_usd=Decimal(1000))

    desk.execute()

    assert (state_of(decision), fresh(decision).blocked_by) == ("failed", "restricted_symbol")
    assert Denial.objects.get().shares == 0


def test_nothing_is_ordered_where_the_gate_lets_through_what_nobody_knows_the_size_of(desk):
    desk.executor._facts = lambda broker, symbols: dict.fromkeys(symbols, Facts())
    decision = decide(notional_usd=Decimal(1000))

    with pytest.raises(LookupError, match=rf"^the gate lets {WANTED} through, and it is not known how much to order$"):
        desk.execute()
    assert (state_of(decision), desk.venue.submitted) == ("pending", [])


@pytest.mark.parametrize(("reference", "state"), [("195", "submitted"), ("100", "failed")])
def test_a_collar_is_held_against_the_price_at_which_it_was_decided_on(desk, reference, state):
    set_to(desk, RiskLimit(rule="price_collar_percent", scope="global", subject="", value=Decimal(10)))
    decision = decide(reference_price_usd=Decimal(reference))

    desk.execute()

    assert state_of(decision) == state


def test_a_purchase_is_reckoned_at_its_limit(desk):
    decide(limit_price_usd=Decimal(250))

    desk.execute()

    assert RiskCheck.objects.get().price_usd == 250


def test_of_a_denial_for_good_an_operator_reads_that_it_is_not_asked_for_again(desk):
    desk.venue.buying_power_usd = Decimal(799)
    decide()

    desk.execute()

    assert Notice.objects.get(kind="order_denied").text.endswith(". It has failed by that, and is not asked for again")


# Sending


def test_what_the_broker_said_to_an_order_that_it_refused_is_told_with_the_turn(desk):
    decide()
    desk.venue.fail("submit", OrderRejected("insufficient buying power"))

    assert [str(turn) for turn in desk.execute()] == [f"{WANTED}: rejected, insufficient buying power"]


def test_a_pause_that_another_process_has_ended_is_not_waited_for(desk):
    decide()
    send = desk.carrier.send

    def ended_meanwhile(book, order):
        desk.carrier.send = send
        try:
            return send(book, order)
        finally:
            BrokerPause.objects.all().delete()

    desk.carrier.send = ended_meanwhile
    desk.venue.fail("submit", RateLimited("429", retry_after=timedelta(seconds=7)))

    assert [turn.state for turn in desk.execute()] == ["submitted"]
    assert desk.waited == [0]


def test_a_pause_is_waited_out_in_whole_milliseconds(desk):
    decide()
    desk.venue.fail("submit", RateLimited("429", retry_after=timedelta(microseconds=1_500_700)))

    desk.execute()

    assert desk.waited == [Decimal("1.5")]


def test_an_intent_is_a_commit_of_its_own_and_no_part_of_another(desk):
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        desk.executor.carry_out([draft()], trading_day=TODAY, audit_trail=False)

    assert desk.venue.submitted == []

"""Telling: what executing says of a decision and of its order, in the log, in its turns and to the operator."""

from datetime import timedelta
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.carrier import SENDING_TAKES
from audit_trail.executions.executor import Busy
from audit_trail.executions.models import TradeExecution
from audit_trail.executions.own_account import NotTheAccount
from tests.audit_trail.decisions.drafts import TODAY, draft
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.audit_trail.executions.test_crashes import CRASHES, Killed, again
from tests.audit_trail.executions.test_executing import decide
from tests.support.stations import notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, OutcomeUnknown, RateLimited, UnusableReport
from trading.conductor.leases import lease
from trading.notices.models import Notice
from trading.risk.controls import throw
from trading.risk.records import Denial
from trading.risk.scopes import Scope
from trading.submission.pauses import BrokerPause

pytestmark = pytest.mark.django_db

WANTED = "congressional BUY AAPL on 2026-03-02"


@pytest.fixture
def desk():
    return Desk()


def logged(act):
    with capture_logs() as lines:
        act()
    return lines


def moved(decision, state, reason=None):
    return {
        "event": "Order of a decision",
        "log_level": "info",
        "order": attempt_of(decision).client_order_id,
        "strategy": "congressional",
        "symbol": "AAPL",
        "state": state,
        "reason": reason,
    }


def paused(until):
    return {
        "event": "Broker takes no calls for now",
        "log_level": "warning",
        "broker": "dry_run",
        "until": until.isoformat(),
    }


# The executor


def test_a_decision_that_is_placed_sent_and_filled(desk):
    decision = decide()
    lines = logged(desk.execute)
    name = attempt_of(decision).client_order_id

    placed = {"event": "Decision placed", "log_level": "info", "order": name, "wanted": WANTED, "shares": "4"}
    assert lines == [placed, moved(decision, "submitted")]
    assert logged(desk.poll) == []

    desk.venue.tell(OrderStatus.FILLED, "4")
    assert logged(desk.poll) == [moved(decision, "filled")]


def test_what_came_of_a_decision_is_told_with_its_reason(desk):
    decide(shares=Decimal(4_000_000))
    desk.venue.buying_power_usd = Decimal(799)
    (failed,) = desk.execute()
    text = Denial.objects.get().text
    assert str(failed) == f"{WANTED}: failed, buying_power: {text}"

    decide("MSFT", shares=Decimal(1))
    (submitted,) = desk.execute()
    assert str(submitted) == "congressional BUY MSFT on 2026-03-02: submitted"


@pytest.mark.parametrize(
    ("buying_power", "is_open", "rule", "final"),
    [(Decimal(799), True, "buying_power", True), (None, False, "session_closed", False)],
)
def test_a_denial_is_told_with_its_rule_and_whether_that_is_the_end(desk, buying_power, is_open, rule, final):
    desk.venue.buying_power_usd, desk.venue.is_open = buying_power, is_open
    decision = decide()

    lines = logged(desk.execute)

    assert lines == [
        {
            "event": "Decision denied",
            "log_level": "warning",
            "wanted": WANTED,
            "rule": rule,
            "reason": fresh(decision).blocked_reason,
            "final": final,
        }
    ]


def test_an_operator_reads_whether_and_how_a_denied_decision_is_tried_again(desk):
    # Something is not known of the symbol, and stays so.
    desk.venue.fail("asset", BrokerUnavailable("not now"), times=1000)
    decide()
    for _ in range(5):
        desk.execute()
        desk.forward(60)
    notice = Notice.objects.get(kind="order_denied", closed_at=None)
    assert notice.text.endswith(". `manage.py execute_decisions` tries it again, as long as its day lasts")


def test_an_unforeseen_error_is_logged_with_the_decision(desk):
    decision = decide()

    def submit_badly(request):
        raise ZeroDivisionError("a bug")

    desk.venue.submit = submit_badly
    with capture_logs() as lines, pytest.raises(ZeroDivisionError):
        desk.execute()

    assert lines[-1] == {
        "event": "Decision can't be executed",
        "log_level": "error",
        "exc_info": True,
        "decision": str(decision.decision_id),
        "wanted": WANTED,
    }


def test_of_two_unforeseen_errors_the_first_is_raised(desk):
    decide("A", strength="2")
    decide("B", strength="1")

    def submit_badly(request):
        raise (ZeroDivisionError if request.symbol == "A" else KeyError)("a bug")

    desk.venue.submit = submit_badly
    with pytest.raises(ZeroDivisionError):
        desk.execute()


@pytest.mark.parametrize("audit_trail", [True, False])
def test_who_comes_second_or_to_another_account_is_told_so(desk, audit_trail):
    def carry_out():
        desk.executor.carry_out([draft()], trading_day=TODAY, audit_trail=audit_trail)

    with (
        lease("decisions at dry_run", now=desk.clock(), lasts=timedelta(minutes=1)),
        pytest.raises(Busy, match=r"^another process executes decisions at dry_run$"),
    ):
        carry_out()

    desk.may_trade = lambda now: now != desk.clock()
    with pytest.raises(
        NotTheAccount,
        match=r"^the account at dry_run is not the one that was confirmed, or it could not be asked for: "
        r"look at the notices$",
    ):
        carry_out()


def test_what_a_dead_process_left_is_looked_for_one_by_one_and_what_can_not_be_is_logged(desk, monkeypatch):
    decisions = []
    for symbol in ("A", "B"):
        decisions.append(decide(symbol))
        with monkeypatch.context() as patched:
            CRASHES["after accept"](patched, desk)
            with pytest.raises(Killed):
                desk.execute()
    desk = again(desk)
    desk.venue.fail("find", BrokerUnavailable("down"))

    lines = logged(desk.execute)

    first, second = (attempt_of(each) for each in decisions)
    assert lines[0] == {
        "event": "Order can't be looked for yet",
        "log_level": "warning",
        "order": first.client_order_id,
        "error": "down",
    }
    assert (first.status, second.status) == ("sending", "submitted")


def test_an_order_is_what_was_decided_and_is_left_to_its_process_for_a_while(desk):
    decision = decide(notional_usd=Decimal(1000), limit_price_usd=Decimal(250))
    seen, submit = [], desk.venue.submit

    def look_and_submit(request):
        seen.append(attempt_of(decision))
        return submit(request)

    desk.venue.submit = look_and_submit
    desk.execute()

    (request,), (row,) = desk.venue.submitted, seen
    assert (request.symbol, request.side, request.shares, request.notional_usd) == ("AAPL", "BUY", 4, None)
    assert (request.limit_price_usd, request.created_at) == (250, desk.clock())
    assert (row.requested_shares, row.notional_usd, row.limit_price_usd) == (4, None, 250)
    assert (row.placed_at, row.not_before) == (desk.clock(), desk.clock() + SENDING_TAKES)
    assert row.sender == desk.carrier.process

    decide("MSFT", notional_usd=Decimal(1000))
    desk.execute()
    request = desk.venue.submitted[-1]
    assert (request.shares, request.notional_usd, request.limit_price_usd) == (None, 1000, None)


def test_a_pause_is_waited_out_three_times_and_no_longer_than_a_minute(desk):
    # Of another broker, and no matter of ours.
    BrokerPause.objects.create(broker="alpaca", not_before=desk.clock() + timedelta(days=1), reason="429")
    decide()
    desk.venue.fail("submit", RateLimited("429", retry_after=timedelta(seconds=60)), times=3)
    assert [turn.state for turn in desk.execute()] == ["submitted"]
    assert desk.waited == [60, 60, 60]

    desk.waited.clear()
    decide("MSFT")
    desk.venue.fail("submit", RateLimited("429", retry_after=timedelta(seconds=1.5)), times=4)
    assert [turn.state for turn in desk.execute()] == ["unsent"]
    assert desk.waited == [Decimal("1.5")] * 3


def test_what_is_not_known_is_awaited_a_second_at_a_time_for_five(desk):
    decision = decide()
    desk.venue.fail("quote", BrokerUnavailable("not now"), times=1000)
    desk.execute()

    assert desk.waited == [1] * 5
    assert (state_of(decision), fresh(decision).blocked_by) == ("pending", "quote_facts")
    assert Denial.objects.get().times == 1


def test_the_denials_of_one_symbol_end_with_its_order_and_those_of_another_stand(desk):
    switch = {"actor": "ada", "reason": "a test", "at": desk.clock()}
    decide("A")
    decide("B")
    throw(Scope.SYMBOL, "A", on=True, **switch)
    throw(Scope.SYMBOL, "B", on=True, **switch)
    desk.execute()
    throw(Scope.SYMBOL, "A", on=False, **switch)
    desk.execute()

    ended = Denial.objects.get(symbol="A").ended_at
    assert (ended, Denial.objects.get(symbol="B").ended_at) == (desk.clock(), None)


# The carrier


def test_a_broker_that_takes_no_calls_is_told_with_the_time_until_when(desk):
    decide()
    desk.venue.fail("submit", RateLimited("429", retry_after=timedelta(seconds=90)))
    until = desk.clock() + timedelta(seconds=90)
    assert paused(until) in logged(desk.execute)

    desk.forward(90)
    desk.execute()
    desk.venue.fail("report", RateLimited("429", retry_after=timedelta(seconds=90)))
    lines = logged(desk.poll)
    assert lines[0] == paused(desk.clock() + timedelta(seconds=90))


def test_a_look_that_met_a_pause_is_told_too(desk):
    decide()
    desk.venue.fail("submit", OutcomeUnknown("no answer"))
    desk.execute()
    desk.venue.fail("find", NotAuthorised("401"))

    lines = logged(lambda: desk.poll(60))

    assert lines[0] == paused(desk.clock() + timedelta(seconds=1))
    assert ("broker_refuses_us", "dry_run") in notices()
    desk.poll(60)
    assert ("broker_refuses_us", "dry_run") not in notices()


def test_an_order_that_is_lost_and_never_was_there(desk):
    decision = decide()
    desk.venue.fail("submit", OutcomeUnknown("no answer"))
    assert logged(desk.execute)[-1] == moved(decision, "unknown", "OutcomeUnknown: no answer")
    first = (desk.clock() + timedelta(seconds=30)).isoformat()
    for _ in range(5):
        lines = logged(lambda: desk.poll(30))

    reason = str(fresh(decision).reason)
    assert reason.endswith(f"dry_run never had it (5 looks from {first} to {desk.clock().isoformat()})")
    assert lines == [moved(decision, "failed", reason)]


def test_what_the_operator_reads_of_an_order_that_is_stuck(desk):
    decision = decide()
    desk.venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    desk.execute()
    desk.venue.fail("find", BrokerUnavailable("down"), times=5)
    for tries in range(1, 5):
        desk.poll(61)
        # The submission itself was the first.
        assert bool(notices()) == (tries + 1 >= 5)

    row, notice = attempt_of(decision), Notice.objects.get(closed_at=None)
    assert (notice.kind, notice.subject, notice.opened_at) == (
        "decision_order_stuck",
        row.client_order_id,
        desk.clock(),
    )
    assert notice.text == (
        f"it is not known after 5 tries what became of order {row.client_order_id} (congressional, BUY AAPL): "
        "BrokerUnavailable: down. It is asked for again and never sent a second time. Look at the orders at dry_run; "
        f"`manage.py recheck_decisions {decision.decision_id}` asks at once, and `manage.py cancel_decision "
        f"{decision.decision_id}` cancels it there, or ends it with --not-there if it is not"
    )
    # What is known of it stays what it was; that it is asked for in vain is counted.
    assert (row.status, row.reason, row.tries) == ("unknown", "OutcomeUnknown: no answer", 5)


def test_what_the_operator_reads_of_one_whose_late_fills_are_not_known(desk):
    decision = decide()
    desk.execute()
    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.poll()
    desk.venue.fail("report", UnusableReport("a word that nobody knows"))
    desk.poll(301)

    (notice,) = Notice.objects.filter(closed_at=None)
    name = attempt_of(decision).client_order_id
    assert notice.text == (
        f"order {name} (congressional, BUY AAPL) has ended as filled, and whether anything was filled after that is "
        "not known after 1 tries: UnusableReport: a word that nobody knows. It is asked for again, for a day. Look at "
        f"it at dry_run; `manage.py recheck_decisions {decision.decision_id}` asks at once"
    )


def test_an_order_that_the_broker_does_not_know_under_its_own_id_is_sought_under_ours(desk):
    decision = decide()
    desk.execute()
    name = attempt_of(decision).client_order_id
    # As where an order was replaced.
    report = desk.venue.orders_taken[name]
    desk.venue.report = lambda id: Venue.report(desk.venue, "V-9")

    desk.poll()
    assert attempt_of(decision).status == "submitted"

    desk.venue.orders_taken.clear()
    desk.poll()
    assert (attempt_of(decision).status, notices()) == ("unknown", [])
    assert attempt_of(decision).reason == "NoSuchOrder: the venue has no order V-9"

    desk.venue.orders_taken[name] = report
    desk.poll()
    assert attempt_of(decision).status == "submitted"


# When it is looked at next


@pytest.fixture
def patient():
    """A desk that asks about an order every five seconds, once it is not young any more."""
    desk = Desk()
    desk.carrier._poll_every = timedelta(seconds=5)
    return desk


def next_look(desk):
    return (TradeExecution.objects.get().not_before - desk.clock()).total_seconds()


def test_an_order_is_asked_about_often_while_it_is_young_and_whenever_something_was_filled(patient):
    decide()
    patient.execute()
    looks = [next_look(patient)]
    for seconds in (13, 2, 5):
        patient.poll(seconds)
        looks.append(next_look(patient))
    assert looks == [1, 1, 5, 5]

    patient.venue.tell(OrderStatus.PARTIALLY_FILLED, "1")
    patient.poll(5)
    assert next_look(patient) == 1
    patient.poll(1)
    assert next_look(patient) == 5


def test_one_that_is_asked_about_in_vain_waits_twice_as_long_each_time_and_a_minute_at_the_most(patient):
    decide()
    patient.execute()
    patient.venue.fail("report", BrokerUnavailable("down"), times=8)
    looks = []
    for _ in range(8):
        patient.poll(60)
        looks.append(next_look(patient))
    assert looks == [1, 2, 4, 8, 16, 32, 60, 60]
    assert TradeExecution.objects.get().tries == 8

    patient.poll(60)
    assert (next_look(patient), TradeExecution.objects.get().tries) == (5, 0)


def test_one_that_ended_is_looked_at_every_five_minutes_for_half_an_hour(patient):
    decide()
    patient.execute()
    patient.forward(1)
    patient.venue.tell(OrderStatus.FILLED, "4")
    patient.poll(0)
    looks = []
    while (row := TradeExecution.objects.get()).not_before is not None:
        looks.append(next_look(patient))
        patient.poll(next_look(patient))
    assert looks == [300] * 6
    assert row.ended_at + timedelta(minutes=30) == patient.clock()


@pytest.mark.parametrize(("seconds", "state"), [(300, "submitted"), (300.001, "unknown")])
def test_what_could_not_be_sent_for_five_minutes_may_still_be_and_not_after_that(desk, monkeypatch, seconds, state):
    decision = decide()
    with monkeypatch.context() as patched:
        CRASHES["after the intent, before anything"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()
    desk.forward(seconds)

    desk.execute()

    assert state_of(decision) == state


def test_a_look_at_an_order_that_only_seeks_sends_nothing(desk, monkeypatch):
    decision = decide()
    with monkeypatch.context() as patched:
        CRASHES["after the intent, before anything"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()
    (order,) = AuditBook().open_orders("dry_run")

    stands = desk.carrier.follow_up(AuditBook(), order, may_send=False)

    assert (stands.state, desk.venue.submitted) == ("unknown", [])
    assert stands.tries == attempt_of(decision).tries == 1

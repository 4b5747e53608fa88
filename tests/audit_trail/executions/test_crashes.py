"""A process that dies anywhere between the intent and the booking leaves exactly one order at the broker in the end."""

from contextlib import suppress
from datetime import timedelta

import pytest

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.books import Book
from audit_trail.executions.carrier import SENDING_TAKES, Carrier
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.executions.verbs import Refused
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.audit_trail.executions.test_executing import decide
from tests.flows.test_concurrency import at_once
from tests.support.stations import notices
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, OrderRejected, OutcomeUnknown
from trading.submission import submitter
from trading.submission.absence import Absence
from trading.submission.sendings import Sending

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What nothing catches, as a process that is killed catches nothing."""


def killed_before(monkeypatch, owner, name):
    def die(*args, **kwargs):
        raise Killed

    monkeypatch.setattr(owner, name, die)


def killed_after(monkeypatch, owner, name):
    real = getattr(owner, name)

    def die(*args, **kwargs):
        real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(owner, name, die)


CRASHES = {
    "before the intent is committed": lambda m, desk: killed_before(m, AuditBook, "place"),
    "before the intent is committed, all written": lambda m, desk: killed_after(m, AuditBook, "place"),
    "after the intent, before anything": lambda m, desk: killed_before(m, Carrier, "send"),
    "before the call": lambda m, desk: killed_before(m, desk.venue, "submit"),
    "after accept": lambda m, desk: killed_after(m, desk.venue, "submit"),
    "before booking": lambda m, desk: killed_before(m, Carrier, "_booked"),
    "while booking, all written": lambda m, desk: killed_after(m, AuditBook, "keep"),
    "before its way is forgotten": lambda m, desk: killed_before(m, submitter.Submitter, "settle"),
}


def again(desk: Desk) -> Desk:
    """Another process with the same database and broker, after the first was found to be gone."""
    desk.forward(SENDING_TAKES.total_seconds() + 5)
    return Desk(broker=desk.venue, clock=desk.clock, ledger=desk.ledger)


@pytest.mark.parametrize("crash", CRASHES)
def test_b_aud_4_one_order_is_at_the_broker_wherever_the_process_died(monkeypatch, crash):
    desk = Desk()
    decision, next_one = decide("A", strength="2"), decide("B", strength="1")
    with monkeypatch.context() as patched:
        CRASHES[crash](patched, desk)
        with pytest.raises(Killed):
            desk.execute()

    after = again(desk)
    after.execute()

    assert [request.symbol for request in desk.venue.submitted] == ["A", "B"]
    assert list(desk.venue.orders_taken) == [attempt_of(each).client_order_id for each in (decision, next_one)]
    assert (state_of(decision), state_of(next_one)) == ("submitted", "submitted")
    desk.venue.tell(OrderStatus.FILLED, "4", order=0)
    after.poll(10)
    assert state_of(decision) == "executed"
    assert ExecutionFill.objects.count() == 1
    assert notices() == []


@pytest.mark.parametrize("crash", [name for name in CRASHES if name not in ("before the call",)])
def test_c9_one_order_is_at_a_broker_that_knows_no_ids_of_ours(monkeypatch, crash):
    desk = Desk(our_ids=False, fractional_digits=None, notional=False)
    decision = decide("A")
    with monkeypatch.context() as patched:
        CRASHES[crash](patched, desk)
        with pytest.raises(Killed):
            desk.execute()

    after = again(desk)
    after.execute()

    assert len(desk.venue.orders_taken) == 1
    assert (state_of(decision), attempt_of(decision).broker_order_id) == ("submitted", "V-1")
    after.poll(10)
    assert len(desk.venue.orders_taken) == 1


def test_c9_where_it_died_with_the_call_on_its_lips_the_order_is_looked_for_and_never_sent(monkeypatch):
    desk = Desk(our_ids=False, fractional_digits=None, notional=False)
    decision = decide("A")
    with monkeypatch.context() as patched:
        CRASHES["before the call"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()

    after = again(desk)
    after.execute()
    assert (state_of(decision), len(desk.venue.orders_taken)) == ("unknown", 0)
    for _ in range(12):
        after.poll(30)

    row = fresh(decision)
    assert (row.status, row.failure_kind) == ("failed", "never_at_the_broker")
    assert "5 looks" in str(row.reason)
    assert desk.venue.orders_taken == {}
    assert not Sending.objects.exists()
    assert not Absence.objects.exists()


def test_an_order_that_is_being_sent_is_left_to_the_process_that_sends_it(monkeypatch):
    desk = Desk()
    decision = decide("A")
    with monkeypatch.context() as patched:
        CRASHES["after the intent, before anything"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()

    # For all that is known, that process still lives.
    other = Desk(broker=desk.venue, clock=desk.clock, ledger=desk.ledger)
    other.forward(60)
    assert other.execute() == []
    other.poll()
    assert other.verbs.recheck([decision.decision_id])[0].endswith(str(attempt_of(decision).sender))
    assert desk.venue.orders_taken == {}

    # Once it is known to be gone, nobody waits.
    TradeExecution.objects.update(sender=f"{attempt_of(decision).sender.partition(':')[0]}:999999999:x")
    other.execute()
    assert state_of(decision) == "submitted"


def test_what_could_not_be_sent_for_long_is_not_sent_any_more(monkeypatch):
    """It was let through on what was known then; a broker that never had it is asked until that is certain."""
    desk = Desk()
    decision = decide("A")
    with monkeypatch.context() as patched:
        CRASHES["after the intent, before anything"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()

    desk.forward(301)
    after = Desk(broker=desk.venue, clock=desk.clock, ledger=desk.ledger)
    after.execute()
    assert state_of(decision) == "unknown"
    for _ in range(10):
        after.poll(30)

    row = fresh(decision)
    assert (row.status, row.failure_kind) == ("failed", "never_at_the_broker")
    assert desk.venue.submitted == []


def test_i7_silence_becomes_no_failure_by_time_alone():
    desk = Desk()
    decision = decide("A")
    desk.venue.fail("submit", OutcomeUnknown("no answer"))
    desk.execute()
    desk.venue.fail("find", BrokerUnavailable("down"), times=50)
    for _ in range(50):
        desk.poll(60)

    assert state_of(decision) == "unknown"
    assert [kind for kind, _ in notices()] == ["decision_order_stuck"]

    for _ in range(10):
        desk.poll(60)
    assert state_of(decision) == "failed"
    assert notices() == []
    assert len(desk.venue.submitted) == 0


def test_an_order_that_was_taken_into_silence_is_found_and_adopted_once():
    desk = Desk()
    decision = decide("A")
    desk.venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    desk.execute()
    assert state_of(decision) == "unknown"

    (told,) = desk.verbs.recheck()
    name = attempt_of(decision).client_order_id
    assert told == (
        f"congressional BUY A on 2026-03-02 is submitted; its order {name} is submitted, 0 of 4 shares filled"
    )
    assert len(desk.venue.orders_taken) == 1


def test_l22_an_error_while_booking_leaves_the_order_to_be_found(monkeypatch):
    desk = Desk()
    decision = decide("A")
    with monkeypatch.context() as patched:

        def refuse(*args, **kwargs):
            raise RuntimeError("the database is gone")

        patched.setattr(AuditBook, "keep", refuse)
        with pytest.raises(RuntimeError):
            desk.execute()
    assert (state_of(decision), attempt_of(decision).status) == ("submitted", "sending")

    again(desk).execute()
    assert attempt_of(decision).broker_order_id == "V-1"
    assert len(desk.venue.submitted) == 1


# At once.


def lawless(desk: Desk) -> Desk:
    """A desk that asks nobody whether another one is at work."""
    desk.executor._take_up = lambda book: None

    def run():
        account = desk.executor._account()
        return desk.executor._one_by_one(AuditBook(), desk.executor._pending(account, None, None))

    desk.executor.execute = run
    return desk


@pytest.mark.django_db(transaction=True)
def test_l21_two_processes_at_once_send_each_decision_once():
    first = Desk()
    second = Desk(broker=first.venue, clock=first.clock, ledger=first.ledger)
    decisions = [decide(f"S{n}", strength=str(n)) for n in range(12)]

    at_once(lawless(first).execute, lawless(second).execute)

    names = [request.client_order_id for request in first.venue.submitted]
    assert len(names) == len(set(names)) == 12
    assert {state_of(each) for each in decisions} == {"submitted"}
    assert TradeExecution.objects.count() == AlpacaOrder.objects.count() == 12


@pytest.mark.django_db(transaction=True)
def test_of_two_runs_at_once_one_does_it_all_and_in_order():
    first = Desk()
    second = Desk(broker=first.venue, clock=first.clock, ledger=first.ledger)
    for n in range(6):
        decide(f"S{n}", strength=str(n + 1))

    def run(desk):
        try:
            return desk.execute()
        except Exception as busy:  # noqa: BLE001  # told apart below
            return type(busy).__name__

    at_once(lambda: run(first), lambda: run(second))

    assert [request.symbol for request in first.venue.submitted] == ["S5", "S4", "S3", "S2", "S1", "S0"]


def test_who_cancels_what_was_not_sent_yet_does_not_send_it(monkeypatch):
    """It was sent first and cancelled then, if it had not been filled by that time."""
    desk, decision = Desk(), decide("A")
    with monkeypatch.context() as patched:
        CRASHES["before the call"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()
    asked = {"actor": "ada", "reason": "a split"}

    with pytest.raises(Refused, match="cancel it when that is done"):
        desk.verbs.cancel(decision.decision_id, **asked)
    after = again(desk)
    with pytest.raises(Refused, match="it is not known whether dry_run has the order"):
        after.verbs.cancel(decision.decision_id, **asked)
    after.verbs.cancel(decision.decision_id, **asked, not_there=True)

    assert state_of(decision) == "failed"
    assert desk.venue.submitted == []


@pytest.mark.django_db(transaction=True)
def test_a_cancel_and_an_execution_at_once_come_to_one_of_the_two():
    desk = Desk()
    decisions = [decide(f"S{n}") for n in range(8)]

    def cancel():
        for each in reversed(decisions):
            with suppress(Refused):  # It was being sent.
                desk.verbs.cancel(each.decision_id, actor="ada", reason="a split")

    at_once(cancel, desk.execute)

    for row in TradeDecision.objects.all():
        sent = row.symbol in {request.symbol for request in desk.venue.submitted}
        assert sent is (row.submitted_at is not None)
        assert row.status in ("submitted", "cancelled")


@pytest.mark.django_db(transaction=True)
def test_two_that_book_the_same_report_count_it_once():
    desk = Desk()
    decide("A")
    desk.execute()
    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.forward(5)
    book: Book = AuditBook()
    (order,) = book.open_orders("dry_run")

    at_once(*[lambda: desk.carrier.follow_up(book, order)] * 4)

    assert ExecutionFill.objects.count() == 1
    assert dict(desk.orders.holdings()) == {"A": 4}


def test_a_rejection_that_is_heard_after_the_order_was_found_changes_nothing():
    desk = Desk()
    decision = decide("A")
    desk.execute()
    order = AuditBook().open_orders("dry_run")[0]

    desk.carrier._settled(AuditBook(), order, submitter.Refused("no"))
    assert attempt_of(decision).status == "submitted"
    desk.carrier.give_back(AuditBook(), order, "no")
    assert state_of(decision) == "submitted"


def test_a_rejection_ends_its_way():
    desk = Desk(our_ids=False, fractional_digits=None, notional=False)
    decide("A")
    desk.venue.fail("submit", OrderRejected("no"))
    desk.execute()

    assert not Sending.objects.exists()
    assert TradeExecution.objects.get().ended_at - desk.clock() == timedelta(0)

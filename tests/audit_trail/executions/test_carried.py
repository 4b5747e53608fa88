"""Carried: what a carrier leaves on record of an order, and that it books nothing over what another process heard."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.carrier import SENDING_TAKES, ChangedMeanwhile
from audit_trail.executions.legacy import AlpacaOrder
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.audit_trail.executions.test_crashes import CRASHES, Killed
from tests.audit_trail.executions.test_executing import decide
from tests.support.stations import notices
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import OutcomeUnknown, RateLimited, UnusableReport
from trading.submission.pauses import BrokerPause
from trading.submission.sendings import Sending

pytestmark = pytest.mark.django_db

LOST = OutcomeUnknown("no answer")
UNREADABLE = UnusableReport("a status that nobody knows")


@pytest.fixture
def desk():
    return Desk()


def other(desk: Desk) -> Desk:
    """Another process with the same database and broker."""
    return Desk(broker=desk.venue, clock=desk.clock, ledger=desk.ledger)


def placed_and_not_sent(desk, monkeypatch):
    decision = decide()
    with monkeypatch.context() as patched:
        CRASHES["after the intent, before anything"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()
    return decision, only_order()


def lost(desk, *, taken):
    decision = decide()
    desk.venue.fail("submit", LOST, taken=taken)
    desk.execute()
    return decision, only_order()


def only_order():
    (order,) = AuditBook().open_orders("dry_run")
    return order


# A broker that answers again


@pytest.mark.parametrize("question", ["submit", "report"])
def test_a_broker_that_answers_is_paused_no_more(desk, question):
    decide()
    if question == "report":
        desk.execute()
    desk.venue.fail(question, RateLimited("429", retry_after=timedelta(seconds=7)))
    if question == "report":
        desk.poll()
        assert BrokerPause.objects.exists()
        desk.poll(7)
    else:
        desk.execute()

    assert desk.venue.questions(question)[1:]
    assert not BrokerPause.objects.exists()


# What another process has heard meanwhile


@pytest.mark.parametrize("our_ids", [True, False])
def test_one_that_another_process_has_sent_meanwhile_is_told_as_it_stands_and_not_sent_again(monkeypatch, our_ids):
    desk = Desk(our_ids=our_ids)
    decision, order = placed_and_not_sent(desk, monkeypatch)
    desk.forward(SENDING_TAKES.total_seconds() + 1)
    other(desk).execute()

    stands = desk.carrier.follow_up(AuditBook(), order)

    assert (stands.state, stands.broker_order_id, len(desk.venue.submitted)) == ("submitted", "V-1", 1)
    assert state_of(decision) == "submitted"


def test_one_that_another_process_has_found_is_not_ended_by_who_did_not_see_it(desk):
    decision, order = lost(desk, taken=True)
    other(desk).poll()
    assert state_of(decision) == "submitted"

    with pytest.raises(ChangedMeanwhile, match=r"found submitted after 0 tries in vain, .*, there as V-1\. It was not"):
        desk.carrier.end_by_hand(AuditBook(), order, "not there")

    row = attempt_of(decision)
    assert (row.status, state_of(decision), row.ended_at) == ("submitted", "submitted", None)


def test_one_that_another_process_has_sent_into_silence_is_not_given_back(desk, monkeypatch):
    decision, order = placed_and_not_sent(desk, monkeypatch)
    desk.forward(SENDING_TAKES.total_seconds() + 1)
    desk.venue.fail("submit", LOST)
    other(desk).execute()

    stands = desk.carrier.give_back(AuditBook(), order, "down")

    assert (stands.state, state_of(decision), attempt_of(decision).status) == ("unknown", "unknown", "unknown")


def test_an_answer_that_nobody_can_read_casts_no_doubt_on_an_end_that_another_process_heard(desk):
    decision = decide()
    desk.execute()
    order, report = only_order(), desk.venue.report

    def unreadable_by_now(broker_order_id):
        desk.venue.report = report
        desk.venue.tell(OrderStatus.FILLED, "4")
        other(desk).poll()
        raise UNREADABLE

    desk.venue.report = unreadable_by_now
    stands = desk.carrier.follow_up(AuditBook(), order)

    assert (stands.state, stands.tries, state_of(decision)) == ("filled", 0, "executed")
    assert notices() == []


# What is on record


def test_an_end_stays_an_end_where_the_broker_says_later_what_nobody_can_read(desk):
    decision = decide()
    desk.execute()
    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.poll()
    desk.venue.fail("report", UNREADABLE)

    desk.poll(301)

    row = attempt_of(decision)
    assert (row.status, row.reason, row.tries) == ("filled", None, 1)
    assert AlpacaOrder.objects.get().status == "filled"


def test_when_it_was_given_back_and_why_is_on_record(desk, monkeypatch):
    decision, order = placed_and_not_sent(desk, monkeypatch)
    desk.forward(3)

    desk.carrier.give_back(AuditBook(), order, "down")

    row = attempt_of(decision)
    assert (row.status, row.ended_at, row.reason) == ("unsent", desk.clock(), "down")


def test_when_an_operator_ended_it_and_what_they_said_is_on_record(desk):
    decision, order = lost(desk, taken=False)
    desk.forward(3)

    desk.carrier.end_by_hand(AuditBook(), order, "failed by anna: not there")

    row = attempt_of(decision)
    assert (row.status, row.ended_at, row.reason) == ("failed", desk.clock(), "failed by anna: not there")
    assert (fresh(decision).failed_at, fresh(decision).failure_kind) == (desk.clock(), "never_at_the_broker")


def test_an_answer_to_a_submission_that_nobody_can_read_is_told_at_once(desk):
    decision = decide()
    desk.venue.fail("submit", UNREADABLE, taken=True)

    desk.execute()

    assert (state_of(decision), notices()) == (
        "unknown",
        [("decision_order_stuck", attempt_of(decision).client_order_id)],
    )


def test_a_look_that_finds_it_after_four_that_did_not_is_no_fifth_of_those(desk):
    decision, order = lost(desk, taken=True)
    report = desk.venue.orders_taken.pop(order.client_order_id)
    for _ in range(4):
        desk.poll(61)
    assert state_of(decision) == "unknown"

    desk.venue.orders_taken[order.client_order_id] = report
    desk.poll(61)

    assert (state_of(decision), attempt_of(decision).broker_order_id) == ("submitted", "V-1")


def test_an_end_is_a_commit_of_its_own_and_no_part_of_another(desk, monkeypatch):
    decision, order = placed_and_not_sent(desk, monkeypatch)

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        desk.carrier.give_back(AuditBook(), order, "down")

    assert attempt_of(decision).status == "sending"


# A broker that knows no ids of ours


def test_the_way_of_an_order_is_free_once_the_broker_is_known_to_have_it_and_no_sooner():
    desk = Desk(our_ids=False)
    decision = decide()
    submit = desk.venue.submit

    def of_another(request):
        submit(request)
        return desk.venue.tell(OrderStatus.ACCEPTED, requested_shares=Decimal(3))

    desk.venue.submit = of_another
    desk.execute()
    assert (state_of(decision), Sending.objects.count()) == ("unknown", 1)

    desk.venue.tell(OrderStatus.ACCEPTED, requested_shares=Decimal(4))
    desk.poll()

    assert (state_of(decision), Sending.objects.count()) == ("submitted", 0)


def test_an_order_of_one_decision_is_never_taken_for_that_of_another_alike():
    desk = Desk(our_ids=False)
    first = decide()
    desk.execute()
    second = decide(strategy="insider")
    desk.venue.fail("submit", LOST)
    desk.execute()

    desk.poll()

    assert (attempt_of(first).broker_order_id, state_of(first)) == ("V-1", "submitted")
    assert (attempt_of(second).broker_order_id, state_of(second)) == (None, "unknown")


# Many at once


def test_what_the_broker_lists_is_booked_and_not_asked_for_again(desk):
    decisions = [decide(symbol) for symbol in ("A", "B")]
    desk.execute()
    desk.venue.tell(OrderStatus.PARTIALLY_FILLED, "1", order=0)
    desk.venue.tell(OrderStatus.PARTIALLY_FILLED, "3", order=1)
    desk.venue.asked.clear()

    desk.poll()

    assert desk.venue.asked == [("open_orders", "")]
    assert [attempt_of(decision).filled_shares for decision in decisions] == [1, 3]

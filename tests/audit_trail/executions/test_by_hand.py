"""By hand: an operator says that the broker does not have an order, while another process sends it once more."""

from contextlib import suppress

import pytest

from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.carrier import SENDING_TAKES, Carrier, ChangedMeanwhile
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.legacy_book import LegacyBook
from audit_trail.executions.verbs import Refused
from tests.audit_trail.decisions.drafts import TODAY, draft
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.audit_trail.executions.test_crashes import CRASHES, Killed
from tests.audit_trail.executions.test_executing import decide
from tests.flows.test_concurrency import at_once
from tests.support.stations import notices
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, NotCancellable, OutcomeUnknown, RateLimited

pytestmark = pytest.mark.django_db

SENDERS = {
    "poller": lambda desk: desk.poller.run_once(now=desk.clock()),
    "executor": lambda desk: desk.execute(),
    "recheck": lambda desk: desk.verbs.recheck(),
}
"""Whoever sends an order that was left in the middle."""


@pytest.fixture
def left(monkeypatch):
    """Leave decisions whose orders were placed, and not sent by the process that placed them."""

    def leave(*symbols):
        desk, decisions = Desk(), [decide(symbol) for symbol in symbols]

        def dies(self, book, order):
            raise RuntimeError("the process is gone")

        with monkeypatch.context() as patched:
            patched.setattr(Carrier, "send", dies)
            with pytest.raises(RuntimeError):
                desk.execute()
        desk.forward(SENDING_TAKES.total_seconds() + 1)
        return desk, decisions

    return leave


def other(desk):
    """Another process with the same database and broker."""
    return Desk(broker=desk.venue, clock=desk.clock, ledger=desk.ledger)


def said_not_to_be_there(desk, decision):
    return desk.verbs.cancel(decision.decision_id, actor="ada", reason="not at the venue", not_there=True)


def only_order():
    (order,) = AuditBook().open_orders("dry_run")
    return order


def while_it_is_sent(desk, act, *, then=None):
    """Do something in the middle of the next call that sends an order; the process hears nothing, or dies."""
    submit = desk.venue.submit

    def slow(request):
        desk.venue.submit = submit
        act()
        report = submit(request)
        if then is not None:
            raise then
        return report

    desk.venue.submit = slow


def filled_in_the_end(desk, decision):
    desk.venue.tell(OrderStatus.FILLED, "4")
    for _ in range(5):
        desk.poll(61)
    return state_of(decision) == "executed" and attempt_of(decision).filled_shares == 4


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("then", [None, OutcomeUnknown("reset"), Killed()], ids=["answered", "in doubt", "died"])
def test_an_order_that_is_sent_once_more_is_not_ended_by_hand_meanwhile(left, sender, then):
    desk, (decision,) = left("A")
    second, operator = other(desk), other(desk)
    seen = []

    def say():
        seen.append(attempt_of(decision))
        with pytest.raises(Refused, match=f"is being sent by {second.carrier.process}: cancel it when that is done"):
            said_not_to_be_there(operator, decision)

    while_it_is_sent(desk, say, then=then)
    with suppress(Killed):
        SENDERS[sender](second)

    (row,) = seen
    assert (row.status, row.sender) == ("sending", second.carrier.process)
    assert row.not_before == desk.clock() + SENDING_TAKES
    assert state_of(decision) in ("submitted", "unknown")
    desk.forward(SENDING_TAKES.total_seconds() + 1)
    assert filled_in_the_end(second, decision)
    assert len(desk.venue.submitted) == 1
    assert notices() == []


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("then", [OutcomeUnknown("reset"), Killed()], ids=["in doubt", "died"])
def test_nor_where_it_is_sent_after_the_broker_was_asked_and_before_the_word_is_booked(left, sender, then):
    desk, (decision,) = left("A")
    second, operator = other(desk), other(desk)
    while_it_is_sent(desk, lambda: None, then=then)

    def sent_meanwhile(question, about):
        assert question == "find"
        with suppress(Killed):
            SENDERS[sender](second)

    desk.venue.meanwhile = sent_meanwhile
    with pytest.raises(Refused) as refused:
        said_not_to_be_there(operator, decision)

    if isinstance(then, Killed):
        assert f"is being sent by {second.carrier.process}" in str(refused.value)
    else:
        name = attempt_of(decision).client_order_id
        assert str(refused.value) == (
            f"order {name} (congressional, BUY A) changed while dry_run was asked for it: expected unknown after 1 "
            f"tries in vain, sent by {desk.carrier.process}, 0 shares filled; found unknown after 2 tries in vain, "
            f"sent by {second.carrier.process}, 0 shares filled. It was not ended: it may have been sent just now. "
            "Look at the broker's orders again, and say so again if it is not there"
        )
    assert state_of(decision) in ("submitted", "unknown")
    desk.forward(SENDING_TAKES.total_seconds() + 1)
    assert filled_in_the_end(second, decision)
    assert notices() == []


def test_what_changes_between_the_look_and_the_word_is_seen_under_the_lock(left):
    desk, (decision,) = left("A")
    order = only_order()
    desk.venue.fail("submit", OutcomeUnknown("reset"), taken=True)
    SENDERS["poller"](other(desk))

    with pytest.raises(ChangedMeanwhile, match="expected sending after 0 tries in vain"):
        desk.carrier.end_by_hand(AuditBook(), order, "failed by ada: not there")

    assert (state_of(decision), attempt_of(decision).status) == ("unknown", "unknown")


def test_an_order_that_nobody_sends_is_ended_by_hand_as_ever(left):
    desk, (decision,) = left("A")

    told = said_not_to_be_there(other(desk), decision)

    assert "is failed" in told
    assert attempt_of(decision).reason == "failed by ada: not at the venue"
    assert desk.venue.submitted == []


def test_one_that_could_not_be_sent_once_more_may_be_ended_once_its_turn_is_over(left):
    desk, (decision,) = left("A")
    desk.venue.fail("submit", BrokerUnavailable("503"))
    second = other(desk)
    SENDERS["poller"](second)
    row = attempt_of(decision)
    assert (row.status, row.sender, row.tries) == ("sending", second.carrier.process, 1)
    assert row.not_before < desk.clock() + SENDING_TAKES

    desk.forward(2)
    assert "is failed" in said_not_to_be_there(other(desk), decision)


def test_a_pause_that_the_broker_asked_for_is_no_time_in_which_it_may_be_ended(monkeypatch):
    desk = Desk()
    decision = decide("A")
    desk.venue.fail("submit", RateLimited("429"), times=3)
    monkeypatch.setattr(desk.executor, "_wait", lambda seconds: desk.forward(50))
    submit, left_for = desk.venue.submit, []

    def said_meanwhile(request):
        with pytest.raises(Refused, match="is being sent by"):
            said_not_to_be_there(other(desk), decision)
        left_for.append(attempt_of(decision).not_before - desk.clock())
        return submit(request)

    desk.venue.submit = said_meanwhile
    desk.execute()

    assert left_for == [SENDING_TAKES] * 4
    assert state_of(decision) == "submitted"


def test_one_that_another_took_up_in_such_a_pause_is_left_to_it(monkeypatch):
    desk = Desk()
    decision = decide("A")
    desk.venue.fail("submit", RateLimited("429"))

    def wait(seconds):
        desk.forward(SENDING_TAKES.total_seconds() + 1)
        other(desk).poller.run_once(now=desk.clock())

    monkeypatch.setattr(desk.executor, "_wait", wait)
    (turn,) = desk.execute()

    assert (turn.state, state_of(decision)) == ("submitted", "submitted")
    assert len(desk.venue.questions("find")) == 2  # Each looks once before it sends.


def test_what_another_process_sends_at_this_moment_is_neither_given_back_nor_put_off_nor_lost_by_who_read_it_before(
    left,
):
    desk, (decision,) = left("A")
    order, second = only_order(), other(desk)
    assert second.carrier.take_up(AuditBook(), order) is not None
    taken = attempt_of(decision)

    assert desk.carrier.take_up(AuditBook(), order) is None
    desk.carrier.give_back(AuditBook(), order, "down")
    assert desk.carrier.follow_up(AuditBook(), order, may_send=False).sender == second.carrier.process
    desk.venue.fail("find", BrokerUnavailable("503"))
    with pytest.raises(BrokerUnavailable):
        desk.carrier.follow_up(AuditBook(), order, may_send=False)

    row = attempt_of(decision)
    assert (row.status, row.sender, row.not_before, row.tries) == (
        "sending",
        taken.sender,
        desk.clock() + SENDING_TAKES,
        0,
    )


def test_who_sends_an_order_of_the_legacy_log_once_more_is_on_record_there(monkeypatch):
    desk = Desk()
    with monkeypatch.context() as patched:
        CRASHES["before the call"](patched, desk)
        with pytest.raises(Killed):
            desk.executor.carry_out([draft("A")], trading_day=TODAY, audit_trail=False)
    desk.forward(SENDING_TAKES.total_seconds() + 1)
    second, seen = other(desk), []
    while_it_is_sent(desk, lambda: seen.append(AlpacaOrder.objects.get()))

    SENDERS["poller"](second)

    assert (seen[0].sender, seen[0].not_before) == (second.carrier.process, desk.clock() + SENDING_TAKES)
    assert [order.state for order in LegacyBook().open_orders("dry_run")] == ["submitted"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sender", ["poller", "recheck"])
def test_of_a_word_and_a_sending_at_once_no_order_is_at_the_broker_that_was_ended(left, sender):
    desk, decisions = left(*[f"S{n}" for n in range(6)])
    operator, second = other(desk), other(desk)

    def say():
        for each in reversed(decisions):
            with suppress(Refused):
                said_not_to_be_there(operator, each)

    at_once(say, lambda: SENDERS[sender](second))

    there = {request.symbol for request in desk.venue.submitted}
    assert {each.symbol for each in decisions if state_of(each) == "failed"}.isdisjoint(there)


# Cancelling at the broker


def asked_by(decision):
    row = attempt_of(decision)
    return row.cancel_asked_by, row.cancel_reason, row.cancel_asked_at


def cancelled_there(desk, decision):
    """The venue ends the order by itself, and we hear of it."""
    desk.venue.tell(OrderStatus.CANCELLED, reason="halted")
    desk.poll(61)
    return fresh(decision)


@pytest.mark.parametrize("nothing", [BrokerUnavailable("closed"), RateLimited("429"), NoSuchOrder("none of this id")])
def test_a_cancel_that_changed_nothing_at_the_broker_explains_no_end_that_came_by_itself(nothing):
    desk, decision = Desk(), decide()
    desk.execute()
    desk.venue.fail("report", nothing)

    with pytest.raises(Refused, match="did not cancel"):
        desk.verbs.cancel(decision.decision_id, actor="ada", reason="a split")

    assert asked_by(decision) == (None, None, None)
    ended = cancelled_there(desk, decision)
    assert (ended.status, ended.cancelled_by, ended.reason) == ("cancelled", "dry_run", "halted")


def test_nor_does_it_take_an_earlier_operators_word_away():
    desk, decision = Desk(), decide()
    desk.execute()
    desk.venue.fail("report", OutcomeUnknown("reset"))
    desk.verbs.cancel(decision.decision_id, actor="ada", reason="a split")
    first, at = asked_by(decision), desk.clock()
    desk.forward(5)
    desk.venue.fail("report", BrokerUnavailable("closed"))

    with pytest.raises(Refused):
        desk.verbs.cancel(decision.decision_id, actor="ben", reason="a slip")

    assert asked_by(decision) == first == ("ada", "a split", at)


def test_nor_a_later_ones():
    desk, decision = Desk(), decide()
    desk.execute()
    report = desk.venue.report

    def while_another_asks(order):
        desk.venue.report = report
        desk.venue.fail("report", OutcomeUnknown("reset"))
        other(desk).verbs.cancel(decision.decision_id, actor="ben", reason="a split")
        raise BrokerUnavailable("closed")

    desk.venue.report = while_another_asks

    with pytest.raises(Refused):
        desk.verbs.cancel(decision.decision_id, actor="ada", reason="a slip")

    assert asked_by(decision)[:2] == ("ben", "a split")


@pytest.mark.parametrize("unclear", [OutcomeUnknown("reset"), NotCancellable("being cancelled")])
def test_a_cancel_that_may_have_come_about_explains_the_end(unclear):
    desk, decision = Desk(), decide()
    desk.execute()
    desk.venue.fail("report", unclear)

    desk.verbs.cancel(decision.decision_id, actor="ada", reason="a split")

    ended = cancelled_there(desk, decision)
    assert (ended.status, ended.cancelled_by, ended.reason) == ("cancelled", "ada", "a split")

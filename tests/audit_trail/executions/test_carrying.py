"""Carrying: what an operator hears at once, and what is written where a broker says nothing new."""

import msgspec
import pytest

from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.carrier import SEND_WITHIN, SENDING_TAKES
from audit_trail.executions.orders import Remark
from audit_trail.executions.remarks import tell
from tests.audit_trail.executions.desk import Desk, attempt_of, state_of
from tests.audit_trail.executions.test_crashes import CRASHES, Killed
from tests.audit_trail.executions.test_executing import decide
from tests.support.stations import notices
from trading.brokers.outcomes import OrderRejected, OutcomeUnknown, UnusableReport
from trading.notices.models import Notice
from trading.submission.absence import Absence
from trading.submission.sendings import Sending, begin
from trading.values.quantities import shares

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    return Desk()


def test_an_operator_hears_at_once_of_a_lost_order_of_which_the_broker_says_what_can_not_be(desk):
    decision = decide()
    desk.venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    desk.execute()
    assert notices() == []
    desk.venue.fail("find", UnusableReport("a status that nobody knows"))

    desk.poll()

    row = attempt_of(decision)
    assert (row.status, row.tries, row.reason) == ("unknown", 2, "UnusableReport: a status that nobody knows")
    notice = Notice.objects.get(closed_at=None)
    assert (notice.kind, notice.subject) == ("decision_order_stuck", row.client_order_id)
    assert f"order {row.client_order_id} (congressional, BUY AAPL): UnusableReport: a status" in notice.text


def test_a_look_that_told_nothing_new_changes_when_the_next_one_is_and_nothing_else(desk, monkeypatch):
    decision = decide()
    desk.execute()
    kept = []
    monkeypatch.setattr(AuditBook, "keep", lambda self, before, after, *, now: kept.append(after))

    desk.poll()

    assert kept == []
    assert attempt_of(decision).not_before > desk.clock()


def test_a_remark_of_which_no_page_tells_is_refused_in_so_many_words(desk):
    with pytest.raises(ValueError, match=r"^expected a kind of notice that a page tells of, was outage$"):
        tell(Remark("outage", "the broker is down"), "order 1", desk.clock())
    assert notices() == []


def test_a_refusal_of_an_order_that_a_dead_process_may_have_sent_is_none_while_that_one_is_not_shown(desk, monkeypatch):
    decision = decide()
    with monkeypatch.context() as patched:
        CRASHES["after accept"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()
    (order,) = AuditBook().open_orders("dry_run")
    find, desk.venue.find = desk.venue.find, lambda ours: None
    desk.venue.fail("submit", OrderRejected("insufficient buying power"))
    desk.forward(SENDING_TAKES.total_seconds())

    assert desk.carrier.follow_up(AuditBook(), order).state == "unknown"
    desk.venue.find = find
    desk.poll()

    assert attempt_of(decision).broker_order_id == "V-1"
    assert state_of(decision) == "submitted"


def test_what_can_not_be_sent_while_another_alike_is_on_its_way_is_put_off_and_sent_after_it(monkeypatch):
    """C9: a broker that knows no ids of ours could not tell the two apart."""
    desk = Desk(our_ids=False)
    decide()
    with monkeypatch.context() as patched:
        CRASHES["after the intent, before anything"](patched, desk)
        with pytest.raises(Killed):
            desk.execute()
    (order,) = AuditBook().open_orders("dry_run")
    hedges = msgspec.structs.replace(order.request, client_order_id="ht-test-7-1")
    begin("dry_run", hedges, held_before=shares(0), resolved=lambda name: False, now=desk.clock())

    stands = desk.carrier.follow_up(AuditBook(), order)

    assert (stands.state, stands.tries, desk.venue.submitted) == ("sending", 1, [])
    assert str(stands.reason).startswith("order ht-test-7-1 to BUY 4 AAPL is on its way to dry_run")
    Sending.objects.all().delete()
    assert desk.carrier.follow_up(AuditBook(), stands).state == "submitted"


def test_one_that_was_taken_into_silence_is_found_among_those_that_the_broker_lists():
    desk = Desk(our_ids=False)
    decision = decide()
    desk.venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    desk.execute()
    assert attempt_of(decision).status == "unknown"

    desk.poll()

    row = attempt_of(decision)
    assert (row.status, row.broker_order_id, len(desk.venue.submitted)) == ("submitted", "V-1", 1)


def refused_late(desk, meanwhile):
    """A decision to whose order the broker says no, after something has happened for long in another process."""
    decision, submit = decide(), desk.venue.submit

    def say_no(request):
        desk.venue.submit = submit
        meanwhile(Desk(broker=desk.venue, clock=desk.clock, ledger=desk.ledger))
        assert attempt_of(decision).status == "unknown"
        raise OrderRejected("insufficient buying power")

    desk.venue.submit = say_no
    desk.execute()
    return decision


# Where the broker knows our ids, another process sends the order once more until it is too late for that.
@pytest.mark.parametrize(("our_ids", "after"), [(True, SEND_WITHIN), (False, SEND_WITHIN), (False, SENDING_TAKES)])
def test_a_no_is_booked_though_another_process_looked_for_the_order_and_did_not_see_it(our_ids, after):
    decision = refused_late(Desk(our_ids=our_ids), lambda other: other.poll(after.total_seconds() + 1))

    row = attempt_of(decision)
    assert (row.status, row.reason) == ("rejected", "insufficient buying power")
    assert (state_of(decision), Sending.objects.count()) == ("failed", 0)


def test_a_no_is_not_the_last_word_where_another_process_sent_the_order_into_silence_meanwhile(desk):
    desk.venue.fail("submit", OutcomeUnknown("no answer"), taken=True)

    decision = refused_late(desk, lambda other: other.poll(SENDING_TAKES.total_seconds() + 1))

    assert state_of(decision) == "unknown"
    desk.poll(61)
    assert (state_of(decision), attempt_of(decision).broker_order_id) == ("submitted", "V-1")


def test_and_how_often_it_was_looked_for_in_vain_is_not_forgotten(desk):
    desk.venue.fail("submit", OutcomeUnknown("no answer"))

    def sends_and_looks(other):
        other.poll(SENDING_TAKES.total_seconds() + 1)
        other.poll(61)

    decision = refused_late(desk, sends_and_looks)

    assert (state_of(decision), Absence.objects.get().looks) == ("unknown", 1)

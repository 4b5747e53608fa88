"""What a broker says of an order after its end, and what is done where it can't be heard then."""

from datetime import timedelta

import pytest

from audit_trail.executions.carrier import MOST_LATE_TRIES
from audit_trail.executions.models import ExecutionFill, TradeExecution
from tests.audit_trail.decisions.drafts import draft, stored
from tests.audit_trail.executions.desk import Desk, attempt_of, state_of
from tests.audit_trail.executions.test_executing import VENUE
from tests.support.stations import notices
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown, UnusableReport
from trading.notices.models import Notice

pytestmark = pytest.mark.django_db

LATE_SECONDS = timedelta(minutes=31).total_seconds()


@pytest.fixture
def desk():
    return Desk()


def filled(desk):
    """A decision whose order was filled with all that it asked for."""
    (decision,) = stored(draft("AAPL"), account=VENUE)
    desk.execute()
    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.poll()
    return decision


def ended_while_it_was_held_up(desk):
    """A decision whose order leaves after an operator saw that it was not there, and said so."""
    (decision,) = stored(draft("AAPL"), account=VENUE)
    submit = desk.venue.submit

    def held_up(request):
        desk.forward(700)
        desk.verbs.cancel(decision.decision_id, actor="anna", reason="not at the venue", not_there=True)
        assert state_of(decision) == "failed"
        return submit(request)

    desk.venue.submit = held_up
    desk.execute()
    desk.venue.submit = submit
    return decision


@pytest.mark.parametrize("outage", [BrokerUnavailable("out of order"), UnusableReport("a status that nobody knows")])
def test_the_last_look_is_one_that_was_answered(desk, outage):
    decision = filled(desk)
    desk.venue.tell(OrderStatus.FILLED, "5")
    desk.venue.fail("report", outage, times=2)

    desk.poll(LATE_SECONDS)
    desk.poll(301)
    assert attempt_of(decision).filled_shares == 4
    desk.poll(301)

    assert attempt_of(decision).filled_shares == 5
    assert ExecutionFill.objects.order_by("id").last().is_late
    assert attempt_of(decision).not_before is None
    assert [kind for kind, _ in notices()] == ["late_fill"]


def test_an_ended_order_that_can_not_be_asked_about_is_told_of_and_asked_about_for_a_day(desk):
    filled(desk)
    desk.venue.fail("report", BrokerUnavailable("out of order"), times=1000)
    looks = len(desk.venue.asked)
    for _ in range(5):
        desk.poll(LATE_SECONDS)
    notice = Notice.objects.get(closed_at=None)
    assert notice.kind == "decision_order_stuck"
    assert "whether anything was filled after that is not known" in notice.text

    while TradeExecution.objects.get().not_before is not None:
        desk.poll(301)

    assert len(desk.venue.asked) - looks == MOST_LATE_TRIES
    assert [kind for kind, _ in notices()] == ["decision_order_stuck"]


def test_the_notice_goes_with_the_first_answer(desk):
    filled(desk)
    desk.venue.fail("report", BrokerUnavailable("out of order"), times=6)
    for _ in range(6):
        desk.poll(LATE_SECONDS)
    assert [kind for kind, _ in notices()] == ["decision_order_stuck"]

    desk.poll(301)

    assert notices() == []


def test_an_order_that_left_after_it_was_said_not_to_be_there_is_found_and_told_of(desk):
    decision = ended_while_it_was_held_up(desk)

    row = attempt_of(decision)
    assert (row.status, row.broker_order_id) == ("failed", "V-1")
    notice = Notice.objects.get(closed_at=None)
    assert notice.kind == "decision_order_stopped"
    assert "is open at the broker as V-1" in notice.text

    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.poll(301)

    assert attempt_of(decision).filled_shares == 4
    assert dict(desk.orders.holdings()) == {"AAPL": 4}
    desk.poll(301)
    assert [kind for kind, _ in notices()] == ["late_fill"]


def test_it_is_looked_at_for_as_long_as_it_is_open_there(desk):
    decision = ended_while_it_was_held_up(desk)
    for _ in range(20):
        desk.poll(301)
    assert [kind for kind, _ in notices()] == ["decision_order_stopped"]

    desk.venue.tell(OrderStatus.CANCELLED, "1")
    desk.poll(301)

    row = attempt_of(decision)
    assert (row.status, row.filled_shares, row.not_before) == ("failed", 1, None)


def test_one_that_left_then_into_silence_is_looked_for(desk):
    desk.venue.fail("submit", OutcomeUnknown("no answer in time"), taken=True)
    decision = ended_while_it_was_held_up(desk)
    row = attempt_of(decision)
    assert (row.status, row.broker_order_id) == ("failed", None)
    assert [kind for kind, _ in notices()] == ["decision_order_stuck"]

    desk.venue.tell(OrderStatus.FILLED, "4")
    desk.poll(301)

    row = attempt_of(decision)
    assert (row.broker_order_id, row.filled_shares) == ("V-1", 4)
    assert len(desk.venue.submitted) == 1


def test_and_is_let_go_once_it_is_certain_that_it_is_not_there(desk):
    desk.venue.fail("submit", OutcomeUnknown("no answer in time"), taken=False)
    decision = ended_while_it_was_held_up(desk)
    for _ in range(6):
        desk.poll(301)

    row = attempt_of(decision)
    assert (row.status, row.broker_order_id, row.not_before) == ("failed", None, None)
    assert not Notice.objects.filter(closed_at=None).exists()
    assert desk.venue.submitted == []

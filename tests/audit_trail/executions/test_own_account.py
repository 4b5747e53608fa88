"""An order is asked about, and sent, in its own account; what another one says of it is no word of it (Q1)."""

import pytest

from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.executor import Executor
from audit_trail.executions.own_account import NotTheAccount
from audit_trail.executions.verbs import Refused
from tests.audit_trail.executions.desk import Desk, attempt_of, fresh, state_of
from tests.audit_trail.executions.test_executing import decide
from tests.audit_trail.executions.test_runs import left_in_the_middle
from tests.support.facts import account
from tests.support.stations import notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown
from trading.conductor.reconciling.identity import AccountCheck, confirm_account
from trading.notices.models import Notice

pytestmark = pytest.mark.django_db

ANOTHER = "VENUE-2222"
LOOKS = 8
"""More than a broker has to be asked before an absence is proven."""


@pytest.fixture
def desk():
    return Desk()


def lost(desk):
    """A decision whose order the account took, while no answer came."""
    decision = decide()
    desk.venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    desk.execute()
    assert attempt_of(decision).status == "unknown"
    return decision


def in_another_account(desk, *, confirmed):
    """A process of other keys, started later: the broker has it in an account that knows none of our orders."""
    venue = Venue(desk.clock)
    there = account(desk.clock(), number=ANOTHER)
    venue.account = lambda: there
    second = Desk(broker=venue, clock=desk.clock, ledger=desk.ledger)
    second.may_trade = AccountCheck(venue, simulated=False)
    if confirmed:
        confirm_account("dry_run", there, actor="ada", reason="it moves", now=desk.clock())
    return second


def asked_about_orders(desk):
    kinds = ("find", "report", "submit", "cancel", "orders", "open_orders")
    return [each for kind in kinds for each in desk.venue.questions(kind)]


WAYS = {
    "poller": lambda desk, decision: desk.poller.run_once(now=desk.clock()),
    "recheck": lambda desk, decision: desk.verbs.recheck(),
    "recheck of one": lambda desk, decision: desk.verbs.recheck([decision.decision_id]),
    "cancel": lambda desk, decision: refused(desk, decision, not_there=False),
    "executor": lambda desk, decision: executed(desk),
}


def refused(desk, decision, *, not_there):
    with pytest.raises(Refused) as refusal:
        desk.verbs.cancel(decision.decision_id, actor="ada", reason="not there", not_there=not_there)
    return str(refusal.value)


def executed(desk):
    try:
        desk.execute()
    except NotTheAccount:
        return


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("confirmed", [False, True], ids=["keys changed", "another one confirmed"])
@pytest.mark.parametrize("is_sent", [True, False], ids=["sent into silence", "left unsent"])
def test_nobody_asks_another_account_for_an_order_nor_sends_it_there(desk, monkeypatch, way, confirmed, is_sent):
    decision = lost(desk) if is_sent else left_in_the_middle(desk, monkeypatch)
    before = state_of(decision)
    second = in_another_account(desk, confirmed=confirmed)

    for _ in range(LOOKS):
        desk.forward(60)
        WAYS[way](second, decision)

    assert asked_about_orders(second) == []
    assert (state_of(decision), attempt_of(decision).broker_order_id) == (before, None)


def test_what_was_filled_meanwhile_is_booked_once_the_keys_are_mended(desk):
    decision = lost(desk)
    desk.venue.tell(OrderStatus.FILLED, "4", price="150")
    second = in_another_account(desk, confirmed=False)
    for _ in range(LOOKS):
        second.poll(60)
    assert ("wrong_account", "dry_run") in notices()

    desk.poll(60)

    assert (state_of(decision), fresh(decision).reason) == ("executed", None)


@pytest.mark.parametrize("confirmed", [False, True], ids=["keys changed", "another one confirmed"])
def test_the_poller_has_nothing_to_do_in_another_account(desk, confirmed):
    lost(desk)
    second = in_another_account(desk, confirmed=confirmed)
    desk.forward(60)

    assert second.poller.run_once(now=second.clock()) is False
    assert second.poller.is_following() is not confirmed


def test_an_order_that_has_its_id_there_is_not_cancelled_in_another_account(desk):
    decision = decide()
    desk.execute()
    assert attempt_of(decision).broker_order_id is not None
    second = in_another_account(desk, confirmed=True)

    told = refused(second, decision, not_there=False)

    assert second.venue.questions("cancel") == []
    assert attempt_of(decision).cancel_asked_by is None
    name, ours = attempt_of(decision).client_order_id, "paper account ending in UE-1 at dry_run"
    assert told.endswith(
        f"was not cancelled: order {name} is of the {ours}, and the paper account ending in 2222 at dry_run is traded "
        f"in now, which does not have it. Nothing is asked or sent: take the settings of the {ours} and confirm it "
        "again, `manage.py confirm_account --reason …`; where that one is closed for good, `manage.py cancel_decision "
        "ID --not-there --reason …` ends what has no id of the broker's"
    )


def test_a_word_alone_ends_no_order_while_its_account_is_the_one_that_was_confirmed(desk):
    """The keys may be mended, and it be there."""
    decision = lost(desk)
    second = in_another_account(desk, confirmed=False)

    assert "was not cancelled" in refused(second, decision, not_there=True)
    assert attempt_of(decision).status == "unknown"


def test_an_order_in_an_account_that_was_left_is_ended_by_an_operators_word_and_nobody_is_asked(desk):
    """That account may be closed for good: nothing else would ever end it."""
    decision = lost(desk)
    second = in_another_account(desk, confirmed=True)

    second.verbs.cancel(decision.decision_id, actor="ada", reason="reset", not_there=True)

    assert asked_about_orders(second) == []
    assert attempt_of(decision).status == "failed"
    assert "which was left: reset" in attempt_of(decision).reason


def test_who_rechecks_with_other_keys_is_told_what_was_expected_and_found_and_what_to_do(desk):
    lost(desk)

    (told,) = in_another_account(desk, confirmed=False).verbs.recheck()

    assert "was not asked about: the account at dry_run is not the one that was confirmed" in told
    assert "expected account …UE-1, was …2222" in told
    assert "`manage.py confirm_account --reason …`; if not, mend the settings and start again" in told


def test_the_account_is_asked_for_once_however_many_orders_there_are(desk):
    for symbol in ("AAPL", "MSFT", "F"):
        decide(symbol)
    desk.may_trade = AccountCheck(desk.venue, simulated=False)
    desk.execute()
    before = len(desk.venue.questions("account"))

    for _ in range(3):
        desk.poll(60)
    desk.verbs.recheck()

    assert len(desk.venue.questions("account")) == before


@pytest.mark.parametrize("orders", [1, 3])
def test_an_order_that_was_placed_while_another_account_was_confirmed_is_given_back(desk, monkeypatch, orders):
    decisions = [decide(symbol) for symbol in ("AAPL", "MSFT", "F")[:orders]]
    desk.may_trade = AccountCheck(desk.venue, simulated=False)
    place = Executor._place

    def place_and_confirm(self, book, wanted, *, last):
        placed = place(self, book, wanted, last=last)
        confirm_account(
            "dry_run", account(desk.clock(), number=ANOTHER), actor="ada", reason="it moves", now=desk.clock()
        )
        return placed

    monkeypatch.setattr(Executor, "_place", place_and_confirm)
    desk.execute()

    assert desk.venue.submitted == []
    assert {state_of(each) for each in decisions} == {"pending"}
    assert AuditBook().open_orders("dry_run") == []


def test_orders_of_another_account_are_not_counted_here(desk):
    lost(desk)
    since = desk.clock()
    assert desk.orders.busy() == {"AAPL"}
    assert len(list(desk.orders.intents(since))) == 1

    second = in_another_account(desk, confirmed=True)

    assert second.orders.busy() == set()
    assert list(second.orders.intents(since)) == []


@pytest.mark.parametrize("is_down", [True, False], ids=["it does not answer", "it is another one"])
def test_an_order_that_nobody_can_ask_about_for_the_account_is_told_of_and_told_no_more_after_it(desk, is_down):
    """V2: a process that began while the broker was down would leave it unknown, and silent."""
    decision = lost(desk)
    name = attempt_of(decision).client_order_id
    second = in_another_account(desk, confirmed=False)
    if is_down:
        second.venue.fail("account", BrokerUnavailable("down"), times=100)
        second.venue.account = lambda: Venue.account(second.venue)

    for _ in range(LOOKS):
        second.poll(60)

    assert ("decision_order_stuck", name) in notices()
    assert "the account at dry_run is not the one that was confirmed, or it could not be asked for" in (
        Notice.objects.get(kind="decision_order_stuck").text
    )
    desk.poll(60)
    assert ("decision_order_stuck", name) not in notices()


def test_one_that_has_ended_keeps_its_late_looks_for_the_right_account(desk):
    decision = decide()
    desk.execute()
    desk.venue.tell(OrderStatus.FILLED, "4", price="150")
    desk.poll()
    before = attempt_of(decision)
    assert before.status == "filled"
    second = in_another_account(desk, confirmed=False)

    for _ in range(LOOKS):
        second.poll(600)

    after = attempt_of(decision)
    assert (after.tries, after.not_before) == (before.tries, before.not_before)

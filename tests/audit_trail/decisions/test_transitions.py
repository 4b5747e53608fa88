"""A decision moves on by transitions alone, and out of an end by none."""

from datetime import date, timedelta

import pytest
from django_fsm import ConcurrentTransition, TransitionNotAllowed

from audit_trail.decisions.cancelling import NoSuchDecision, NotPending, cancel_outdated, cancel_pending
from audit_trail.decisions.drafts import TradedAccount
from audit_trail.decisions.failures import FailureKind, kind_of_denial, kind_of_rejection
from audit_trail.decisions.models import ENDS, Status, TradeDecision
from tests.audit_trail.decisions.drafts import AT, decided, draft, stored
from trading.risk.rules import Rule

pytestmark = pytest.mark.django_db

STEPS = {
    "submit": lambda row: row.submit(at=AT),
    "take_back": lambda row: row.take_back(),
    "lose": lambda row: row.lose(reason="no answer"),
    "find": lambda row: row.find(),
    "execute": lambda row: row.execute(at=AT),
    "execute_partly": lambda row: row.execute_partly(at=AT, reason="cancelled"),
    "fail": lambda row: row.fail(at=AT, kind=FailureKind.REJECTED, reason="no"),
    "cancel": lambda row: row.cancel(at=AT, actor="operator", reason="no"),
}
LEGAL = {
    (Status.PENDING, "submit"): Status.SUBMITTED,
    (Status.PENDING, "fail"): Status.FAILED,
    (Status.PENDING, "cancel"): Status.CANCELLED,
    (Status.SUBMITTED, "take_back"): Status.PENDING,
    (Status.SUBMITTED, "find"): Status.SUBMITTED,
    (Status.UNKNOWN, "find"): Status.SUBMITTED,
} | {
    (source, step): target
    for source in (Status.SUBMITTED, Status.UNKNOWN)
    for step, target in {
        "lose": Status.UNKNOWN,
        "execute": Status.EXECUTED,
        "execute_partly": Status.PARTIALLY_EXECUTED,
        "fail": Status.FAILED,
        "cancel": Status.CANCELLED,
    }.items()
}
WAYS = {
    Status.PENDING: [],
    Status.SUBMITTED: ["submit"],
    Status.UNKNOWN: ["submit", "lose"],
    Status.EXECUTED: ["submit", "execute"],
    Status.PARTIALLY_EXECUTED: ["submit", "execute_partly"],
    Status.FAILED: ["fail"],
    Status.CANCELLED: ["cancel"],
}


def standing_at(status: Status) -> TradeDecision:
    row = decided()
    for step in WAYS[status]:
        STEPS[step](row)
    row.save()
    return TradeDecision.objects.get(pk=row.pk)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", Status)
def test_which_steps_lead_where_and_all_others_raise(status, step):
    row = standing_at(status)

    if (status, step) not in LEGAL:
        with pytest.raises(TransitionNotAllowed):
            STEPS[step](row)
        return
    STEPS[step](row)
    row.save()

    assert TradeDecision.objects.get(pk=row.pk).status == LEGAL[status, step]


def test_l1_submitted_is_not_failed_and_no_end_is_left():
    assert Status.SUBMITTED not in ENDS
    assert not {status for status, _ in LEGAL} & set(ENDS)


def test_the_status_can_not_be_set():
    with pytest.raises(AttributeError):
        decided().status = Status.EXECUTED


def test_of_two_that_move_a_decision_on_one_finds_out():
    first = decided()
    second = TradeDecision.objects.get(pk=first.pk)
    first.submit(at=AT)
    first.save()
    second.cancel(at=AT, actor="operator", reason="late")

    with pytest.raises(ConcurrentTransition):
        second.save()


# Cancelling.


def test_an_operator_cancels_what_nobody_has_acted_on():
    row = decided()

    cancel_pending(row.decision_id, actor="ada", reason="a split", now=AT)

    row = TradeDecision.objects.get(pk=row.pk)
    assert (row.status, row.cancelled_by, row.reason, row.cancelled_at) == ("cancelled", "ada", "a split", AT)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.PENDING])
def test_what_somebody_has_acted_on_is_not_cancelled_so(status):
    row = standing_at(status)

    with pytest.raises(NotPending, match=str(status)):
        cancel_pending(row.decision_id, actor="ada", reason="a split", now=AT)


def test_a_decision_that_is_not_there_can_not_be_cancelled():
    with pytest.raises(NoSuchDecision):
        cancel_pending("7d0e7a16-5f2b-4c52-9a3e-3d63c52f2f7e", actor="ada", reason="a split", now=AT)


def test_a_decision_is_not_kept_for_another_day():
    monday, tuesday = decided(), date(2026, 3, 3)
    (kept,) = stored(draft(), day=tuesday)
    monday.block(by="kill_switch", reason="it is on", figures=None, at=AT)
    monday.save()
    (taken,) = stored(draft("MSFT"))
    taken.submit(at=AT)
    taken.save()

    outdated = cancel_outdated(today=tuesday, now=AT + timedelta(days=1))

    assert [row.pk for row in outdated] == [monday.pk]
    monday = TradeDecision.objects.get(pk=monday.pk)
    assert monday.status == Status.CANCELLED
    assert monday.reason == "its day, 2026-03-02, is over. It was blocked by kill_switch: it is on"
    assert {TradeDecision.objects.get(pk=row.pk).status for row in (kept, taken)} == {"pending", "submitted"}


def test_a_decision_of_a_past_day_is_cancelled_whichever_account_it_was_for():
    """Of an account that is not traded in any more they stayed pending for ever, and nobody was told."""
    elsewhere = [TradedAccount("alpaca", "LIVE-1", False), TradedAccount("schwab", "87654321", False)]
    rows = [stored(draft(), account=each)[0] for each in elsewhere]

    cancel_outdated(today=date(2026, 3, 3), now=AT + timedelta(days=1))

    assert {TradeDecision.objects.get(pk=row.pk).status for row in rows} == {"cancelled"}


# Failures.


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Alpaca rejected ht-1: insufficient buying power (403, code 40310000)", FailureKind.BUYING_POWER),
        ("You do not have enough available cash/buying power: not enough buying power", FailureKind.BUYING_POWER),
        ("insufficient qty available for order (requested: 4, available: 0)", FailureKind.SHARES),
        ("account is not allowed to short", FailureKind.SHARES),
        ("Too Many Requests", FailureKind.RATE_LIMIT),
        ('asset "BRK.A" is not fractionable', FailureKind.NOT_FRACTIONABLE),
        ("market is closed", FailureKind.MARKET_CLOSED),
        ("asset ZZZZ not found", FailureKind.SYMBOL),
        ("invalid symbol ZZZZ", FailureKind.SYMBOL),
        ("wash trade detected", FailureKind.REJECTED),
    ],
)
def test_a_brokers_words_tell_what_kind_of_failure_it_is(reason, kind):
    assert kind_of_rejection(reason) is kind


def test_every_rule_of_the_gate_is_a_kind_of_failure():
    kinds = {rule: kind_of_denial(rule) for rule in Rule}

    assert kinds[Rule.BUYING_POWER] is FailureKind.BUYING_POWER
    assert kinds[Rule.MAX_ORDER_SHARES] is FailureKind.RISK_LIMIT

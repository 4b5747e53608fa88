"""Each rule holds from its threshold on and no sooner, and says in numbers why."""

from datetime import UTC, date, datetime, timedelta

import pytest

from audit_trail.alerts import rules
from audit_trail.alerts.figures import EndedDecisions, Figures, TaskFigures
from audit_trail.alerts.thresholds import Thresholds

MONDAY = date(2026, 3, 2)
OPENS = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
DUE = datetime(2026, 3, 2, 13, tzinfo=UTC)
LATE = DUE + timedelta(hours=1)
GIGABYTE = 10**9


def found(rule, *, at=LATE, **figures):
    return rule(Figures(at=at, trading_day=MONDAY, **figures), Thresholds())


@pytest.mark.parametrize(
    ("completed_at", "is_overdue"),
    [
        (None, True),
        (DUE - timedelta(days=3), True),
        (DUE - timedelta(hours=14), True),
        (DUE + timedelta(minutes=2), False),
        # By hand, in the morning of the day.
        (DUE - timedelta(hours=6), False),
    ],
)
def test_records_that_were_not_fetched_on_their_day_are_overdue(completed_at, is_overdue):
    task = TaskFigures(task="congress", due_at=DUE, completed_at=completed_at)

    assert list(found(rules.ingestion_overdue, tasks=[task])) == ["congress"] * is_overdue


@pytest.mark.parametrize(("parked", "fetched", "is_told"), [(0, 0, False), (1, 10, False), (2, 19, True), (5, 5, True)])
def test_more_than_a_tenth_of_unread_rows_is_told(parked, fetched, is_told):
    task = TaskFigures(task="congress", due_at=DUE, fetched=fetched, parked=parked, run_id="4e5f")

    assert list(found(rules.rows_unread, tasks=[task])) == ["congress"] * is_told


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ({}, None),
        ({"executed": 7, "failed": 3}, None),
        (
            {"executed": 6, "failed": 3},
            "3 of the 9 decisions of 2026-03-02 that have ended failed (33.3%, more than 30%)",
        ),
        ({"executed": 2, "partially_executed": 3, "cancelled": 2, "failed": 3}, None),
        # One of one is told, and is no share.
        ({"failed": 1}, "1 of the 1 decisions of 2026-03-02 that have ended failed (too few for a share)"),
        ({"failed": 1, "executed": 3}, None),
    ],
)
def test_a_day_on_which_more_than_three_in_ten_fail_is_told(ended, told):
    assert found(rules.decisions_failing, today=EndedDecisions(**ended)) == (
        {} if told is None else {"2026-03-02": told}
    )


@pytest.mark.parametrize(
    ("at", "count", "is_told"),
    [
        # Decided before the opening: an hour from there.
        (OPENS + timedelta(minutes=59), 6, False),
        (OPENS + timedelta(hours=1), 6, True),
        (OPENS + timedelta(hours=1), 5, False),
    ],
)
def test_decisions_wait_too_long_from_the_opening_on(at, count, is_told):
    pending = [(MONDAY, OPENS - timedelta(hours=2))] * count

    assert bool(found(rules.decisions_waiting, at=at, pending=pending)) is is_told


def test_a_decision_made_in_the_session_waits_from_when_it_was_made():
    pending = [(MONDAY, OPENS + timedelta(hours=2))] * 6

    assert found(rules.decisions_waiting, at=OPENS + timedelta(hours=2, minutes=59), pending=pending) == {}
    assert "for more than an hour" in str(
        found(rules.decisions_waiting, at=OPENS + timedelta(hours=3), pending=pending)
    )


def test_calls_of_all_services_are_added_up():
    assert found(rules.calls_failing, failed_calls={"alpaca": 3, "quiverquant": 2}) == {}
    assert found(rules.calls_failing, failed_calls={"quiverquant": 2, "alpaca": 4}) == {
        "calls": "6 calls of the last hour were answered with 400 or more: alpaca 4, quiverquant 2"
    }


@pytest.mark.parametrize(
    ("ended", "is_told"),
    [
        ({"executed": 2, "failed": 2}, False),
        ({"executed": 1, "partially_executed": 1, "failed": 3}, True),
        # Too few to judge by.
        ({"failed": 3}, False),
        ({"cancelled": 4}, True),
    ],
)
def test_a_strategy_of_which_less_than_half_is_executed_is_told(ended, is_told):
    assert list(found(rules.strategy_failing, strategies={"insider": EndedDecisions(**ended)})) == ["insider"] * is_told


@pytest.mark.parametrize(("size", "is_told"), [(None, False), (10 * GIGABYTE, False), (10 * GIGABYTE + 1, True)])
def test_more_than_ten_gigabytes_of_bodies_are_told(size, is_told):
    assert bool(found(rules.payload_storage, payload_bytes=size)) is is_told


def test_two_orders_of_one_decision_are_named():
    assert found(rules.decision_executed_twice, executed_twice={"9c1e": ("htd-1-1", "htd-1-2")}) == {
        "9c1e": "2 orders of one decision are or were at the broker: htd-1-1, htd-1-2"
    }

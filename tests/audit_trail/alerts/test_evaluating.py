"""From rows to notices: each rule opens one, and closes it when it does not hold any more."""

from datetime import UTC, datetime, timedelta

import pytest

from audit_trail.alerts.evaluating import RULES, evaluate
from audit_trail.alerts.queries import WatchedTask
from audit_trail.alerts.severity import KINDS
from tests.support import decided, factories, ingested
from trading.notices.models import Notice

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
DUE = datetime(2026, 3, 2, 13, tzinfo=UTC)
TASK = WatchedTask("congress", lambda before: DUE)
ENDED = {"status": "executed", "failed_at": None, "failure_kind": None, "reason": None, "executed_at": NOON}
PENDING = ENDED | {"status": "pending", "executed_at": None}


def opened(**settings):
    evaluate(at=settings.pop("at", NOON), **settings)
    return sorted(Notice.objects.filter(closed_at=None).values_list("kind", "subject"))


def test_nothing_is_found_in_an_empty_database():
    assert opened() == []


def test_an_overdue_fetch_is_told_until_a_whole_run_is_completed():
    ingested.run(task_name="congress", started_at=DUE, completed_at=DUE, narrowed_to="AAPL")
    ingested.run(task_name="congress", started_at=DUE - timedelta(days=1), completed_at=DUE - timedelta(days=1))
    ingested.running(task_name="congress", started_at=DUE)
    assert opened(tasks=[TASK]) == [("ingestion_overdue", "congress")]

    ingested.run(task_name="congress", started_at=DUE, completed_at=DUE + timedelta(minutes=1))
    assert opened(tasks=[TASK]) == []


def test_rows_that_could_not_be_read_are_told_until_the_next_run_reads_them():
    times = {"task_name": "congress", "started_at": DUE, "completed_at": DUE}
    ingested.run(**times, records_fetched=9, records_created=8, records_parked=1)
    assert opened(tasks=[TASK]) == [("rows_unread", "congress")]

    later = {"started_at": DUE + timedelta(hours=1), "completed_at": DUE + timedelta(hours=1)}
    ingested.run(**times | later, records_fetched=9, records_created=9)
    assert opened(tasks=[TASK]) == []


def test_submitted_decisions_are_no_failures_and_make_none_smaller():
    decided.decision(), decided.decision(**ENDED), decided.decision(**ENDED)
    for _ in range(20):
        decided.decision(**PENDING | {"status": "submitted", "submitted_at": NOON})
    assert ("decisions_failing", "2026-03-02") in opened()

    decided.decision(**ENDED)
    assert opened() == []


def test_a_day_of_failures_is_over_with_the_day():
    decided.decision()
    assert opened() == [("decisions_failing", "2026-03-02")]

    assert opened(at=NOON + timedelta(days=1)) == []
    assert Notice.objects.get().closed_at == NOON + timedelta(days=1)


def test_decisions_that_nobody_carries_out_are_told():
    waiting = [decided.decision(**PENDING, decided_at=NOON - timedelta(hours=4)) for _ in range(6)]
    assert opened() == [("decisions_waiting", "pending decisions")]

    type(waiting[0]).objects.filter(pk=waiting[0].pk).update(status="executed", executed_at=NOON)
    assert opened() == []


def test_calls_that_fail_are_counted_for_an_hour():
    for status in (400, 401, 403, 422, 500, 503):
        factories.api_call(http_status_code=status, ended_at=NOON)
    assert opened() == [("calls_failing", "calls")]

    assert opened(at=NOON + timedelta(minutes=61)) == []


def test_to_ask_for_an_order_that_is_not_there_is_no_failure():
    for _ in range(10):
        factories.api_call(http_status_code=404, ended_at=NOON, purpose="find")
    assert opened() == []

    for _ in range(6):
        factories.api_call(http_status_code=404, ended_at=NOON, purpose="account")
    assert opened() == [("calls_failing", "calls")]


def test_a_strategy_is_judged_by_its_last_week():
    old = {"strategy_name": "insider", "decided_at": NOON - timedelta(days=6), "trading_day": "2026-02-24"}
    for n in range(4):
        decided.decision(**old, symbol=f"S{n}", known_at=NOON - timedelta(days=7))
    assert opened() == [("strategy_failing", "insider")]

    assert opened(at=NOON + timedelta(days=2)) == []


def test_room_that_payloads_take_is_measured():
    factories.table_sample(table="api_payloads", bytes=10**10 + 1, sampled_at=NOON - timedelta(hours=1))
    assert opened() == [("payload_storage", "api_payloads")]

    factories.table_sample(table="api_payloads", bytes=10**10, sampled_at=NOON)
    assert opened() == []


def test_a_decision_with_two_orders_is_told_and_one_of_which_nothing_was_sent_is_not():
    twice, once = decided.decision(**ENDED), decided.decision(**ENDED)
    for decision, first in ((twice, "filled"), (once, "unsent")):
        extra = {"filled_shares": 1, "broker_order_id": "b"} if first == "filled" else {}
        decided.execution(trade_decision=decision, status=first, placed_at=NOON, **extra)
        decided.execution(trade_decision=decision, status="cancelled", attempt_number=2, placed_at=NOON)

    assert opened() == [("decision_executed_twice", str(twice.decision_id))]
    assert opened(at=NOON + timedelta(days=31)) == []


def test_what_holds_still_is_the_same_notice():
    decided.decision()
    for minutes in range(0, 15, 5):
        evaluate(at=NOON + timedelta(minutes=minutes))

    assert Notice.objects.get().times == 3


def test_notices_of_others_stay_as_they_are():
    other = factories.notice()

    evaluate(at=NOON)

    other.refresh_from_db()
    assert other.closed_at is None


def test_each_rule_has_a_kind_of_its_own_with_a_severity():
    kinds = [rule.kind for rule in RULES]
    assert len(set(kinds)) == len(kinds)
    assert set(kinds) <= set(KINDS)


def test_the_number_of_queries_does_not_grow_with_rows(django_assert_max_num_queries):
    for n in range(30):
        decided.execution(trade_decision=decided.decision(**PENDING, strategy_name=f"s{n}"))
        factories.api_call(http_status_code=500, ended_at=NOON)

    evaluate(at=NOON, tasks=[TASK])  # Opens what it finds.
    with django_assert_max_num_queries(14):
        evaluate(at=NOON, tasks=[TASK])

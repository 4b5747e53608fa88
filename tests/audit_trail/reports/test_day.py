"""Daily summary: a day of New York, with runs, decisions, hedges and what is open."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from audit_trail.reports.day import daily_summary
from tests.audit_trail.reports.rows import CANCELLED, EXECUTED, PENDING
from tests.support import decided, ingested
from tests.support import factories as make
from tests.support.commands import refused, run
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
LATE = datetime(2026, 3, 3, 4, 59, tzinfo=UTC)  # A minute before midnight in New York.
NEXT = datetime(2026, 3, 3, 5, tzinfo=UTC)


def test_runs_are_told_by_task_and_those_that_found_nothing():
    ingested.run(task_name="congress", records_fetched=5, records_created=2, records_skipped=3)
    ingested.run(task_name="congress", started_at=LATE, records_fetched=0, records_created=0)
    nothing = {"records_fetched": 0, "records_created": 0}
    ingested.run(
        task_name="insider", status="failed", completed_at=None, failed_at=NOON, error_message="why", **nothing
    )
    ingested.run(task_name="congress", started_at=NEXT)

    found = daily_summary(day=MONDAY)

    assert (found.runs, found.fetched, found.created, found.runs_that_found_nothing) == (3, 5, 2, 1)
    congress, insider = found.runs_by_task
    assert (congress.task, congress.runs, congress.completed, congress.skipped) == ("congress", 2, 2, 3)
    # One that failed told of nothing because it failed.
    assert (insider.failed, insider.found_nothing) == (1, 0)


def test_decisions_and_hedges_of_the_day_stand_beside_each_other():
    for became in ({}, EXECUTED, CANCELLED, PENDING):
        decided.decision(strategy_name="insider", symbol=f"S{make.number()}", **became)
    decided.decision(strategy_name="congressional", decided_at=LATE)
    decided.decision(decided_at=NEXT)
    make.order(placed_at=LATE)
    make.order(placed_at=NEXT)
    make.profit_row(at=NOON, realised_usd=Decimal("1.5"))
    make.profit_row(at=LATE, realised_usd=Decimal("-4.000000000000000000001"), venue="dry_run", rank=1)
    make.profit_row(at=NEXT, realised_usd=Decimal(100))

    found = daily_summary(day=MONDAY)

    assert (found.decisions.decisions, found.decisions.executed, found.decisions.failed) == (5, 1, 2)
    assert [(row.strategy, row.summary.decisions) for row in found.strategies] == [("congressional", 1), ("insider", 4)]
    assert [(row.reason, row.failed) for row in found.failures_by_reason] == [("insufficient_buying_power", 2)]
    assert found.hedges.orders == 1
    assert [(row.venue, row.fills) for row in found.fills] == [("dry_run", 1), ("raindex", 1)]
    assert found.realised_usd == Decimal("-2.500000000000000000001")


def test_notices_are_those_that_were_open_when_the_day_ended():
    make.notice(kind="still_open")
    make.notice(kind="closed_later", closed_at=NEXT + timedelta(days=1))
    make.notice(kind="closed_that_day", closed_at=LATE)
    make.notice(kind="not_yet", opened_at=NEXT)

    assert [row.kind for row in daily_summary(day=MONDAY).open_notices] == ["still_open", "closed_later"]


def test_of_an_empty_day_nothing_is_told():
    found = daily_summary(day=MONDAY)
    assert (found.runs, found.fetched, found.decisions.decisions, found.realised_usd) == (0, 0, 0, 0)


def test_it_takes_as_many_statements_for_many_as_for_few(django_assert_max_num_queries):
    for count in (1, 5):
        for _ in range(count):
            decided.decision()
            ingested.run()
            make.order()
            make.notice()
            make.profit_row()
        with django_assert_max_num_queries(9):
            daily_summary(day=MONDAY)


def test_the_command_tells_the_day():
    decided.decision(strategy_name="insider")
    ingested.run(task_name="congress")
    make.notice(kind="=HYPERLINK", text="it is open")

    text = run("daily_summary", "2026-03-02")

    assert text.startswith("2026-03-02, from 2026-03-02T05:00:00Z to 2026-03-03T05:00:00Z\n1 runs fetched 3 records")
    assert "insider: 1 decisions, 0 executed, 1 failed" in text
    assert "0 hedge orders: 0 filled, 0 under way; 0 fills realised 0 USD\n1 notices open" in text
    assert "'=HYPERLINK" in run("daily_summary", "2026-03-02", "--csv", "-", "--table", "open_notices")
    assert json.loads(run("daily_summary", "2026-03-02", "--json"))["decisions"]["failed"] == 1
    assert "expected a day, as 2026-03-02" in refused("daily_summary", "Monday")[1]
    assert "0 runs fetched" in run("daily_summary")

"""A past day is planned again by what was known then, and stores nothing."""

from datetime import datetime, time, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit_trail.days.models import PlannedDay
from audit_trail.days.past import held_at
from audit_trail.decisions.models import TradeDecision
from audit_trail.decisions.storing import traded_account
from audit_trail.executions.models import ExecutionFill
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.records import SourceRecord
from config.days import SCHEDULED_HOUR
from tests.support.commands import run
from tests.support.pipeline import opened_pipeline
from trading.market_hours.calendar import NEW_YORK, session_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venues(monkeypatch):
    with opened_pipeline(monkeypatch) as opened:
        yield opened


@pytest.fixture
def last_week(venues):
    """Everything was fetched before a day of last week. Return that day."""
    for task in ("congress", "insider", "bars"):
        run("ingest", task)
    day = timezone.now().astimezone(NEW_YORK).date() - timedelta(days=7)
    while session_of(day) is None:
        day -= timedelta(days=1)
    before = datetime.combine(day, time(SCHEDULED_HOUR), tzinfo=NEW_YORK) - timedelta(hours=1)
    SourceRecord.objects.update(known_at=before, disclosed_on=day - timedelta(days=1))
    DataIngestionRun.objects.update(started_at=before, completed_at=before, data_date_end=day)
    return day


def planned_on(day, *more):
    return run("run_strategy", "portfolio", "--plan", "--date", day.isoformat(), *more)


def test_it_is_planned_by_what_was_known_then(last_week):
    told = planned_on(last_week)

    assert "BUY " in told
    assert f"orders are meant as of {last_week}T10:00:00" in told
    assert "sized for the account as it is now" in told
    assert not TradeDecision.objects.exists()
    assert not PlannedDay.objects.exists()


def test_what_came_later_is_not_known(last_week):
    symbols = [line.split(":")[0].split()[1] for line in planned_on(last_week).splitlines() if line.startswith("BUY")]
    SourceRecord.objects.filter(symbol=symbols[0]).update(known_at=timezone.now())

    assert f"BUY {symbols[0]}:" not in planned_on(last_week)


def test_before_anything_was_fetched_nothing_would_have_been_decided(last_week):
    day = last_week - timedelta(days=1)
    while session_of(day) is None:
        day -= timedelta(days=1)

    with pytest.raises(CommandError) as refused:
        planned_on(day)

    assert refused.value.returncode == 4


def test_what_decisions_held_then_is_what_had_been_filled(last_week):
    now = timezone.now()
    DataIngestionRun.objects.update(started_at=now, completed_at=now, data_date_end=now.date())
    run("run_strategy", "portfolio")
    run("execute_decisions", "--follow", "5")
    account = traded_account("alpaca")
    first, *rest = ExecutionFill.objects.order_by("booked_at", "id")
    assert rest

    held = held_at(account, at=first.booked_at)
    first_symbol = first.trade_execution.trade_decision.symbol
    assert held[first_symbol] == first.shares
    assert len(held_at(account, at=timezone.now())) == TradeDecision.objects.count()
    assert held_at(account, at=first.booked_at - timedelta(seconds=1)) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--date", "2026-11-20"), "expected --plan with --date"),
        (("--plan", "--date", "2026-11-21"), "expected a day with a session"),
        (("--plan", "--date", "2099-01-02"), "expected a moment that is past"),
        (("--plan", "--date", "yesterday"), "expected a day, as 2026-03-02"),
    ],
)
def test_a_day_that_can_not_be_planned_is_refused(arguments, words):
    with pytest.raises(CommandError, match=words) as refused:
        call_command("run_strategy", "portfolio", *arguments)
    assert refused.value.returncode in (1, 2)

"""Whether an installation that only decides does so, and each reason why not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command

from audit_trail.days.models import Outcome, PlannedDay
from config.backstop import SCHEDULES
from config.days import SCHEDULED_HOUR
from config.desk.board.verdict import Stand, verdict
from config.monitoring.health import DECIDED_BY, Limits, What, reasons
from config.purpose import hedges
from tests.support import factories as make

pytestmark = pytest.mark.django_db

# A Monday at eleven in New York.
NOW = datetime(2026, 3, 2, 16, 0, 0, tzinfo=UTC)
MONDAY, FRIDAY = date(2026, 3, 2), date(2026, 2, 27)
LIMITS = Limits(checkpoint=timedelta(minutes=5), exposure=timedelta(minutes=5))


@pytest.fixture(autouse=True)
def no_chain(monkeypatch):
    monkeypatch.delenv("ORDERBOOK_ADDRESS", raising=False)
    monkeypatch.setenv("TRADE_DAILY", "on")


@pytest.fixture
def scheduled():
    make.heartbeat(station="decision_poller", process=SCHEDULES, last_turn_at=NOW - timedelta(seconds=70))


def told(now=NOW):
    return [(reason.what, reason.text) for reason in reasons(LIMITS, now=now)]


def planned(day, outcome=Outcome.DECIDED, strategy="portfolio"):
    decided = outcome is Outcome.DECIDED
    return PlannedDay.objects.create(
        strategy_name=strategy,
        versions="{}",
        environment="paper",
        broker="dry_run",
        account_number="1",
        trading_mode="paper",
        trading_day=day,
        as_of=NOW,
        outcome=outcome,
        refusals="[]" if decided else '[{"kind": "no_run"}]',
        stance="normal" if decided else None,
        summary="{}" if decided else None,
        findings="[]",
        orders=0,
        dropped_count=0,
    )


def test_a_day_that_was_decided_by_schedules_that_run_is_all_it_takes(scheduled):
    planned(MONDAY)

    assert told() == []
    assert verdict(LIMITS, now=NOW).sentence == "Days are decided, and nothing waits for an operator."


def test_a_new_one_has_done_nothing_yet():
    assert told() == [
        (What.SCHEDULES, "no schedule was run yet, by qcluster or cron"),
        (What.DECISIONS, "nothing was decided for 2026-03-02"),
    ]
    found = verdict(LIMITS, now=NOW)
    assert (found.stand, found.sentence) == (Stand.AT_RISK, "It does not decide as it should.")


def test_schedules_that_stand_still_are_told_of(scheduled):
    planned(MONDAY)

    assert told(NOW + timedelta(seconds=110)) == []
    assert told(NOW + timedelta(seconds=111)) == [
        (
            What.SCHEDULES,
            "the schedule that polls orders of decisions last went well 181 s ago; expected 180 s at most",
        )
    ]


@pytest.mark.parametrize(
    ("now", "day"),
    [
        # Until an hour after ten in New York, the day before it is the newest that was due.
        (NOW - timedelta(seconds=1), FRIDAY),
        (NOW, MONDAY),
        (NOW + timedelta(hours=20), MONDAY),
        # On a weekend it is Friday's, and after Good Friday Thursday's.
        (datetime(2026, 3, 1, 20, tzinfo=UTC), FRIDAY),
        (datetime(2026, 4, 5, 20, tzinfo=UTC), date(2026, 4, 2)),
        # In summer eleven there is an hour earlier here.
        (datetime(2026, 7, 1, 15, tzinfo=UTC), date(2026, 7, 1)),
    ],
)
def test_which_day_has_to_be_decided(now, day):
    def undecided():
        return [text for what, text in told(now) if what is What.DECISIONS]

    assert undecided() == [f"nothing was decided for {day}"]
    planned(day)
    assert undecided() == []


def test_a_day_that_was_refused_is_not_decided_until_it_was_after_all(scheduled):
    planned(MONDAY, Outcome.REFUSED)
    assert told() == [(What.DECISIONS, "2026-03-02 was refused: its page under Planned days says why")]

    planned(MONDAY)
    assert told() == []


def test_a_strategy_that_was_asked_by_itself_is_no_day_of_the_portfolio(scheduled):
    planned(MONDAY, strategy="congressional")

    assert told() == [(What.DECISIONS, "nothing was decided for 2026-03-02")]


def test_where_nobody_said_that_days_are_decided_none_is_missed(scheduled, monkeypatch):
    monkeypatch.setenv("TRADE_DAILY", "off")

    assert told() == []


@pytest.mark.parametrize("kind", ["ingestion_failed", "ingestion_overdue", "nothing_ingested"])
def test_a_source_that_gives_nothing_is_told_of_until_it_does(scheduled, kind):
    planned(MONDAY)
    notice = make.notice(kind=kind, subject="congress")
    assert told() == [(What.SOURCE, f"{kind}: congress")]

    notice.closed_at = NOW
    notice.save()
    assert told() == []


def test_what_holds_up_orders_of_decisions_is_told_here_too(scheduled):
    planned(MONDAY)
    make.kill_switch(is_on=True, scope="global", subject="")
    make.broker_fact(broker="alpaca", kind="account", subject="", tries=3, not_before=NOW)

    assert [what for what, _ in told()] == [What.BROKER, What.KILL_SWITCH]


def test_a_variable_that_got_lost_makes_nobody_one_that_only_decides(scheduled, monkeypatch):
    planned(MONDAY)
    assert not hedges()

    monkeypatch.setenv("ORDERBOOK_ADDRESS", "0xd2938e7c9fe3597f78832ce780feb61945c377d7")
    assert hedges()
    monkeypatch.delenv("ORDERBOOK_ADDRESS")
    make.checkpoint(updated_at=NOW - timedelta(days=1))

    assert hedges()
    assert {what for what, _ in told()} == {What.CHECKPOINT, What.HEARTBEAT}


def test_status_says_so_and_ends_with_1(capsys):
    with pytest.raises(SystemExit, match="1"):
        call_command("status")

    assert "not deciding\tschedules\tnone\tnone\tno schedule was run yet" in capsys.readouterr().out


def test_the_hour_is_one_after_that_of_the_schedule():
    assert DECIDED_BY.hour == SCHEDULED_HOUR + 1

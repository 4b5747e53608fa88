"""`manage.py ingest`, as cron and an operator run it, at a venue that speaks Quiver's protocol."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.records import SourceRecord
from audit_trail.payloads.models import ApiCallLog
from audit_trail.sources.outcomes import NotInPlan
from config.environment import SettingError
from config.sources import ingest_on_schedule
from config.venue_environment import environment_of
from config.venues.faults import refuse
from config.venues.quiver import QuiverVenue
from tests.support import ingested
from tests.support.commands import refused, run
from tests.support.logins import every_cell
from tests.support.stations import notices

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venue(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    with QuiverVenue() as venue:
        for name, value in environment_of(venue).items():
            monkeypatch.setenv(name, value)
        yield venue


@pytest.mark.parametrize(
    ("task", "kind", "rows"), [("congress", "congress_trade", 28), ("insider", "insider_trade", 14)]
)
def test_it_fetches_the_last_hundred_days_and_says_what_came_of_it(venue, task, kind, rows):
    first, again = run("ingest", task), run("ingest", task)

    assert f"{task}: {rows} records of " in first
    assert f"{rows} new, 0 changed, 0 as before, 0 not read" in first
    assert f"0 new, 0 changed, {rows} as before" in again
    assert SourceRecord.objects.filter(kind=kind).count() == rows
    assert [text for text in every_cell() if venue.token in text] == []


def test_days_and_a_ticker_narrow_it(venue):
    day = timezone.now().date().isoformat()

    printed = run("ingest", "congress", "--since", day, "--until", day, "--ticker", "aapl")

    assert f"records of {day} to {day}" in printed
    row = DataIngestionRun.objects.get()
    assert row.narrowed_to == "ticker AAPL"
    assert {str(record.disclosed_on) for record in SourceRecord.objects.all()} <= {day}


def test_nothing_is_a_finding_that_is_said(venue, capsys):
    venue.congress.clear()

    assert "told nothing of these days" in run("ingest", "congress")


def test_a_source_that_refuses_ends_with_1_and_its_calls_are_kept(venue):
    venue.faults.add(refuse(403))

    with pytest.raises(CommandError, match=r"our plan at Quiver .*Nothing of this run was stored") as error:
        call_command("ingest", "congress")

    assert error.value.returncode == 1
    assert (DataIngestionRun.objects.get().status, ApiCallLog.objects.count()) == ("failed", 1)


def test_another_process_at_it_ends_with_3_and_asks_nobody(venue):
    ingested.running(task_name="congress", alive_until=timezone.now() + timedelta(minutes=5))

    with pytest.raises(CommandError) as error:
        call_command("ingest", "congress")

    assert error.value.returncode == 3
    assert venue.requests == []


def test_a_run_that_a_crash_left_running_is_ended_by_the_next_start(venue):
    left = ingested.running(task_name="congress", alive_until=timezone.now() - timedelta(minutes=5))

    run("ingest", "congress")

    left.refresh_from_db()
    assert left.status == "failed"
    assert DataIngestionRun.objects.get(status="completed").records_created == 28


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "2026-03-02", "--until", "2026-03-01"), "expected a first day that is not after the last"),
        (("--since", "yesterday"), "expected a day, as 2026-03-02, was 'yesterday'"),
        (("--ticker", "A B"), "expected a stock symbol"),
    ],
)
def test_words_that_are_wrong_are_refused_before_anything_is_asked(venue, words, told):
    assert told in refused("ingest", "congress", *words)[1]
    assert venue.requests == []


def test_without_a_token_it_says_what_to_set(venue, monkeypatch):
    monkeypatch.delenv("QUIVER_API_TOKEN")

    with pytest.raises((CommandError, SettingError), match="QUIVER_API_TOKEN"):
        call_command("ingest", "congress")
    assert not DataIngestionRun.objects.exists()


def test_a_schedule_fetches_where_there_is_a_subscription_and_says_so_where_there_is_none(venue, monkeypatch):
    assert "congress: 28 records of " in ingest_on_schedule("congress")

    monkeypatch.delenv("QUIVER_API_TOKEN")
    assert ingest_on_schedule("congress") == "QUIVER_API_TOKEN is not set: nothing was fetched"
    assert DataIngestionRun.objects.count() == 1


def test_a_schedule_leaves_a_run_under_way_alone_and_raises_what_a_source_refuses(venue):
    left = ingested.running(task_name="congress", alive_until=timezone.now() + timedelta(minutes=5))
    assert str(left.holder) in ingest_on_schedule("congress")

    venue.faults.add(refuse(403))
    with pytest.raises(NotInPlan):
        ingest_on_schedule("insider")
    assert [kind for kind, _ in notices()] == ["ingestion_failed"]

"""A run of ingestion: on record before its first call, its records all there or none, one of a task at a time."""

import json
import os
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django_fsm import TransitionNotAllowed

from audit_trail.ingestion import running
from audit_trail.ingestion.batches import BadRow, TooManyUnreadable
from audit_trail.ingestion.models import Counts, DataIngestionRun, DataIngestionRunRecord, ParkedRow
from audit_trail.ingestion.records import SourceRecord
from audit_trail.ingestion.running import LEASE, AlreadyRunning, RunEnded, end_abandoned, ingesting
from audit_trail.sources.quiver.congress.models import CongressTrade
from tests.support import ingested
from tests.support.factories import NOON
from tests.support.ingested import batch, read_row
from trading.conductor.processes import process_name
from trading.notices.models import Notice, open_notices

pytestmark = pytest.mark.django_db
WINDOW = (date(2026, 1, 1), date(2026, 3, 2))


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def congress(clock):
    return lambda **facts: ingesting("congress", "quiverquant_congress", **{"window": WINDOW, "clock": clock} | facts)


def notices():
    return [(notice.kind, notice.subject) for notice in open_notices()]


# A run that goes well.


def test_a_run_is_on_record_before_anything_is_fetched(congress):
    with congress() as run:
        row = DataIngestionRun.objects.get()
        assert (row.run_id, row.status, row.started_at) == (run.run_id, "running", NOON)
        assert (row.task_name, row.data_source, row.window) == ("congress", "quiverquant_congress", WINDOW)
        assert row.duration is None


def test_a_run_completes_with_its_records_and_says_what_became_of_each(congress, clock):
    with congress() as run:
        run.keep(batch(read_row("a"), read_row("b", symbol="BRK.B")))
        clock.at += timedelta(seconds=9)

    row = DataIngestionRun.objects.get()
    assert (row.status, row.completed_at, row.failed_at) == ("completed", NOON + timedelta(seconds=9), None)
    assert row.duration == timedelta(seconds=9)
    assert (row.records_fetched, row.records_created, row.records_updated, row.records_skipped) == (2, 2, 0, 0)
    assert [one.symbol for one in SourceRecord.objects.order_by("id")] == ["AAPL", "BRK.B"]
    assert CongressTrade.objects.count() == 2
    assert {(one.run, one.operation) for one in DataIngestionRunRecord.objects.all()} == {(row, "created")}
    assert notices() == []


def test_what_is_kept_is_not_written_before_the_body_has_ended(congress):
    with congress() as run:
        run.keep(batch(read_row()))
        assert SourceRecord.objects.count() == 0


def test_several_batches_are_counted_together(congress):
    with congress() as run:
        run.keep(batch(read_row("a"), bad=[BadRow("{}", "no date")]))
        run.keep(batch(read_row("b")))

    row = DataIngestionRun.objects.get()
    assert (row.records_fetched, row.records_created, row.records_parked) == (3, 2, 1)


# A run that fails.


def test_a_run_that_fails_keeps_its_error_and_no_data(congress, clock):
    """L15: a run never stays running."""

    def fetch(run):
        run.keep(batch(read_row()))
        clock.at += timedelta(seconds=3)
        raise ValueError("API error")

    with pytest.raises(ValueError, match="API error"), congress() as run:
        fetch(run)

    row = DataIngestionRun.objects.get()
    assert (row.status, row.failed_at, row.completed_at) == ("failed", NOON + timedelta(seconds=3), None)
    assert row.error_message == "ValueError: API error"
    details = json.loads(row.error_details)
    assert details["class"] == "ValueError"
    assert details["backtrace"][-1].endswith(" in fetch")
    assert (row.records_fetched, SourceRecord.objects.count(), ParkedRow.objects.count()) == (0, 0, 0)
    assert notices() == [("ingestion_failed", "congress")]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_run_that_is_stopped_by_hand_has_failed(congress, stop):
    with pytest.raises(stop), congress():
        raise stop

    assert DataIngestionRun.objects.get().status == "failed"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", [DataIngestionRunRecord, CongressTrade, ParkedRow])
def test_a_failure_while_writing_leaves_nothing_of_the_run(congress, monkeypatch, table):
    """B-aud-10: a run is never completed and failed, and no record of it stays."""

    def broken(*args, **kwargs):
        raise IntegrityError("the disk is full")

    monkeypatch.setattr(table.objects, "bulk_create", broken)
    monkeypatch.setattr(table.objects, "create", broken)

    with pytest.raises(IntegrityError), congress() as run:
        run.keep(batch(read_row(), bad=[BadRow("{}", "no date")]))

    row = DataIngestionRun.objects.get()
    assert (row.status, row.completed_at, row.records_created) == ("failed", None, 0)
    assert SourceRecord.objects.count() == CongressTrade.objects.count() == DataIngestionRunRecord.objects.count() == 0


def test_where_most_rows_can_not_be_read_the_source_has_changed_and_the_run_fails(congress):
    rows = [read_row(str(n)) for n in range(89)]
    bad = [BadRow(f'{{"n":{n}}}', "expected Traded as a date, was nothing") for n in range(11)]

    with pytest.raises(TooManyUnreadable, match="was 11 of 100: expected Traded as a date"), congress() as run:
        run.keep(batch(*rows, bad=bad))

    assert DataIngestionRun.objects.get().status == "failed"
    assert ParkedRow.objects.count() == 0


@pytest.mark.parametrize(("good", "bad"), [(90, 10), (0, 10), (99, 11)])
def test_some_bad_rows_are_parked_and_told(congress, good, bad):
    with congress() as run:
        run.keep(
            batch(*(read_row(str(n)) for n in range(good)), bad=[BadRow(f'{{"n":{n}}}', "odd") for n in range(bad)])
        )

    assert ParkedRow.objects.count() == bad
    assert DataIngestionRun.objects.get().records_parked == bad
    assert notices() == [("rows_parked", "congress")]


# Findings.


@pytest.mark.parametrize("keeps", [True, False])
def test_nothing_is_a_finding_and_no_success_by_accident(congress, keeps):
    with congress() as run:
        if keeps:
            run.keep(batch())

    row = DataIngestionRun.objects.get()
    assert (row.status, row.found_nothing) == ("completed", True)
    assert notices() == [("nothing_ingested", "congress")]
    assert "no record of 2026-01-01 to 2026-03-02" in open_notices()[0].text


def test_findings_are_closed_by_the_run_that_mends_them(congress):
    with pytest.raises(ValueError, match="down"), congress():
        raise ValueError("down")
    with congress() as run:
        run.keep(batch(read_row("a"), bad=[BadRow("{}", "odd")]))
    with congress():
        pass
    assert notices() == [("nothing_ingested", "congress")]

    with congress() as run:
        run.keep(batch(read_row("a")))

    assert notices() == []
    assert Notice.objects.count() == 3


def test_a_run_of_a_part_of_the_source_says_nothing_of_the_whole(congress):
    with pytest.raises(ValueError, match="down"), congress():
        raise ValueError("down")

    with congress(narrowed_to="ticker NVDA"):
        pass

    assert notices() == [("ingestion_failed", "congress")]


# One at a time, and what a crash leaves.


def test_a_task_has_one_run_at_a_time(congress):
    with congress(), pytest.raises(AlreadyRunning, match="expected no other run of congress"), congress():
        pass

    assert [row.status for row in DataIngestionRun.objects.all()] == ["completed"]


def test_another_task_may_run_beside_it(congress, clock):
    with congress(), ingesting("insider", "quiverquant_insider", clock=clock):
        assert DataIngestionRun.objects.filter(status="running").count() == 2


def test_the_next_start_ends_a_run_whose_process_is_gone(congress, clock):
    gone = process_name().replace(str(os.getpid()), "999999999")
    left = ingested.running(task_name="congress", holder=gone, alive_until=NOON + timedelta(hours=1))

    with congress() as run:
        run.keep(batch(read_row()))

    left = DataIngestionRun.objects.get(pk=left.pk)
    assert (left.status, left.failed_at) == ("failed", NOON)
    assert "ended, or gave no sign" in left.error_message
    assert DataIngestionRun.objects.get(run_id=run.run_id).status == "completed"


def test_a_run_elsewhere_is_left_alone_until_its_lease_is_over(congress, clock):
    other = ingested.running(task_name="congress", alive_until=NOON + timedelta(seconds=1))

    with pytest.raises(AlreadyRunning), congress():
        pass
    assert DataIngestionRun.objects.get(pk=other.pk).status == "running"

    clock.at += timedelta(seconds=1)
    with congress():
        pass
    assert DataIngestionRun.objects.get(pk=other.pk).status == "failed"


def test_a_run_that_gives_signs_of_life_keeps_its_lease(congress, clock):
    with congress() as run:
        clock.at += LEASE - timedelta(seconds=1)
        run.beat()
        clock.at += timedelta(seconds=2)
        assert end_abandoned(now=clock.at) == []
        assert DataIngestionRun.objects.get().alive_until == NOON + LEASE - timedelta(seconds=1) + LEASE


def test_a_run_that_was_taken_for_dead_writes_nothing(congress, clock):
    def hang(run):
        run.keep(batch(read_row()))
        clock.at += LEASE
        assert len(end_abandoned(now=clock.at)) == 1
        with pytest.raises(RunEnded, match="another process has ended it"):
            run.beat()

    with pytest.raises(RunEnded, match="was failed"), congress() as run:
        hang(run)

    row = DataIngestionRun.objects.get()
    assert (row.status, row.records_fetched, SourceRecord.objects.count()) == ("failed", 0, 0)
    assert "gave no sign" in row.error_message


@pytest.mark.django_db(transaction=True)
def test_a_failure_that_can_not_be_stored_is_left_to_the_next_start(congress, monkeypatch, clock):
    def away(*args, **kwargs):
        raise IntegrityError("away")

    with monkeypatch.context() as patched:
        patched.setattr(running.findings, "of_failed", away)
        with pytest.raises(ValueError, match="first"), congress():
            raise ValueError("first")

    assert DataIngestionRun.objects.get().status == "running"
    clock.at += LEASE
    with congress():
        pass
    assert [row.status for row in DataIngestionRun.objects.order_by("id")] == ["failed", "completed"]


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_body_talks_to_the_outside(congress):
    with congress():
        assert not connection.in_atomic_block


# The rows themselves.


def test_a_state_is_changed_by_transitions_alone():
    row = ingested.running()
    with pytest.raises(AttributeError):
        row.status = "completed"
    row.complete(Counts(), at=NOON)
    for again in (lambda: row.complete(Counts(), at=NOON), lambda: row.fail("late", at=NOON)):
        with pytest.raises(TransitionNotAllowed):
            again()


@pytest.mark.parametrize(
    "facts",
    [
        {"completed_at": None},
        {"failed_at": NOON},
        {"error_message": "and yet"},
        # A run that failed has no records.
        {"status": "failed", "completed_at": None, "failed_at": NOON, "error_message": "why"},
        {"status": "failed", "completed_at": None, "failed_at": NOON, "records_fetched": 0, "records_created": 0},
        # Each row is accounted for.
        {"records_fetched": 4},
        {"records_created": 4, "records_skipped": -1},
        {"status": "half"},
    ],
)
def test_the_table_takes_no_run_that_cannot_be(facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        ingested.run(**facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"occurrence": 0},
        {"version": 0},
        {"superseded_at": NOON - timedelta(seconds=1)},
        {"key": ""},
    ],
)
def test_the_table_takes_no_record_that_cannot_be(facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        ingested.record(**facts)


def test_a_record_has_one_current_version():
    first = ingested.record()
    with pytest.raises(IntegrityError), transaction.atomic():
        ingested.record(key=first.key, version=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        ingested.record(key=first.key, superseded_at=NOON)


def test_a_run_meets_a_record_once():
    met = ingested.run_record()
    with pytest.raises(IntegrityError), transaction.atomic():
        ingested.run_record(run=met.run, record=met.record, operation="skipped")

"""Storing: which rows are new records, which are new versions, and which were there."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit_trail.ingestion.batches import BadRow
from audit_trail.ingestion.models import DataIngestionRunRecord, ParkedRow
from audit_trail.ingestion.records import SourceRecord
from audit_trail.ingestion.storing import store
from audit_trail.sources.quiver.congress.models import CongressTrade
from tests.support import ingested
from tests.support.factories import NOON
from tests.support.ingested import batch, read_row

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def stored(*rows, at=NOON, bad=()):
    """Store rows in a run of their own; return what became of them, and the run."""
    run = ingested.run(records_fetched=0, records_created=0)
    counts = store(run, batch(*rows, bad=bad), at=at)
    return (counts.created, counts.updated, counts.skipped), run


def versions():
    """Each version that there is: its key's place, occurrence, version, whether it is current, and its lower amount."""
    keys = sorted(set(SourceRecord.objects.values_list("key", flat=True)))
    rows = SourceRecord.objects.select_related("congress_trade").order_by("id")
    return [
        (
            keys.index(row.key),
            row.occurrence,
            row.version,
            row.superseded_at is None,
            str(row.congress_trade.amount_low_usd),
        )
        for row in rows
    ]


def test_what_is_told_again_is_skipped():
    assert stored(read_row("a"), read_row("b"))[0] == (2, 0, 0)

    counts, run = stored(read_row("b"), read_row("a"), at=NOON + DAY)

    assert counts == (0, 0, 2)
    assert {one.operation for one in DataIngestionRunRecord.objects.filter(run=run)} == {"skipped"}
    assert {row.known_at for row in SourceRecord.objects.all()} == {NOON}


def test_what_is_told_otherwise_is_a_new_version_and_the_old_one_stays():
    stored(read_row("a", amount_low_usd=Decimal(1001)))

    counts, run = stored(read_row("a", amount_low_usd=Decimal(15001)), at=NOON + DAY)

    assert counts == (0, 1, 0)
    assert versions() == [(0, 1, 1, False, "1001"), (0, 1, 2, True, "15001")]
    old, new = SourceRecord.objects.order_by("id")
    assert (old.superseded_at, new.known_at) == (NOON + DAY, NOON + DAY)
    # The run refers to the very version that it made.
    assert [(one.record, one.operation) for one in DataIngestionRunRecord.objects.filter(run=run)] == [(new, "updated")]
    # Which is what is compared with from here on.
    assert stored(read_row("a", amount_low_usd=Decimal(15001)))[0] == (0, 0, 1)
    assert stored(read_row("a", amount_low_usd=Decimal(1001)), at=NOON + 2 * DAY)[0] == (0, 1, 0)


@pytest.mark.parametrize(("before", "after"), [("1001", "1001.0"), ("1E+3", "1000")])
def test_the_same_number_written_otherwise_is_no_change(before, after):
    stored(read_row("a", amount_low_usd=Decimal(before)))

    assert stored(read_row("a", amount_low_usd=Decimal(after)))[0] == (0, 0, 1)


def test_two_rows_alike_are_two_records():
    """L11: several lots of a day do not collapse into one."""
    assert stored(read_row("a"), read_row("a"))[0] == (2, 0, 0)
    assert versions() == [(0, 1, 1, True, "1001"), (0, 2, 1, True, "1001")]

    assert stored(read_row("a"), read_row("a"))[0] == (0, 0, 2)
    assert stored(read_row("a"), read_row("a"), read_row("a"))[0] == (1, 0, 2)


def test_rows_of_one_key_are_paired_with_what_they_are_like_whatever_their_order():
    one, other = (read_row("a", amount_low_usd=Decimal(n)) for n in (1, 2))
    stored(one, other)

    assert stored(other, one)[0] == (0, 0, 2)
    assert stored(read_row("a", amount_low_usd=Decimal(3)), one)[0] == (0, 1, 1)
    assert versions() == [(0, 1, 1, True, "1"), (0, 2, 1, False, "2"), (0, 2, 2, True, "3")]


def test_rows_that_tell_themselves_apart_are_never_taken_for_each_other():
    stored(read_row("a", detail="IRA"))

    assert stored(read_row("a", detail="Trust", amount_low_usd=Decimal(7)))[0] == (1, 0, 0)
    # The source leaves the detail out: it can only be one of those that are there.
    assert stored(read_row("a", detail=None, amount_low_usd=Decimal(9)))[0] == (0, 1, 0)


def test_what_is_not_told_any_more_stays():
    stored(read_row("a"), read_row("b"))

    assert stored(read_row("a"))[0] == (0, 0, 1)
    assert SourceRecord.objects.current().count() == 2


def test_what_was_known_at_a_time_is_the_version_of_then():
    stored(read_row("a", amount_low_usd=Decimal(1)), at=NOON)
    stored(read_row("a", amount_low_usd=Decimal(2)), read_row("b", amount_low_usd=Decimal(5)), at=NOON + DAY)

    def known(at):
        trades = CongressTrade.objects.filter(record__in=SourceRecord.objects.known(at=at))
        return sorted(str(trade.amount_low_usd) for trade in trades)

    assert known(NOON - timedelta(seconds=1)) == []
    assert known(NOON) == ["1"]
    assert known(NOON + DAY - timedelta(seconds=1)) == ["1"]
    assert known(NOON + DAY) == ["2", "5"]


def test_a_kind_does_not_know_the_records_of_another():
    ingested.record(kind="insider_trade", key=read_row("a").key_hash)

    assert stored(read_row("a"))[0] == (1, 0, 0)


def test_many_rows_take_few_queries():
    def queries(count):
        rows = [read_row(f"{count}-{n}") for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            stored(*rows)
        return len(captured)

    queries(1)
    assert queries(50) == queries(5)


# Rows that can't be read.


def test_a_bad_row_is_kept_once_however_often_it_is_met():
    bad = BadRow('{"Name":"Doe","excess_return":"1.5"}', "expected Traded as a date, was nothing")
    again = BadRow('{"excess_return":"9.9","Name":"Doe"}', "another reason")
    _, first = stored(bad=[bad])
    _, second = stored(bad=[again], at=NOON + DAY)

    row = ParkedRow.objects.get()
    assert (row.row, row.reason, row.times) == (bad.row, "another reason", 2)
    assert (row.first_run, row.last_run, row.first_met_at, row.last_met_at) == (first, second, NOON, NOON + DAY)


def test_a_bad_row_is_settled_by_the_run_that_can_read_it():
    stored(bad=[BadRow(read_row("a").row, "odd"), BadRow('{"key":"other"}', "odd")])

    stored(read_row("a"), at=NOON + DAY)

    assert [(row.row, row.settled_at) for row in ParkedRow.objects.order_by("id")] == [
        ('{"key":"a"}', NOON + DAY),
        ('{"key":"other"}', None),
    ]
    stored(bad=[BadRow(read_row("a").row, "odd again")])
    assert ParkedRow.objects.filter(settled_at=None).count() == 2


@pytest.mark.parametrize("row", ["[1]", "no json", '"text"', ""])
def test_whatever_a_row_is_it_can_be_parked(row):
    stored(bad=[BadRow(row, "odd")])

    assert ParkedRow.objects.get().row == row

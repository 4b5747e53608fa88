"""Storage: how much is kept, and what is said of bodies that are kept for too long."""

from datetime import timedelta

import pytest

from audit_trail.payloads.purging import purge
from audit_trail.reports.storage import TABLES, storage_stats
from tests.support import decided
from tests.support import factories as make
from tests.support.commands import run
from tests.support.factories import NOON

DAY = timedelta(days=1)


@pytest.mark.django_db
def test_every_table_of_the_audit_trail_is_told_with_the_age_of_the_oldest_rows():
    decided.decision(decided_at=NOON, known_at=NOON)
    make.api_payload(captured_at=NOON + DAY)

    found = storage_stats(now=NOON + 10 * DAY)

    assert {row.table for row in found.audit_tables} == {model._meta.db_table for model in TABLES}
    assert all(row.rows is not None for row in found.audit_tables)
    assert (found.oldest_decision_days, found.oldest_payload_days, found.advice) == (10, 9, None)


@pytest.mark.django_db(transaction=True)
def test_bodies_that_are_older_than_two_years_are_advised_to_be_purged():
    make.api_payload(captured_at=NOON)
    now = NOON + 731 * DAY

    assert "purge_api_payloads --dry-run" in storage_stats(now=now).advice
    assert storage_stats(now=NOON + 730 * DAY).advice is None

    purge(before=now - 730 * DAY, at=now)
    assert (storage_stats(now=now).oldest_payload_at, storage_stats(now=now).advice) == (None, None)


@pytest.mark.django_db
def test_the_command_says_that_it_estimates():
    decided.decision()

    text = run("storage_stats")

    assert "rows and bytes are the database's estimates" in text
    assert "oldest payload with its body: none" in text
    assert all(model._meta.db_table in text for model in TABLES)

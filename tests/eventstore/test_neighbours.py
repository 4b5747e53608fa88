"""Neighbours: two installations that share one database, each in a schema of its own."""

from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from eventstore.functions import APPENDING
from eventstore.store import append_alone
from tests.eventstore.samples import AT, deposits
from tests.eventstore.test_following import append_by, parameters

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="an SQLite file has no schemas"),
]

MADE = [
    "CREATE SCHEMA next_door",
    "SET search_path = next_door",
    "CREATE SEQUENCE events_number_seq",
    "CREATE TABLE events (LIKE public.events INCLUDING ALL)",
]


@contextmanager
def next_door():
    """Another installation, whose table of events and functions have the very same names."""
    raw = psycopg.connect(**parameters(), autocommit=True)
    try:
        for statement in [*MADE, *APPENDING.values()]:
            raw.execute(statement)
        yield raw
    finally:
        raw.execute("DROP SCHEMA IF EXISTS next_door CASCADE")
        raw.close()


def test_each_installation_writes_into_its_own_table_whichever_started_last():
    append_alone(deposits("ours", 1), at=AT)
    with next_door() as raw:
        append_by(raw, "theirs")
        append_alone(deposits("ours", 2), at=AT)
        append_by(raw, "theirs", 2)

        assert rows(raw, "public.events") == [("ours", 1), ("ours", 2)]
        assert rows(raw, "next_door.events") == [("theirs", 1), ("theirs", 2)]


def rows(raw, table):
    return raw.execute(f"SELECT aggregate_id, version FROM {table} ORDER BY number").fetchall()  # noqa: S608

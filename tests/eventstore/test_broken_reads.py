"""Broken reads: a database that fails in the middle of reading is never taken for the end of what there is."""

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from eventstore import following, reading, replaying
from eventstore.following import follow
from eventstore.handling import load
from eventstore.integrity.verifying import Verification
from eventstore.replaying import Replay
from eventstore.store import append_alone, stream
from tests.eventstore.samples import AT, Account, deposits
from tests.eventstore.test_following import on_postgresql, parameters, real

READERS = {
    "a stream": lambda: list(stream("Account", "A")),
    "the log": lambda: list(follow()),
    "a replay": lambda: list(Replay().broken()),
    "a verification": lambda: list(Verification().findings()),
    "the command that replays": lambda: call_command("replay"),
}


@pytest.fixture
def short_pages(monkeypatch):
    monkeypatch.setattr(following, "PAGE", 10)
    monkeypatch.setattr(reading, "PAGE", 10)
    monkeypatch.setattr(replaying, "PAGE", 10)
    monkeypatch.setattr("eventstore.integrity.verifying.PAGE", 10)
    for function in (following.rows_between, following.rows_in_table, following.events_between):
        monkeypatch.setattr(function, "__kwdefaults__", {**function.__kwdefaults__, "limit": 10})


@real
@pytest.mark.parametrize("reader", READERS)
def test_an_error_between_two_pages_is_raised(reader, short_pages):
    append_alone(deposits("A", *range(1, 41)), at=AT)
    pages = 0

    def fail_at_the_third(execute, sql, *rest):
        nonlocal pages
        pages += " FROM events" in sql and "ORDER BY" in sql
        if pages == 3:
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_at_the_third), pytest.raises(OperationalError, match="closed the connection"):
        READERS[reader]()


@real
@on_postgresql
def test_a_connection_that_is_cut_between_two_pages_is_an_error(short_pages):
    append_alone(deposits("A", *range(1, 41)), at=AT)
    pages = follow()
    next(pages)
    with connection.cursor() as cursor, psycopg.connect(**parameters(), autocommit=True) as owner:
        cursor.execute("SELECT pg_backend_pid()")
        owner.execute("SELECT pg_terminate_backend(%s, 10000)", cursor.fetchone())

    with pytest.raises(OperationalError):
        list(pages)
    connection.close()
    assert load(Account, "A").version == 40

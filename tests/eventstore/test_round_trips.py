"""Round trips: how often the server is asked, which is most of what appending and reading cost."""

import psycopg
import pytest
from django.db import connection, transaction

from eventstore.following import follow
from eventstore.loading import load_many
from eventstore.store import Draft, append, append_alone
from tests.eventstore.samples import AT, METADATA, Account, Deposited, coins, deposits

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="there is no way to go to an SQLite"),
]

COUNTS = [1, 10, 1000]


@pytest.fixture
def asked(monkeypatch):
    """What goes to the server from now on, through Django's cursors and past them."""
    connection.ensure_connection()
    statements = []
    execute = psycopg.Cursor.execute

    def noting(self, query, *rest, **options):
        statements.append(str(query))
        return execute(self, query, *rest, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", noting)
    return statements


@pytest.mark.parametrize("count", COUNTS)
def test_a_commit_of_its_own_is_one_however_many_events_it_has(asked, count):
    append_alone(moves(count), at=AT)

    (statement,) = asked
    assert "append_event" in statement


@pytest.mark.parametrize("count", COUNTS)
def test_an_append_adds_one_to_the_transaction_that_it_is_part_of(asked, count):
    with transaction.atomic():
        append(moves(count), at=AT)

    (statement,) = asked
    assert "append_event" in statement


def test_events_of_several_streams_go_together(asked):
    append_alone([*moves(3), *moves(3, "other")], at=AT)

    assert len(asked) == 1


def test_a_long_log_is_followed_a_thousand_events_at_a_time(asked):
    """And not by ten, as one rival does until it is told otherwise."""
    append_alone(moves(2500), at=AT)
    asked.clear()

    sizes = [len(page) for page in follow()]

    assert sizes == [1000, 1000, 500]
    assert len([statement for statement in asked if "FROM events" in statement]) == 4


def test_aggregates_are_loaded_in_two_however_many_they_are(asked):
    append_alone([draft for n in range(50) for draft in deposits(f"A{n}", *range(1, 60))], at=AT)
    asked.clear()

    loaded = load_many(Account, [f"A{n}" for n in range(50)])

    assert {version for _, version in loaded.values()} == {59}
    assert len(asked) == 2


def moves(count, identity="P"):
    """Events of a kind without views or snapshots."""
    event = Deposited(amount=coins(1))
    return [Draft("Purse", identity, version, event, METADATA) for version in range(1, count + 1)]

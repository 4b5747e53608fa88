"""The chain of hashes: a stream shows that one of its events was changed, moved or taken out."""

from hashlib import sha256

import pytest
from django.db import connection

from eventstore.models import StoredEvent
from eventstore.store import ChainBroken, Draft, Metadata, append, verify_chain
from tests.eventstore.samples import AT, Deposited, coins, deposits
from tests.eventstore.tampering import as_the_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return append([*deposits("A", *range(1, 6)), *deposits("B", 1, 2)], at=AT)[:5]


def change(assignment, version, identity="A"):
    with as_the_owner(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE events SET {assignment} WHERE aggregate_id = %s AND version = %s",  # noqa: S608
            [identity, version],
        )


def test_a_stream_left_alone_is_whole(account):
    verify_chain("Account", "A")
    verify_chain("Account", "nobody")


def test_a_hash_is_what_its_documentation_says(account):
    row = StoredEvent.objects.get(aggregate_id="A", version=2)
    texts = [
        account[0].hash, str(row.number), "Account", "A", "2", "AccountEvent::Deposited", "1", '{"amount":"1.5"}',
        '{"actor":"tests","correlation":"a test","causation":null}', "2025-03-01T12:30:00.250000Z",
    ]  # fmt: skip

    assert row.hash == sha256("".join(f"{len(text)}:{text}" for text in texts).encode()).hexdigest()


def test_a_hash_is_over_the_stored_bytes_whatever_the_letters():
    """A hash over what was read and written again would depend on who writes: with escapes, or without."""
    letters = "süß 日本 \N{SLIGHTLY SMILING FACE} \u2028"
    draft = Draft("Account", letters, 1, Deposited(amount=coins(1)), Metadata(actor=letters, correlation="x"))
    append([draft, draft._replace(version=2)], at=AT)
    row = StoredEvent.objects.get(aggregate_id=letters, version=1)
    texts = ["", str(row.number), "Account", letters, "1", row.type, "1", row.data, row.metadata,
             "2025-03-01T12:30:00.250000Z"]  # fmt: skip

    assert letters in row.metadata
    framed = b"".join(b"%d:%b" % (len(text.encode()), text.encode()) for text in texts)
    assert row.hash == sha256(framed).hexdigest()
    verify_chain("Account", letters)


@pytest.mark.parametrize(
    "assignment",
    [
        """data = '{"amount":"15"}'""",
        # It means the same, and is another row all the same.
        """data = '{"amount": "1.5"}'""",
        """metadata = '{"actor":"nobody","correlation":"a test","causation":null}'""",
        "type = 'AccountEvent::Withdrawn'",
        "schema = 2",
        "number = number + 1000",
        "recorded_at = '2025-03-01 12:30:00.250001Z'",
        "hash = '0000000000000000000000000000000000000000000000000000000000000000'",
    ],
)
def test_a_changed_row_is_detected(account, assignment):
    if connection.vendor == "sqlite":
        assignment = assignment.replace("250001Z", "250001")
    change(assignment, 3)

    with pytest.raises(ChainBroken, match="Account-A: the hash does not fit the event at version 3") as broken:
        verify_chain("Account", "A")

    assert (broken.value.stream, broken.value.version) == (("Account", "A"), 3)
    verify_chain("Account", "B")


def test_two_events_that_changed_places_are_detected(account):
    change("version = 50", 2)
    change("version = 2", 3)
    change("version = 3", 50)

    with pytest.raises(ChainBroken, match="at version 2"):
        verify_chain("Account", "A")


def test_an_event_from_another_stream_is_detected(account):
    change("aggregate_id = 'A', version = 6", 2, identity="B")

    with pytest.raises(ChainBroken, match="at version 6"):
        verify_chain("Account", "A")


@pytest.mark.parametrize(("gone", "found"), [(1, 2), (3, 4)])
def test_an_event_taken_out_is_detected(account, gone, found):
    with as_the_owner():
        StoredEvent.objects.filter(aggregate_id="A", version=gone).delete()

    with pytest.raises(ChainBroken, match=f"expected version {gone}, found another at version {found}"):
        verify_chain("Account", "A")

"""Seals: when there is one, what it says, and that nobody makes one twice."""

import threading
from datetime import timedelta
from hashlib import sha256

import msgspec
import pytest
from django.db import connection, transaction

from eventstore.integrity import sealing
from eventstore.integrity.sealing import newest_seal, seal_next, seal_over, seals
from eventstore.integrity.seals import NumberTwice
from eventstore.models import StoredEvent
from eventstore.store import append
from tests.eventstore.integrity.logs import change, free_number, log_of_three_seals
from tests.eventstore.samples import AT, deposits

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def texts(*values):
    return b"".join(b"%d:%b" % (len(text), text) for text in (str(value).encode() for value in values))


def ranges():
    return [(seal.number, seal.events, seal.after_number, seal.up_to_number) for seal in seals(limit=100)]


def test_an_empty_log_is_not_sealed():
    assert seal_next(now=AT, regardless=True) is None
    assert ranges() == []


def test_seals_follow_one_another_without_a_gap():
    first, second, third = log_of_three_seals()

    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert [first.events, second.events, third.events] == [6, 4, 1]
    assert (first.after_number, first.previous) == (0, "")
    assert (second.after_number, second.previous) == (first.up_to_number, first.hash)
    assert (third.after_number, third.previous) == (second.up_to_number, second.hash)
    assert third.up_to_number == StoredEvent.objects.latest("number").number


def test_a_seal_is_what_its_documentation_says():
    append(deposits("ä", 1, 2, 3), at=AT)
    rows = list(StoredEvent.objects.order_by("number"))

    seal = seal_next(now=AT)

    leaves = [
        sha256(b"\x00" + texts(row.number, row.aggregate_type, row.aggregate_id, row.version, row.hash)).digest()
        for row in rows
    ]
    left = sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    root = sha256(b"\x01" + left + leaves[2]).hexdigest()
    numbers = f"{rows[0].number}-{rows[2].number}"
    marks = "".join(leaf.hex()[:8] for leaf in leaves)
    moment = "2025-03-01T12:30:00.250000Z"
    facts = (1, 0, rows[2].number, 3, numbers, marks, root, "", moment)
    assert msgspec.structs.astuple(seal) == (*facts, sha256(b"\x02" + texts(*facts)).hexdigest())
    assert seals(limit=1) == [seal]


def test_numbers_may_have_gaps():
    append(deposits("A", 1, 2), at=AT)
    gap = free_number()
    append(deposits("A", 3), at=AT)

    seal = seal_next(now=AT)

    assert seal.numbers == f"{gap - 2}-{gap - 1},{gap + 1}"
    assert [number for number, _ in seal.marks_by_number()] == [gap - 2, gap - 1, gap + 1]


@pytest.mark.parametrize(
    ("events", "seconds", "due"),
    [
        (1, 59, False),
        (1, 60, True),
        (9, 59, False),
        (10, 0, True),
        (11, 0, True),
        (0, 60, False),
        # A clock that was put back.
        (1, -1, True),
    ],
)
def test_when_a_seal_is_due(settings, events, seconds, due):
    settings.EVENTSTORE_SEAL_EVENTS = 10
    append(deposits("A", 1), at=AT)
    seal_next(now=AT)
    append(deposits("A", *range(2, 2 + events)), at=AT)

    assert (seal_next(now=AT + seconds * SECOND) is not None) == due


def test_gaps_are_no_events(settings):
    settings.EVENTSTORE_SEAL_EVENTS = 3
    append(deposits("A", 1), at=AT)
    seal_next(now=AT)
    append(deposits("A", 2), at=AT)
    free_number()
    free_number()
    append(deposits("A", 3), at=AT)

    assert seal_next(now=AT) is None


def test_a_seal_waits_a_minute_or_a_thousand_events_unless_told_otherwise():
    assert (sealing.SECONDS, sealing.EVENTS) == (60, 1000)


def test_a_long_log_is_sealed_in_parts(settings):
    settings.EVENTSTORE_SEAL_EVENTS = 4
    append(deposits("A", *range(1, 11)), at=AT)

    while seal_next(now=AT, regardless=True):
        pass

    assert [events for _, events, _, _ in ranges()] == [4, 4, 2]


def test_what_is_not_settled_is_not_sealed(monkeypatch):
    recorded = append(deposits("A", 1, 2, 3), at=AT)
    monkeypatch.setattr(sealing, "settled", lambda: recorded[1].number)

    assert seal_next(now=AT).up_to_number == recorded[1].number


def test_an_event_of_a_newer_program_is_sealed_too():
    append(deposits("A", 1), at=AT)
    change("type = 'AccountEvent::FromTheFuture', schema = 9", "A", 1)

    assert seal_next(now=AT).events == 1


def test_the_seal_over_a_number():
    first, second, _ = log_of_three_seals()

    assert seal_over(first.up_to_number) == first
    assert seal_over(first.up_to_number + 1) == second
    assert seal_over(10**9) is None


def test_a_number_given_twice_is_not_sealed():
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the number is the primary key")
    recorded = append(deposits("A", 1, 2), at=AT)
    change("number = %s", "A", 2, recorded[0].number)

    with pytest.raises(NumberTwice, match="is given twice: to Account-A, version 1, and Account-A, version 2"):
        seal_next(now=AT)
    assert ranges() == []


def test_of_two_that_seal_at_once_one_does_nothing(monkeypatch):
    append(deposits("A", 1), at=AT)
    rows_between = sealing.rows_between

    def while_another_one_seals(*numbers, **limits):
        monkeypatch.setattr(sealing, "rows_between", rows_between)
        assert seal_next(now=AT) is not None
        return rows_between(*numbers, **limits)

    monkeypatch.setattr(sealing, "rows_between", while_another_one_seals)

    assert seal_next(now=AT + SECOND) is None
    assert [seal.sealed_at for seal in seals(limit=10)] == ["2025-03-01T12:30:00.250000Z"]


@pytest.mark.django_db(transaction=True)
def test_many_that_seal_at_once_make_one_chain(settings):
    settings.EVENTSTORE_SEAL_EVENTS = 3
    with transaction.atomic():
        append(deposits("A", *range(1, 31)), at=AT)

    def seal_on():
        while newest_seal() is None or newest_seal().number < 10:
            seal_next(now=AT, regardless=True)
        connection.close()

    threads = [threading.Thread(target=seal_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    made = seals(limit=100)
    assert [seal.number for seal in made] == list(range(1, 11))
    assert [seal.previous for seal in made] == ["", *(seal.hash for seal in made[:-1])]
    assert [seal.events for seal in made] == [3] * 10

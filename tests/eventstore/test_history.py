"""History: states as they stood, what each event changed, and what can't be told any more."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import accumulate

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.aggregates import (
    AggregateTwice,
    UnknownAggregateType,
    aggregate_of,
    register_aggregate,
    registered_aggregates,
)
from eventstore.history import (
    CannotReplay,
    Change,
    NoSuchState,
    NotATime,
    changes,
    parsed_time,
    plain_state,
    state_at,
    stream_ids,
    timeline,
    version_at,
)
from eventstore.models import StoredEvent, StoredSnapshot
from eventstore.store import Draft, append
from tests.eventstore.samples import AT, METADATA, Account, Deposited, Opened, Withdrawn, coins, deposits
from tests.eventstore.tampering import as_the_owner

pytestmark = pytest.mark.django_db

OPENED = Opened(limit=coins("5.00"), opened_at=AT)


def told(*events, id="A", at=AT, first=1):
    """Append each event a second after the one before it."""
    for version, event in enumerate(events, start=first):
        append([Draft("Account", id, version, event, METADATA)], at=at + timedelta(seconds=version - first))


def balances(moments):
    return [(moment.recorded.version, moment.state["balance"]) for moment in moments]


def test_a_state_is_told_as_it_stood_at_each_version():
    told(OPENED, Deposited(amount=coins("1E-60")), Withdrawn(amount=coins("2")))

    assert [state_at("Account", "A", version=version).state for version in (1, 2, 3)] == [
        {"id": "A", "limit": "5", "balance": "0", "movements": 0, "available": "5"},
        {"id": "A", "limit": "5", "balance": f"0.{'0' * 59}1", "movements": 1, "available": f"5.{'0' * 59}1"},
        {
            "id": "A",
            "limit": "5",
            "balance": f"-1.{'9' * 60}",
            "movements": 2,
            "available": f"3.{'0' * 59}1",
        },
    ]


def test_the_newest_state_is_told_where_nothing_else_is_asked():
    told(OPENED, Deposited(amount=coins(1)))

    found = state_at("Account", "A")

    assert (str(found.stream), found.version, found.recorded_at) == ("Account-A", 2, AT + timedelta(seconds=1))
    assert found.state["balance"] == "1"


@pytest.mark.parametrize("microsecond", [0, 250_000, 999_999])
@pytest.mark.parametrize(
    ("after_the_second", "version"),
    [
        (timedelta(microseconds=-1), 1),
        # At its very time an event has happened.
        (timedelta(0), 2),
        (timedelta(microseconds=1), 2),
        (timedelta(days=400), 3),
    ],
)
def test_a_time_stands_for_the_last_event_recorded_at_or_before_it(microsecond, after_the_second, version):
    start = AT.replace(microsecond=microsecond)
    told(OPENED, Deposited(amount=coins(1)), Deposited(amount=coins(2)), at=start)
    at = (start + timedelta(seconds=1) + after_the_second).astimezone(timezone(timedelta(hours=-5)))

    assert state_at("Account", "A", at=at).version == version
    assert version_at("Account", "A", at) == version


def test_before_its_first_event_a_stream_has_no_state():
    told(OPENED)

    assert version_at("Account", "A", AT - timedelta(microseconds=1)) == 0
    with pytest.raises(NoSuchState, match="Account-A had no event yet at 2025-03-01 12:30:00"):
        state_at("Account", "A", at=AT - timedelta(seconds=0.25))


@pytest.mark.parametrize("version", [0, -1, 3, 2**63 - 1, 2**70])
def test_a_version_that_is_not_there_is_refused(version):
    told(OPENED, Deposited(amount=coins(1)))

    with pytest.raises(NoSuchState, match=f"Account-A has versions from 1 to 2, not {version}"):
        state_at("Account", "A", version=version)


def test_a_stream_without_events_is_refused():
    with pytest.raises(NoSuchState, match="Account-nobody has no events"):
        state_at("Account", "nobody")
    assert timeline("Account", "nobody") == []


def test_a_type_that_is_not_registered_is_refused():
    for ask in (state_at, timeline):
        with pytest.raises(UnknownAggregateType, match=r"expected a type of aggregates .*Account.*, was 'Purse'"):
            ask("Purse", "A")


def test_a_version_and_a_time_are_one_too_many():
    with pytest.raises(ValueError, match="were both"):
        state_at("Account", "A", version=1, at=AT)


def test_a_type_is_registered_once():
    class Other(Account):
        pass

    assert aggregate_of("Account") is Account
    assert register_aggregate(Account) is Account
    with pytest.raises(AggregateTwice):
        register_aggregate(Other)


def test_the_aggregates_of_the_program_are_registered():
    assert {"OnChainTrade", "Position", "OffchainOrder"} <= set(registered_aggregates())


def test_any_state_is_the_one_that_a_full_replay_comes_to(settings):
    settings.EVENTSTORE_SNAPSHOT_EVERY = 4
    events = [OPENED, *(Deposited(amount=coins(n)) for n in range(1, 11))]
    told(*events)
    assert StoredSnapshot.objects.get().version == 8

    full = list(accumulate(events, Account.evolve, initial=Account.initial("A")))[1:]

    for version, state in enumerate(full, start=1):
        assert state_at("Account", "A", version=version).state == plain_state(state)


def test_a_state_after_a_snapshot_is_read_from_there_on(settings):
    settings.EVENTSTORE_SNAPSHOT_EVERY = 50
    append([Draft("Account", "A", 1, OPENED, METADATA), *deposits("A", *range(2, 103))], at=AT)
    append(deposits("A", 103, 104), at=AT)
    with as_the_owner():
        StoredEvent.objects.filter(version__lte=100).delete()

    assert state_at("Account", "A").state["movements"] == 103
    assert [moment.recorded.version for moment in timeline("Account", "A", after=102)] == [103, 104]


def test_a_timeline_tells_each_event_with_the_state_after_it_and_what_changed():
    told(OPENED, Deposited(amount=coins("1.50")))

    opened, deposited = timeline("Account", "A")

    assert opened.changed == [
        Change("limit", None, "5"),
        Change("available", None, "5"),
    ]
    assert (deposited.recorded.version, deposited.recorded.event) == (2, Deposited(amount=coins("1.5")))
    assert deposited.data == {"amount": "1.5"}
    assert deposited.state == state_at("Account", "A", version=2).state
    assert deposited.changed == [
        Change("balance", "0", "1.5"),
        Change("movements", 0, 1),
        Change("available", "5", "6.5"),
    ]


def test_a_timeline_is_read_page_by_page():
    append([Draft("Account", "A", 1, OPENED, METADATA), *deposits("A", *range(2, 8), amount="1")], at=AT)

    pages = [timeline("Account", "A", after=after, limit=3) for after in (0, 3, 6, 9)]

    assert [balances(page) for page in pages] == [
        [(1, "0"), (2, "1"), (3, "2")],
        [(4, "3"), (5, "4"), (6, "5")],
        [(7, "6")],
        [],
    ]
    assert pages[1][0].changed[0] == Change("balance", "2", "3")


def test_a_page_takes_as_many_queries_however_long_it_is():
    append([Draft("Account", "A", 1, OPENED, METADATA), *deposits("A", *range(2, 300))], at=AT)

    def queries(**page):
        with CaptureQueriesContext(connection) as captured:
            timeline("Account", "A", **page)
        return len(captured)

    assert queries(limit=1) == queries(limit=200) == queries(after=250) == 2


def test_what_lies_deeper_is_named_with_dots():
    before = {"a": {"x": 1, "y": [1]}, "b": None, "c": {"d": {"e": 1}}}
    after = {"a": {"x": 1, "y": [2]}, "b": {"z": "new"}, "c": None}

    assert changes(before, after) == [
        Change("a.y", [1], [2]),
        Change("b.z", None, "new"),
        Change("c.d.e", 1, None),
    ]
    assert changes(after, after) == []


@pytest.mark.parametrize(
    "broken",
    [{"data": "{"}, {"type": "AccountEvent::Forgotten"}, {"schema": 9}],
)
def test_an_event_that_cant_be_read_ends_what_can_be_told(broken):
    told(OPENED, Deposited(amount=coins(1)), Deposited(amount=coins(2)))
    StoredSnapshot.objects.all().delete()
    with as_the_owner():
        StoredEvent.objects.filter(version=3).update(**broken)

    assert balances(timeline("Account", "A")) == [(1, "0"), (2, "1")]
    assert state_at("Account", "A", version=2).state["balance"] == "1"
    for ask in (lambda: state_at("Account", "A"), lambda: timeline("Account", "A", after=2)):
        with pytest.raises(CannotReplay, match="Account-A can't be replayed from version 3 on: ") as refused:
            ask()
        assert refused.value.version == 3


def test_streams_of_a_type_are_listed_by_id():
    append(
        [
            *deposits("B", 1, 2, 3),
            *deposits("A", 1),
            *deposits("C", 1, 2),
            Draft("Purse", "A", 1, Deposited(amount=coins(1)), METADATA),
        ],
        at=AT,
    )

    first = stream_ids("Account", limit=2)
    rest = stream_ids("Account", after=first[-1].aggregate_id, limit=2)

    assert first == [("A", 1), ("B", 3)]
    assert rest == [("C", 2)]
    assert stream_ids("Account", after="C") == []
    assert stream_ids("Wallet") == []


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-11-03T14:30:00Z", datetime(2025, 11, 3, 14, 30, tzinfo=UTC)),
        (" 2025-11-03 09:30:00.5-05:00 ", datetime(2025, 11, 3, 14, 30, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_time_is_read(text, time):
    assert parsed_time(text) == time


@pytest.mark.parametrize(
    "text", ["", "noon", "2025-11-03", "2025-11-03T14:30:00", "2025-11-03T14:30:00 00:00", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_without_its_zone_is_refused(text):
    with pytest.raises(NotATime, match="expected a time with its zone"):
        parsed_time(text)

"""Handling and snapshots: commands on aggregates, whose loading costs the same however long their streams are."""

from decimal import Decimal

import msgspec
import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from eventstore import loading
from eventstore.codec import CannotDecode, encode_value
from eventstore.handling import Loaded, handle, load, load_many
from eventstore.models import StoredSnapshot
from eventstore.snapshots import SnapshotsTwice, register_snapshots
from eventstore.store import Draft, TransactionNeeded, append, stream
from tests.eventstore.samples import (
    AT,
    METADATA,
    Account,
    Deposit,
    Deposited,
    NotOpen,
    Open,
    Opened,
    Withdraw,
    Withdrawn,
    coins,
    deposits,
)

pytestmark = pytest.mark.django_db


def replayed(identity):
    state = Account.initial(identity)
    for recorded in stream("Account", identity):
        state = state.evolve(recorded.event)
    return state


def snapshots():
    return dict(StoredSnapshot.objects.values_list("aggregate_id", "version"))


@pytest.fixture
def every_ten(settings):
    settings.EVENTSTORE_SNAPSHOT_EVERY = 10


@pytest.fixture
def decoded(monkeypatch):
    """The types of all events that are read from now on."""
    types = []
    decode = loading.decode

    def noting(name, schema, data):
        types.append(name)
        return decode(name, schema, data)

    monkeypatch.setattr(loading, "decode", noting)
    return types


def test_a_command_becomes_events():
    handle(Account, "A", Open(coins(5)), at=AT, metadata=METADATA)
    recorded = handle(Account, "A", Withdraw(coins(2)), at=AT, metadata=METADATA)

    assert [(r.version, r.event) for r in recorded] == [(2, Withdrawn(amount=coins(2)))]
    assert load(Account, "A") == (Account(id="A", limit=coins(5), balance=coins(-2), movements=1), 2)


def test_a_refused_command_leaves_nothing():
    with pytest.raises(NotOpen):
        handle(Account, "A", Deposit(coins(2)), at=AT, metadata=METADATA)

    assert load(Account, "A") == Loaded(Account(id="A"), 0)


def test_a_command_may_change_nothing():
    handle(Account, "A", Open(coins(5)), at=AT, metadata=METADATA)

    assert handle(Account, "A", Open(coins(5)), at=AT, metadata=METADATA) == []


@pytest.mark.django_db(transaction=True)
def test_a_command_needs_a_transaction_even_if_it_changes_nothing():
    with transaction.atomic():
        handle(Account, "A", Open(coins(5)), at=AT, metadata=METADATA)

    with pytest.raises(TransactionNeeded):
        handle(Account, "A", Open(coins(5)), at=AT, metadata=METADATA)


def test_many_are_loaded_in_two_queries(every_ten, django_assert_num_queries):
    append([draft for n in range(100) for draft in deposits(f"A{n}", *range(1, 6 + n % 9))], at=AT)

    with django_assert_num_queries(2):
        loaded = load_many(Account, [*(f"A{n}" for n in range(100)), "nobody"])

    assert loaded.pop("nobody") == (Account(id="nobody"), 0)
    assert loaded == {f"A{n}": (replayed(f"A{n}"), 5 + n % 9) for n in range(100)}
    assert load_many(Account, []) == {}


def test_a_snapshot_is_taken_when_a_multiple_is_crossed(every_ten):
    append(deposits("A", *range(1, 10)), at=AT)
    assert snapshots() == {}

    append(deposits("A", 10), at=AT)
    assert snapshots() == {"A": 10}

    append(deposits("A", *range(11, 20)), at=AT)
    assert snapshots() == {"A": 10}

    append([*deposits("A", *range(20, 45)), *deposits("B", *range(1, 12)), *deposits("C", 1)], at=AT)
    assert snapshots() == {"A": 44, "B": 11}


def test_without_a_setting_a_snapshot_is_taken_every_fifty(settings):
    if hasattr(settings, "EVENTSTORE_SNAPSHOT_EVERY"):
        del settings.EVENTSTORE_SNAPSHOT_EVERY
    append([*deposits("A", *range(1, 50)), *deposits("B", *range(1, 51))], at=AT)

    assert snapshots() == {"B": 50}


def test_other_kinds_have_no_snapshots(every_ten):
    append([Draft("Purse", "A", n, Deposited(amount=coins(1)), METADATA) for n in range(1, 30)], at=AT)

    assert snapshots() == {}


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_goes_with_its_append(every_ten):
    with transaction.atomic():
        append(deposits("A", *range(1, 11)), at=AT)
        assert snapshots() == {"A": 10}
        transaction.set_rollback(True)

    assert snapshots() == {}


def test_loading_does_not_cost_more_for_a_longer_stream(every_ten, decoded, django_assert_num_queries):
    version = 0
    for length in (25, 250, 1000):
        for version in range(version + 1, length + 1):  # noqa: B020
            append(deposits("A", version), at=AT)
        append(deposits("A", *range(length + 1, length + 6)), at=AT)
        version = length + 5
        decoded.clear()

        with django_assert_num_queries(2):
            loaded = load(Account, "A")

        assert loaded.version == length + 5
        assert loaded.state.movements == length + 5
        assert len(decoded) < 10


def test_taking_a_snapshot_does_not_cost_more_for_a_longer_stream(every_ten, decoded):
    for version in range(1, 301):
        append(deposits("A", version), at=AT)

    # Each event was read once, for the snapshot after it.
    assert len(decoded) == 300


events = st.lists(
    st.builds(Opened, limit=st.integers(0, 9).map(Decimal), opened_at=st.just(AT))
    | st.builds(Deposited, amount=st.decimals(0, 100, places=20))
    | st.builds(Withdrawn, amount=st.decimals(0, 100, places=3)),
    min_size=1,
    max_size=40,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)
@given(events, st.integers(1, 12), st.lists(st.integers(1, 12), min_size=1))
def test_snapshot_and_tail_are_the_whole_replay(history, every, sizes):
    with transaction.atomic(), override_settings(EVENTSTORE_SNAPSHOT_EVERY=every):
        drafts = [Draft("Account", "A", n, event, METADATA) for n, event in enumerate(history, start=1)]
        turn = 0
        while drafts:
            size = sizes[turn % len(sizes)]
            append(drafts[:size], at=AT)
            drafts, turn = drafts[size:], turn + 1

            loaded = load(Account, "A")
            assert loaded.state == replayed("A")
            # Exactly as it would be written, too.
            assert encode_value(loaded.state) == encode_value(replayed("A"))

        StoredSnapshot.objects.all().delete()
        assert load(Account, "A") == loaded
        transaction.set_rollback(True)


def test_deleting_all_snapshots_changes_nothing(every_ten):
    append([*deposits("A", *range(1, 36)), *deposits("B", *range(1, 13))], at=AT)
    before = load_many(Account, ["A", "B"])

    StoredSnapshot.objects.all().delete()

    assert load_many(Account, ["A", "B"]) == before
    append(deposits("A", *range(36, 41)), at=AT)
    assert snapshots() == {"A": 40}
    assert load(Account, "A").state == replayed("A")


def test_a_snapshot_of_another_state_schema_is_ignored_and_replaced(every_ten, monkeypatch):
    append(deposits("A", *range(1, 16)), at=AT)
    StoredSnapshot.objects.update(data='{"another":"shape"}')
    monkeypatch.setattr(Account, "state_schema", 2)

    with capture_logs() as logs:
        assert load(Account, "A") == (replayed("A"), 15)
    assert logs == []

    append(deposits("A", *range(16, 21)), at=AT)
    assert StoredSnapshot.objects.values_list("version", "schema").get() == (20, 2)
    assert load(Account, "A") == (replayed("A"), 20)


@pytest.mark.parametrize("data", ["", "{", '{"id":"A"', '{"id":"A","balance":"x"}', "[]"])
def test_a_snapshot_that_cannot_be_read_is_ignored_with_a_warning(every_ten, data):
    append(deposits("A", *range(1, 16)), at=AT)
    StoredSnapshot.objects.update(data=data)

    with capture_logs() as logs:
        assert load(Account, "A") == (replayed("A"), 15)

    (log,) = logs
    assert (log["event"], log["log_level"]) == ("snapshot ignored", "warning")
    assert (log["aggregate_type"], log["aggregate_id"], log["version"]) == ("Account", "A", 15)


def test_a_snapshot_is_made_by_one_class():
    class Another(Account, frozen=True):
        pass

    with pytest.raises(SnapshotsTwice, match="'Account'"):
        register_snapshots(Another)
    assert register_snapshots(Account) is Account


def test_a_state_that_could_not_be_read_back_is_refused_at_registration():
    class Ambiguous(Account, frozen=True):
        last: Deposited | Withdrawn | None = None

    with pytest.raises(CannotDecode, match="Ambiguous can't be read back"):
        register_snapshots(Ambiguous)


def test_ids_are_data_and_nothing_else():
    odd = ["'; DROP TABLE events; --", '{"a","b"}', "a\\b", "%s", "NULL", "[1]", " ", "ß"]
    append([draft for identity in odd for draft in deposits(identity, 1, 2)], at=AT)

    assert {identity: loaded.version for identity, loaded in load_many(Account, odd).items()} == dict.fromkeys(odd, 2)
    assert msgspec.json.decode(encode_value(load(Account, odd[0]).state))["id"] == odd[0]
    assert connection.introspection.table_names()

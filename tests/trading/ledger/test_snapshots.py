"""Snapshots of trading's aggregates: wherever one is taken, it and the tail are the whole replay."""

import pytest

from eventstore.aggregates import registered_aggregates
from eventstore.codec import decode_value, encode_value
from eventstore.handling import load_many
from eventstore.loading import evolved
from eventstore.models import StoredEvent, StoredSnapshot
from eventstore.replaying import Replay
from eventstore.store import streams
from tests.trading.ledger.history import History
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode
from trading.offchain_order.aggregate import OffchainOrder
from trading.position.aggregate import Position

pytestmark = pytest.mark.django_db(transaction=True)

SNAPSHOTTED = [Position, OffchainOrder]


def told(seed):
    History(seed, Ledger(Mode.EVENTS, legacy_projection=False), wide=True).run(80)


def ids_of(aggregate):
    return set(
        StoredEvent.objects.filter(aggregate_type=aggregate.aggregate_type).values_list("aggregate_id", flat=True)
    )


def test_a_snapshot_after_any_event_and_the_tail_are_the_whole_replay():
    told(36)
    compared = 0
    for aggregate in SNAPSHOTTED:
        for id, events in streams(aggregate.aggregate_type, ids_of(aggregate)).items():
            whole = evolved(aggregate.initial(id), events).state
            state = aggregate.initial(id)
            for place, event in enumerate(events, start=1):
                state = state.evolve(event.event)
                kept = decode_value(aggregate, encode_value(state))
                assert kept == state
                tail = events[place:]
                assert (evolved(kept, tail).state if tail else kept) == whole
                compared += 1
    assert compared > 50


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_snapshots_taken_on_the_way_are_what_a_replay_comes_to(every, settings):
    settings.EVENTSTORE_SNAPSHOT_EVERY = every
    told(59)
    loaded = {aggregate: load_many(aggregate, ids_of(aggregate)) for aggregate in SNAPSHOTTED}
    run = Replay()

    assert list(run.broken()) == []
    assert run.snapshots == StoredSnapshot.objects.count() > 0
    assert run.unreadable_snapshots == 0

    StoredSnapshot.objects.all().delete()
    assert {aggregate: load_many(aggregate, ids_of(aggregate)) for aggregate in SNAPSHOTTED} == loaded


def test_every_kind_of_stream_that_a_history_makes_can_be_replayed_by_name():
    told(36)

    run = Replay()

    assert list(run.broken()) == []
    assert run.events == StoredEvent.objects.count()
    made = set(StoredEvent.objects.values_list("aggregate_type", flat=True))
    assert made <= set(registered_aggregates())
    assert len(made) == 3

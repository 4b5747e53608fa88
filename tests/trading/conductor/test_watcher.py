"""The watcher: every block once, behind a checkpoint that never goes back, whatever the node does."""

from datetime import timedelta
from decimal import Decimal
from unittest.mock import Mock

import pytest
from django.db import OperationalError, transaction

from tests.support.chains import node_at
from tests.support.made_chain import CHAIN_ID, FIRST_BLOCK, ORDERBOOK, MadeChain, clear, take
from tests.support.replay_node import replaying
from tests.support.stations import Clock, Stations
from trading.chain.logs import MalformedLog
from trading.chain.node import NodeError, NodeRefused, NodeUnavailable
from trading.chain.reorgs import confirm
from trading.chain.scanner import LaggingNode
from trading.conductor import watcher
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint, LostLease, move, take_lease
from trading.conductor.inbox import QueuedLog
from trading.conductor.watcher import LEASE, WrongChain
from trading.notices.models import Notice

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain():
    chain = MadeChain("tAAPL")
    for number in range(12):
        chain.mine(take("SELL", "0.1", "tAAPL"), *([clear("BUY", "0.2", "tAAPL")] if number % 3 == 0 else []))
        chain.mine()
    return chain


@pytest.fixture
def replay(chain):
    with replaying(chain.recording()) as replay:
        yield replay


@pytest.fixture
def stations(replay):
    node = node_at(replay.url)
    yield Stations(node=node)
    node.close()


def places(*, standing: bool = False) -> list[tuple[int, int]]:
    """Where the inbox has logs; with `standing`, only those whose blocks the chain still has."""
    logs = QueuedLog.objects.filter(reorged_at=None) if standing else QueuedLog.objects.all()
    return list(logs.order_by("block_number", "log_index").values_list("block_number", "log_index"))


def expected_places(chain, *, to: int | None = None) -> list[tuple[int, int]]:
    last = chain.head if to is None else to
    blocks = [FIRST_BLOCK + 1 + 2 * number for number in range(12)]
    found = [(block, 0) for block in blocks] + [(block, 1) for block in blocks[::3]]
    return sorted(place for place in found if place[0] <= last)


def next_block() -> int:
    return ChainCheckpoint.objects.get().next_block


# Reading on.


@pytest.mark.parametrize("range_size", [1, 2, 3, 7, 1000])
def test_every_log_is_queued_once_whatever_the_size_of_a_range(replay, chain, range_size):
    node = node_at(replay.url)
    stations = Stations(node=node, largest_range=range_size)

    stations.read()
    stations.read()

    assert places() == expected_places(chain)
    assert next_block() == chain.head + 1
    node.close()


@pytest.mark.parametrize("step", [1, 2, 5])
def test_the_seams_between_heads_lose_and_repeat_nothing(stations, replay, chain, step):
    for head in range(FIRST_BLOCK, chain.head + 1, step):
        replay.set_head(head)
        stations.read()
        assert places() == expected_places(chain, to=head)
        assert next_block() == head + 1


@pytest.mark.parametrize("knobs", [{"shuffle": True, "duplicate": True}, {"timestamps": False}, {"max_range": 3}])
def test_the_worst_of_answers_are_put_in_order(chain, knobs):
    with replaying(chain.recording(), **knobs) as replay:
        node = node_at(replay.url)
        stations = Stations(node=node)
        stations.read()
        stations.process()
        node.close()

    assert places() == expected_places(chain)
    assert stations.net("AAPL") == Decimal("-1.2") + Decimal("0.8")
    times = dict(QueuedLog.objects.values_list("block_number", "block_timestamp"))
    assert all((times[b] - times[101]) == timedelta(seconds=2 * (b - 101)) for b in times)


def test_a_restart_reads_no_block_again(stations, replay, chain):
    stations.read()
    asked = replay.counters["eth_getLogs"]

    restarted = Stations(node=stations.node, holder="test:1")
    restarted.read()

    assert replay.counters["eth_getLogs"] == asked


def test_a_node_is_asked_only_what_it_need_remember_nothing_for(stations, replay, chain):
    """G1-2, G1-9: a subscription that ends without a word, or a filter that another node does not know, loses fills."""
    stations.read()
    stations.process()
    replay.reorg(FIRST_BLOCK + 3)
    stations.forward(400)
    stations.read()

    assert places(standing=True) == expected_places(chain)
    assert set(replay.counters) <= {
        "eth_chainId",
        "eth_blockNumber",
        "eth_getBlockByNumber",
        "eth_getBlockByHash",
        "eth_getLogs",
        "eth_getTransactionReceipt",
        "eth_call",
    }


def test_how_much_the_node_answers_at_once_is_remembered(replay, stations):
    replay.max_range = 6
    stations.read()
    asked = replay.counters["eth_getLogs"]
    assert ChainCheckpoint.objects.get().range_size == 6

    ChainCheckpoint.objects.update(next_block=FIRST_BLOCK)
    Stations(node=stations.node).read()
    assert replay.counters["eth_getLogs"] - asked == 5


def test_nothing_is_read_past_the_cut_off(chain):
    with replaying(chain.recording()) as replay:
        node = node_at(replay.url)
        stations = Stations(node=node, cutoff_tag="finalized")
        stations.read()
        node.close()
    assert next_block() == chain.head - 2 + 1


# Bad days of the node.


@pytest.mark.parametrize("kind", ["429", "500", "503", "html", "empty", "garbage", "null", "cut", "other-id"])
@pytest.mark.parametrize("method", ["eth_getLogs", "eth_blockNumber", "eth_getBlockByNumber"])
def test_a_bad_answer_moves_nothing_and_is_no_empty_range(stations, replay, chain, kind, method):
    replay.set_head(110)
    stations.read()
    before = places(), next_block()
    replay.set_head(None)
    replay.fail(kind, times=100, methods=[method])

    with pytest.raises((NodeError, MalformedLog)):
        stations.read()
    assert (places(), next_block()) == before

    replay._faults.clear()
    stations.read()
    assert places() == expected_places(chain)


def test_a_node_that_fails_now_and_then_is_read_to_the_end(chain, replay):
    replay.fail_rate("500", 0.2)
    replay.fail_rate("429", 0.1)
    node = node_at(replay.url)
    stations = Stations(node=node, largest_range=2)

    for _ in range(200):
        try:
            if not stations.watcher.run_once(now=stations.clock()):
                break
        except NodeUnavailable:
            continue

    assert places() == expected_places(chain)
    node.close()


def test_logs_of_a_node_that_is_behind_are_not_taken_for_none(stations, replay, chain):
    """Another node answers behind the same address: it lists nothing of new blocks, and does not say so."""
    heads = iter([chain.head])

    def lag(method, params):
        if method == "eth_blockNumber":
            replay.set_head(next(heads, 105))
        else:
            replay.set_head(105 if method == "eth_getLogs" else None)

    replay.on_request = lag
    with pytest.raises(LaggingNode):
        stations.read()
    assert places() == []
    assert next_block() == FIRST_BLOCK

    replay.on_request = None
    replay.set_head(None)
    stations.read()
    assert places() == expected_places(chain)


def test_a_falling_head_is_a_node_that_is_behind_and_no_reorg(stations, replay, chain):
    stations.read()
    stations.process()
    before = places(), next_block(), stations.net("AAPL")

    for head in (chain.head - 5, 103, FIRST_BLOCK, chain.head - 1, chain.head):
        replay.set_head(head)
        stations.forward(5)
        stations.read()

    assert (places(), next_block(), stations.net("AAPL")) == before
    assert not QueuedLog.objects.exclude(reorged_at=None).exists()


def test_a_node_of_another_chain_is_refused(chain):
    with replaying(chain.recording()) as replay:
        node = node_at(replay.url)
        Stations(node=node).read()
        node.close()
    with replaying(chain.recording(chain_id="0x1")) as replay:
        node = node_at(replay.url)
        with pytest.raises(WrongChain, match=f"chain 1, .* chain {CHAIN_ID}"):
            Stations(node=node).read()
        node.close()
    assert next_block() == chain.head + 1


def test_a_refusal_by_the_account_stops_reading_and_loses_nothing(stations, replay, chain):
    replay.fail("403", times=100, methods=["eth_getLogs"])
    with pytest.raises(NodeRefused):
        stations.read()
    replay._faults.clear()
    stations.read()
    assert places() == expected_places(chain)


# One reads, and the checkpoint never goes back.


def lease(holder: str, clock: Clock) -> ChainCheckpoint | None:
    return take_lease(
        ORDERBOOK,
        holder=holder,
        now=clock(),
        lasts=LEASE,
        chain_id=CHAIN_ID,
        first_block=FIRST_BLOCK,
        range_size=10,
    )


def test_of_two_watchers_one_reads_until_its_lease_ends(replay, chain):
    clock, node = Clock(), node_at(replay.url)
    first, second = (Stations(node=node, clock=clock, holder=name) for name in ("elsewhere:1:a", "elsewhere:2:b"))
    replay.set_head(105)

    first.read()
    replay.set_head(None)
    second.read()
    assert next_block() == 106

    clock.forward(LEASE.total_seconds() + 1)
    second.read()
    assert next_block() == chain.head + 1
    assert ChainCheckpoint.objects.get().lease_holder == "elsewhere:2:b"
    node.close()


def test_whoever_holds_the_lease_renews_it_when_a_third_of_it_has_passed():
    """It is asked for at every look, several times a second, also where the chain stands still."""
    clock, until = Clock(), []
    for seconds in (0, 4.9, 0.1, 4.9, 0.1):
        clock.forward(seconds)
        until.append(lease("elsewhere:1:a", clock).lease_until)

    taken, renewed = until[0], until[2]
    assert until == [taken, taken, renewed, renewed, clock() + LEASE]
    assert renewed - taken == LEASE / 3
    assert ChainCheckpoint.objects.get().lease_until == clock() + LEASE


def test_a_watcher_that_ends_in_order_lets_the_next_one_in_at_once(replay, chain):
    clock, node = Clock(), node_at(replay.url)
    first, second = (Stations(node=node, clock=clock, holder=name) for name in ("elsewhere:1:a", "elsewhere:2:b"))
    replay.set_head(105)
    first.read()

    first.watcher.stop()
    replay.set_head(None)
    second.read()

    assert next_block() == chain.head + 1
    node.close()


def test_what_a_former_holder_still_writes_is_refused(stations, chain, monkeypatch):
    """It sleeps through its lease between the node's answer and its commit."""
    scanner = stations.watcher._scanner
    scan = scanner.scan

    def oversleep(*blocks, **options):
        scanned = scan(*blocks, **options)
        stations.forward(LEASE.total_seconds() + 1)
        assert lease("elsewhere:2:b", stations.clock) is not None
        return scanned

    monkeypatch.setattr(scanner, "scan", oversleep)
    with pytest.raises(LostLease):
        stations.read()

    assert places() == []
    assert next_block() == FIRST_BLOCK
    assert not ChainBlock.objects.exists()


def test_two_that_read_for_longer_than_a_lease_lasts_read_less_until_one_gets_on(replay, chain, monkeypatch):
    clock, node = Clock(), node_at(replay.url)
    pair = [Stations(node=node, clock=clock, holder=name) for name in ("elsewhere:1:a", "elsewhere:2:b")]

    def slow(stations, other):
        """Four seconds for each block, in which the other one looks, too."""
        scan = stations.watcher._scanner.scan

        def reads(start, end, **options):
            scanned = scan(start, end, **options)
            clock.forward(4 * (scanned.end_block - scanned.from_block))
            lease(other.watcher._holder, clock)
            return scanned

        monkeypatch.setattr(stations.watcher._scanner, "scan", reads)

    for stations, other in (pair, pair[::-1]):
        slow(stations, other)
    lost = 0
    for turn in range(100):
        try:
            pair[turn % 2].watcher.run_once(now=clock())
        except LostLease:
            lost += 1
        clock.forward(LEASE.total_seconds() / 2)

    assert lost > 1
    assert next_block() == chain.head + 1
    assert places() == expected_places(chain)
    node.close()


def test_a_reorg_that_a_former_holder_still_finds_is_left_to_the_next_one(stations, replay, monkeypatch):
    stations.read()
    stations.process()
    before = stations.net("AAPL")
    replay.reorg(110)

    def oversleep(*asked):
        found = confirm(*asked)
        stations.forward(LEASE.total_seconds() + 1)
        assert lease("elsewhere:2:b", stations.clock) is not None
        return found

    monkeypatch.setattr("trading.conductor.watcher.confirm", oversleep)
    stations.forward(5)
    with pytest.raises(LostLease):
        stations.read()

    assert stations.net("AAPL") == before
    assert not QueuedLog.objects.exclude(reorged_at=None).exists()


def test_blocks_that_another_process_took_back_meanwhile_are_left_to_it(stations, replay, monkeypatch):
    stations.read()
    replay.reorg(FIRST_BLOCK)

    def overslept(*asked):
        ChainBlock.objects.all().delete()
        return confirm(*asked)

    monkeypatch.setattr("trading.conductor.watcher.confirm", overslept)
    stations.forward(5)
    with pytest.raises(LostLease, match="taken back by another process"):
        stations.read()

    assert ChainCheckpoint.objects.get().reread_from is None


def test_the_checkpoint_cannot_be_moved_back(stations):
    stations.read()
    checkpoint = ChainCheckpoint.objects.get()

    with pytest.raises(LostLease), transaction.atomic():
        move(checkpoint, now=stations.clock(), next_block=checkpoint.next_block - 1)

    assert next_block() == checkpoint.next_block


def test_the_checkpoint_moves_in_the_commit_of_what_was_read_only(monkeypatch, stations):
    monkeypatch.setattr("trading.conductor.watcher.queue", refuse_to_queue)
    with pytest.raises(OSError, match="disk"):
        stations.read()
    assert next_block() == FIRST_BLOCK


def refuse_to_queue(*args, **options):
    raise OSError("no room on the disk")


# What an operator must know.


def test_a_chain_that_stands_still_is_told_once_until_it_moves_on(stations, replay, chain):
    replay.set_head(chain.head - 2)
    stations.read()
    for _ in range(6):
        stations.forward(151)
        stations.read()

    silent = Notice.objects.get(kind="chain_silent")
    assert (silent.closed_at, silent.times) == (None, 1)

    replay.set_head(chain.head)
    stations.read()
    assert Notice.objects.get(kind="chain_silent").closed_at is not None


def test_who_did_not_look_for_minutes_tells_of_no_silence_and_ends_what_others_told_of(stations, replay, chain):
    other = Stations(node=stations.node, clock=stations.clock, holder="elsewhere:2:b")
    replay.set_head(chain.head - 2)
    stations.read()
    for _ in range(3):
        stations.forward(151)
        other.read()
    stations.forward(151)
    stations.read()
    silent = Notice.objects.get(kind="chain_silent")
    assert (silent.closed_at, silent.times) == (None, 1)

    replay.set_head(chain.head)
    stations.read()
    assert Notice.objects.get(kind="chain_silent").closed_at is not None


def test_what_a_process_told_of_a_silent_chain_ends_though_another_process_sees_it_move(stations, replay, chain):
    replay.set_head(chain.head - 2)
    for _ in range(3):
        stations.read()
        stations.forward(151)

    restarted = Stations(node=stations.node, clock=stations.clock)
    restarted.read()
    assert Notice.objects.get(kind="chain_silent").closed_at is None

    replay.set_head(chain.head)
    restarted.read()
    assert Notice.objects.get(kind="chain_silent").closed_at is not None


def test_who_relieves_the_process_that_told_of_a_silent_chain_ends_it_though_it_knew_the_chain_to_move(
    stations, replay, chain
):
    other = Stations(node=stations.node, clock=stations.clock, holder="elsewhere:2:b")
    replay.set_head(chain.head - 2)
    stations.read()
    stations.forward(50)
    stations.read()
    for behind in (4, 3):
        stations.forward(60)
        replay.set_head(chain.head - behind)
        other.read()
    stations.forward(150)
    stations.read()
    assert Notice.objects.get(kind="chain_silent").closed_at is None

    stations.forward(60)
    replay.set_head(chain.head)
    other.read()

    assert Notice.objects.get(kind="chain_silent").closed_at is not None


def test_that_the_chain_stands_still_is_told_at_the_next_turn_where_the_database_did_not_take_it(
    stations, replay, chain, monkeypatch
):
    replay.set_head(chain.head - 2)
    stations.read()
    stations.forward(151)
    stations.read()
    stations.forward(151)
    with monkeypatch.context() as patched:
        patched.setattr(watcher, "open_notice", Mock(side_effect=OperationalError("the disk is full")))
        with pytest.raises(OperationalError):
            stations.read()

    stations.read()

    assert Notice.objects.get(kind="chain_silent").closed_at is None


def test_that_the_chain_moves_on_is_told_at_the_next_turn_where_the_database_did_not_take_it(
    stations, replay, chain, monkeypatch
):
    replay.set_head(chain.head - 2)
    for _ in range(3):
        stations.read()
        stations.forward(151)
    replay.set_head(chain.head)
    with monkeypatch.context() as patched:
        patched.setattr(watcher, "close_notice", Mock(side_effect=OperationalError("the disk is full")))
        with pytest.raises(OperationalError):
            stations.read()

    stations.read()

    assert Notice.objects.get(kind="chain_silent").closed_at is not None

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chains import V4, V6, logs_of, node_at, patient, with_logs
from tests.support.replay_node import RANGE_REFUSALS, recorded, replaying
from trading.chain.logs import Log
from trading.chain.node import Block, InconsistentNode, NodeRefused, NodeUnavailable, RangeRefused
from trading.chain.scanner import SUCCESSES_BEFORE_GROWTH, BlockTooLarge, LaggingNode, Scanner, in_order
from trading.chain.topics import FOLLOWED

CHAIN = recorded(V6)
BOOK = CHAIN["orderbook"]
FIRST, END = 43, CHAIN["head"] + 1
BLOCKS = {int(block["number"], 16): block for block in CHAIN["blocks"]}


def ours(path):
    chain = recorded(path)
    logs = [Log.from_rpc(log) for log in chain["logs"] if log["address"].lower() == chain["orderbook"].lower()]
    followed = [log for log in logs if log.topic0 in FOLLOWED]
    return sorted(followed, key=lambda log: (log.block_number, log.log_index))


OURS = ours(V6)
FULL = max(BLOCKS, key=lambda number: sum(log.block_number == number for log in OURS))
"""The block with most of our logs."""


@pytest.fixture
def replay():
    with replaying(V6) as replay:
        yield replay


@pytest.fixture
def node(replay):
    node = node_at(replay.url)
    yield node
    node.close()


@pytest.fixture
def scanner(node):
    return Scanner(node, BOOK, FOLLOWED)


def all_of(scanner, from_block=FIRST, end=END):
    logs = []
    while from_block < end:
        scanned = scanner.scan(from_block, end)
        assert scanned.from_block == from_block < scanned.end_block <= end
        assert scanned.last_block.number == scanned.end_block - 1
        logs += scanned.logs
        from_block = scanned.end_block
    return logs


class TestScanning:
    @pytest.mark.parametrize("path", [V4, V6])
    def test_every_log_of_a_recorded_chain(self, path):
        chain = recorded(path)
        with replaying(path) as replay:
            scanned = Scanner(node_at(replay.url), chain["orderbook"], FOLLOWED).scan(43, chain["head"] + 1)

        assert list(scanned.logs) == ours(path)
        assert scanned.last_block.hash == chain["blocks"][-1]["hash"]

    def test_logs_come_in_order_and_once(self, scanner, replay):
        replay.shuffle = replay.duplicate = True

        assert all_of(scanner) == OURS

    def test_a_single_block(self, scanner):
        assert list(scanner.scan(FULL, FULL + 1).logs) == [log for log in OURS if log.block_number == FULL]

    def test_no_blocks_are_no_question(self, scanner):
        with pytest.raises(ValueError, match="at least one block"):
            scanner.scan(50, 50)

    def test_it_never_reads_past_the_end(self, scanner, replay):
        replay.shuffle = True

        assert all_of(scanner, FIRST, FULL) == [log for log in OURS if log.block_number < FULL]


class TestTimes:
    def test_a_log_without_a_time_has_its_blocks(self, scanner, replay):
        replay.timestamps = False

        assert all_of(scanner) == OURS

    def test_a_block_is_asked_for_its_time_once(self, scanner, replay):
        replay.timestamps = False
        all_of(scanner)
        asked = replay.counters["eth_getBlockByNumber"]
        assert asked <= len({log.block_number for log in OURS}) + 1

        all_of(scanner)

        # Again the last block alone, whose hash has to be new.
        assert replay.counters["eth_getBlockByNumber"] == asked + 1

    def test_a_header_of_another_block_than_the_logs(self, scanner, replay):
        replay.timestamps = False
        # The reorg comes after the logs.
        replay.on_request = lambda method, _: replay.reorg(FULL) if method == "eth_blockNumber" else None

        with pytest.raises(InconsistentNode, match="but its logs in"):
            scanner.scan(FIRST, END)


class TestRanges:
    @pytest.mark.parametrize("vendor", RANGE_REFUSALS)
    def test_a_refused_range_is_halved_until_it_is_not(self, scanner, replay, vendor):
        replay.max_range, replay.range_refusal = 10, vendor

        assert all_of(scanner) == OURS
        assert scanner.range_size <= 10

    def test_too_many_results_are_halved_too(self, scanner, replay):
        most = max(sum(log.block_number == number for log in OURS) for number in BLOCKS)
        replay.most_results = most

        assert all_of(scanner) == OURS

    def test_what_worked_is_remembered_and_may_be_stored(self, scanner, node, replay):
        replay.max_range = 40
        scanned = scanner.scan(FIRST, END)
        refused = replay.counters["eth_getLogs"] - 1
        assert refused > 0

        again = Scanner(node, BOOK, FOLLOWED, range_size=scanner.range_size)
        again.scan(scanned.end_block, END)

        assert replay.counters["eth_getLogs"] == refused + 2

    def test_ranges_grow_again_after_enough_successes_and_never_past_the_largest(self, node):
        scanner = Scanner(node, BOOK, FOLLOWED, largest_range=5, range_size=2)
        sizes = []
        for number in range(4 * SUCCESSES_BEFORE_GROWTH):
            scanned = scanner.scan(FIRST + number, END)
            sizes.append(scanned.end_block - scanned.from_block)

        assert (
            sizes == [2] * SUCCESSES_BEFORE_GROWTH + [4] * SUCCESSES_BEFORE_GROWTH + [5] * 2 * SUCCESSES_BEFORE_GROWTH
        )

    def test_small_ranges_at_the_head_teach_nothing(self, node):
        scanner = Scanner(node, BOOK, FOLLOWED, range_size=20)
        for number in range(2 * SUCCESSES_BEFORE_GROWTH):
            scanner.scan(FIRST + number, FIRST + number + 1)

        assert scanner.range_size == 20

    def test_a_single_block_that_is_refused_is_named(self, scanner, replay):
        replay.max_range = 0

        with pytest.raises(BlockTooLarge, match=f"block {FIRST} alone is too much") as caught:
            scanner.scan(FIRST, END)

        assert caught.value.block == FIRST

    def test_a_question_too_slow_is_smaller_the_next_time(self, replay):
        scanner = Scanner(node_at(replay.url, retry=patient(attempts=1)), BOOK, FOLLOWED, largest_range=64)
        replay.fail("504", methods=["eth_getLogs"])

        with pytest.raises(NodeUnavailable):
            scanner.scan(FIRST, END)

        assert scanner.range_size == 32
        assert all_of(scanner) == OURS

    def test_a_refusal_of_another_kind_is_not_halved(self, scanner, replay):
        replay.fail_rate("403", 1, methods=["eth_getLogs"])

        with pytest.raises(NodeRefused):
            scanner.scan(FIRST, END)

        assert replay.counters["eth_getLogs"] == 1


class TestNodesThatCannotBeTrusted:
    def test_a_node_without_the_last_block(self, scanner, replay):
        replay.set_head(150)

        with pytest.raises(LaggingNode, match="does not have block 201"):
            scanner.scan(FIRST, END)

        assert replay.counters["eth_getLogs"] == 0

    def test_a_node_that_falls_behind_between_two_questions(self, scanner, replay):
        # Behind a load balancer: one node knows the last block, another one answers "no logs".
        replay.on_request = lambda method, _: replay.set_head(150) if method == "eth_getLogs" else None

        with pytest.raises(LaggingNode, match="is at block 150, was asked about blocks up to 201"):
            scanner.scan(FIRST, END)

    def test_a_head_right_at_the_end_is_enough(self, scanner, replay):
        replay.set_head(150)

        assert all_of(scanner, FIRST, 151) == [log for log in OURS if log.block_number <= 150]

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"blockNumber": hex(END + 5)}, "outside"),
            ({"address": "0x" + "12" * 20}, "another contract"),
            ({"topics": ["0x" + "12" * 32]}, "another topic"),
            ({"blockHash": "0x" + "12" * 32}, "lists block"),
        ],
    )
    def test_a_log_that_was_not_asked_for(self, node, monkeypatch, change, complaint):
        raw = next(log for log in logs_of(V6) if int(log["blockNumber"], 16) == FULL and log["topics"][0] in FOLLOWED)
        monkeypatch.setattr(node, "logs", lambda *_, **__: [*OURS, Log.from_rpc(raw | change)])

        with pytest.raises(InconsistentNode, match=complaint):
            Scanner(node, BOOK, FOLLOWED).scan(FIRST, END)

    def test_two_logs_in_one_place(self, node, monkeypatch):
        other = msgspec.structs.replace(OURS[0], data=b"other")
        monkeypatch.setattr(node, "logs", lambda *_, **__: [*OURS, other])

        with pytest.raises(InconsistentNode, match="two logs at index"):
            Scanner(node, BOOK, FOLLOWED).scan(FIRST, END)

    def test_removed_logs_are_left_out(self):
        logs = logs_of(V6)
        for log in logs:
            log["removed"] = int(log["blockNumber"], 16) == FULL
        with replaying(with_logs(V6, logs)) as replay:
            found = all_of(Scanner(node_at(replay.url), BOOK, FOLLOWED))

        assert found == [log for log in OURS if log.block_number != FULL]


class TestReorgsWhileScanning:
    def test_the_last_blocks_logs_are_of_the_header_read_before_them(self, scanner, replay):
        replay.on_request = lambda method, _: replay.reorg(FULL) if method == "eth_getLogs" else None

        with pytest.raises(InconsistentNode, match="was " + BLOCKS[FULL]["hash"]):
            scanner.scan(FIRST, FULL + 1)

    def test_a_reorg_between_header_and_logs_shows_in_the_last_blocks_hash(self, scanner, replay, node):
        # A last block without our logs: only its hash can tell.
        last = max(BLOCKS.keys() - {log.block_number for log in OURS})
        replay.on_request = lambda method, _: replay.reorg(last - 2) if method == "eth_getLogs" else None

        scanned = scanner.scan(FIRST, last + 1)

        assert node.block(last).hash != scanned.last_block.hash == BLOCKS[last]["hash"]

    def test_a_range_stands_on_the_block_that_is_known_before_it(self, scanner):
        assert scanner.scan(FIRST + 1, END, parent_hash=BLOCKS[FIRST]["hash"]).end_block == END
        assert scanner.scan(END - 1, END, parent_hash=BLOCKS[END - 2]["hash"]).end_block == END

    @pytest.mark.parametrize("from_block", [120, END - 1])
    def test_a_range_that_stands_on_another_block(self, scanner, replay, from_block):
        replay.reorg(from_block - 1)

        with pytest.raises(InconsistentNode, match=f"has block {from_block} on"):
            scanner.scan(from_block, END, parent_hash=BLOCKS[from_block - 1]["hash"])


class FakeNode:
    """A chain in memory, whose refusals come by chance."""

    name = "fake"

    def __init__(self, blocks, dice, most):
        self.dice, self.most = dice, most
        self.blocks = [Block(n, f"0x{n:064x}", f"0x{n - 1:064x}", 1000 + n) for n in range(len(blocks))]
        self.all_logs = [
            Log(
                address=BOOK.lower(),
                topics=(FOLLOWED[index % len(FOLLOWED)],),
                data=bytes([index]),
                block_number=number,
                block_hash=f"0x{number:064x}",
                tx_hash=f"0x{index:064x}",
                log_index=index,
                block_timestamp=1000 + number,
            )
            for number, logs in enumerate(blocks)
            for index in range(logs)
        ]

    def head(self):
        return len(self.blocks) - 1

    def block(self, number):
        return self.blocks[number]

    def logs(self, from_block, end_block, *, address, topics):
        found = [log for log in self.all_logs if from_block <= log.block_number < end_block]
        if end_block - from_block > 1 and (len(found) > self.most or self.dice.random() < 0.3):
            raise RangeRefused("too much")
        if self.dice.random() < 0.2:
            raise NodeUnavailable("later", timed_out=self.dice.random() < 0.5)
        found = [
            log if self.dice.random() < 0.5 else msgspec.structs.replace(log, block_timestamp=None)
            for log in found + found[: self.dice.randrange(3)]
        ]
        self.dice.shuffle(found)
        return found


@settings(deadline=None)
@given(
    blocks=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    ends=st.lists(st.integers(1, 60)),
    seed=st.integers(0, 2**32),
    most=st.integers(1, 8),
    largest=st.integers(1, 20),
)
def test_any_way_of_asking_yields_each_log_exactly_once(blocks, ends, seed, most, largest):
    node = FakeNode(blocks, random.Random(seed), most)
    scanner = Scanner(node, BOOK, FOLLOWED, largest_range=largest)
    found, at = [], 0
    for end in [*sorted({min(end, len(blocks)) for end in ends}), len(blocks)]:
        while at < end:
            try:
                scanned = scanner.scan(at, end, parent_hash=f"0x{at - 1:064x}" if at else None)
            except NodeUnavailable:
                continue
            assert 1 <= scanner.range_size <= largest
            found += scanned.logs
            at = scanned.end_block

    assert found == node.all_logs


def test_any_way_of_asking_over_http_yields_each_log_exactly_once(replay):
    dice = random.Random(7)
    scanner = Scanner(node_at(replay.url, retry=patient(attempts=30, patience_seconds=9999)), BOOK, FOLLOWED)
    replay.shuffle = replay.duplicate = True
    replay.timestamps = False
    for fault in ("429", "500", "html", "empty", "cut"):
        replay.fail_rate(fault, 0.05)
    found, at = [], FIRST
    while at < END:
        replay.max_range = dice.choice([None, 3, 10])
        scanned = scanner.scan(at, min(at + dice.randrange(1, 40), END))
        found, at = found + list(scanned.logs), scanned.end_block

    assert found == OURS


def test_logs_in_order_keep_the_time_that_one_of_two_has():
    bare = msgspec.structs.replace(OURS[0], block_timestamp=None)

    assert in_order([bare, OURS[0]], "node") == in_order([OURS[0], bare], "node") == [OURS[0]]

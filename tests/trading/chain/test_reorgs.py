import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chains import V6, node_at
from tests.support.replay_node import recorded, replaying
from trading.chain.node import Block
from trading.chain.reorgs import KnownBlock, confirm, look_again, reread_from
from trading.chain.scanner import Scanner
from trading.chain.topics import FOLLOWED

HASHES = {int(block["number"], 16): block["hash"] for block in recorded(V6)["blocks"]}
BOOK = recorded(V6)["orderbook"]
KNOWN = [KnownBlock(number, HASHES[number]) for number in (100, 110, 120, 130, 140, 150)]


@pytest.fixture
def replay():
    with replaying(V6) as replay:
        yield replay


@pytest.fixture
def node(replay):
    node = node_at(replay.url)
    yield node
    node.close()


def test_a_chain_that_stayed_is_asked_about_its_newest_block_only(node, replay):
    assert look_again(node, KNOWN) == []
    assert replay.counters["eth_getBlockByNumber"] == 1


def test_a_thorough_look_asks_about_every_block(node, replay):
    assert look_again(node, KNOWN, thorough=True) == []
    assert replay.counters["eth_getBlockByNumber"] == len(KNOWN)


@pytest.mark.parametrize(
    ("fork", "suspects"), [(151, []), (150, [150]), (121, [150, 140, 130]), (120, [150, 140, 130, 120])]
)
def test_every_known_block_from_the_fork_on_is_suspect(node, replay, fork, suspects):
    replay.reorg(fork)

    assert look_again(node, KNOWN) == suspects
    assert confirm(node, KNOWN, suspects) == suspects


def test_a_suspect_that_agrees_the_second_time_was_a_stray_answer(node, replay):
    replay.reorg(121)
    suspects = look_again(node, KNOWN)
    replay.restore()

    assert confirm(node, KNOWN, suspects) == []


def test_what_is_confirmed_is_what_differs_both_times(node, replay):
    replay.reorg(121)
    suspects = look_again(node, KNOWN)
    replay.restore()
    replay.reorg(135)

    assert confirm(node, KNOWN, suspects) == [150, 140]


def test_a_node_that_is_behind_says_nothing_about_newer_blocks(node, replay):
    replay.set_head(125)

    assert look_again(node, KNOWN) == []
    assert confirm(node, KNOWN, [150, 140, 130]) == []


def test_a_node_that_is_behind_may_still_tell_of_older_blocks(node, replay):
    replay.reorg(115)
    replay.set_head(125)

    assert look_again(node, KNOWN) == [120]


def test_a_head_that_falls_while_it_is_asked_is_no_reorg(node, replay):
    # The head is told by a node that has all blocks, the blocks by one that does not.
    replay.on_request = lambda method, _: replay.set_head(125 if method == "eth_getBlockByNumber" else None)

    assert look_again(node, KNOWN) == []
    assert confirm(node, KNOWN, [150]) == []


def test_a_block_that_is_missing_does_not_end_the_look(node, replay):
    # The head is told by a node that has all blocks, the blocks by one that does not, and is on another fork.
    replay.reorg(115)
    replay.on_request = lambda method, _: replay.set_head(125 if method == "eth_getBlockByNumber" else None)

    assert look_again(node, KNOWN) == [120]


def test_a_block_above_the_nodes_own_head_is_not_believed():
    node = FakeNode(fork=0, head=125)
    node.newest, node.head = 999, lambda: 125

    assert look_again(node, KNOWN) == confirm(node, KNOWN, [150, 140, 130, 120, 110, 100]) == [120, 110, 100]


def test_a_stray_agreement_ends_a_hasty_look_and_not_a_thorough_one(node, replay):
    replay.reorg(121)
    mixed = [*KNOWN[:-1], KnownBlock(150, node.block(150).hash)]

    assert look_again(node, mixed) == []
    assert look_again(node, mixed, thorough=True) == [140, 130]


def test_nothing_known_is_nothing_suspect(node):
    assert look_again(node, []) == []
    assert confirm(node, [], []) == []


def test_reading_again_begins_after_the_newest_block_that_stayed():
    # Between 120 and 130 lie blocks without our logs. After the reorg they may have some.
    assert reread_from(KNOWN, [150, 140, 130]) == 121
    assert reread_from(KNOWN, [150]) == 141


def test_a_reorg_deeper_than_our_memory_is_said():
    assert reread_from(KNOWN, [known.number for known in KNOWN]) is None


def test_a_transaction_mined_again_in_another_block_at_another_index_is_found_again(node, replay):
    scanner = Scanner(node, BOOK, FOLLOWED)
    before = scanner.scan(43, 202).logs
    moved = next(log for log in before if log.block_number > 120)
    known = [KnownBlock(log.block_number, log.block_hash) for log in before]

    replay.reorg(moved.block_number, moved={moved.tx_hash: moved.block_number + 3})

    reorged = confirm(node, known, look_again(node, known))
    assert min(reorged) == moved.block_number
    after = scanner.scan(reread_from(known, reorged), 202).logs
    again = [log for log in after if log.tx_hash == moved.tx_hash]
    assert {log.block_number for log in again} == {moved.block_number + 3}
    assert {log.block_hash for log in again} == {node.block(moved.block_number + 3).hash}
    was = [log for log in before if log.block_number >= moved.block_number]
    assert sorted((log.tx_hash, log.data) for log in was) == sorted((log.tx_hash, log.data) for log in after)


class FakeNode:
    def __init__(self, fork, head):
        self.fork, self.newest = fork, head

    def head(self):
        return self.newest

    def block(self, number):
        salt = 1 if number >= self.fork else 0
        return Block(number, f"0x{salt}{number:063x}", "", 0) if number <= self.newest else None


@settings(deadline=None)
@given(st.sets(st.integers(0, 200)), st.integers(0, 220), st.integers(0, 220))
def test_the_suspects_are_the_known_blocks_from_the_fork_to_the_head(numbers, fork, head):
    known = [KnownBlock(number, f"0x{number:064x}") for number in numbers]
    node = FakeNode(fork, head)

    suspects = look_again(node, known)

    assert suspects == sorted((n for n in numbers if fork <= n <= head), reverse=True)
    assert suspects == confirm(node, known, suspects) == look_again(node, known, thorough=True)
    if suspects:
        again = reread_from(known, suspects)
        # No block from the fork on that could be known to be new is left out.
        assert again is None or max((n for n in numbers if n < fork), default=-1) + 1 == again <= fork

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chains import V6, node_at
from tests.support.replay_node import Refusal, recorded, replaying
from trading.chain.node import Block
from trading.chain.scanner import CutoffUnsupported, LaggingNode, cutoff_block

TIMES = {int(block["number"], 16): int(block["timestamp"], 16) for block in recorded(V6)["blocks"]}
FIRST, HEAD = min(TIMES), max(TIMES)


@pytest.fixture
def replay():
    with replaying(V6) as replay:
        yield replay


@pytest.fixture
def node(replay):
    node = node_at(replay.url)
    yield node
    node.close()


@pytest.mark.parametrize(("tag", "cutoff"), [("latest", HEAD), ("safe", HEAD - 1), ("finalized", HEAD - 2)])
def test_a_tag_is_the_block_it_names(node, tag, cutoff):
    assert cutoff_block(node, tag) == cutoff


@pytest.mark.parametrize("seconds", [1, 2, 3, 4, 5, 60])
def test_seconds_are_counted_in_headers_times(node, seconds):
    old_enough = [number for number, time in TIMES.items() if time <= TIMES[HEAD] - seconds]

    assert cutoff_block(node, "latest", seconds, from_block=FIRST) == max(old_enough, default=FIRST - 1)


def test_with_nothing_old_enough_nothing_may_be_read(node):
    assert cutoff_block(node, "latest", 10**6, from_block=FIRST) == FIRST - 1
    assert cutoff_block(node, "latest", 10**6, from_block=HEAD) == HEAD - 1


def test_a_next_block_past_the_head_changes_nothing(node):
    assert cutoff_block(node, "latest", from_block=HEAD + 1) == HEAD
    assert cutoff_block(node, "latest", 1, from_block=HEAD + 9) == HEAD


def test_never_past_the_nodes_own_head(node, replay):
    # Another node behind the same address has a newer block than the one that tells its head.
    replay.on_request = lambda method, _: replay.set_head(150) if method == "eth_blockNumber" else None

    assert cutoff_block(node, "safe") == 150


@pytest.mark.parametrize("tag", ["safe", "finalized"])
def test_a_node_without_the_tag(node, replay, tag):
    replay.tags = False

    with pytest.raises(CutoffUnsupported, match=tag):
        cutoff_block(node, tag)


def test_a_node_that_refuses_the_tag(node, replay):
    replay.refuses = lambda method, params: Refusal(-32602, "invalid argument 0: hex string without 0x prefix")

    with pytest.raises(CutoffUnsupported, match="hex string without 0x prefix"):
        cutoff_block(node, "safe")


def test_a_node_that_loses_a_block_while_it_is_asked(node, replay):
    replay.on_request = lambda method, params: replay.set_head(100) if params and params[0] == hex(HEAD - 1) else None

    with pytest.raises(LaggingNode):
        cutoff_block(node, "latest", 2)


def test_seconds_ahead_are_refused(node):
    with pytest.raises(ValueError, match="seconds"):
        cutoff_block(node, "latest", -1)


class FakeNode:
    name = "fake"

    def __init__(self, gaps):
        self.times = [sum(gaps[: n + 1]) for n in range(len(gaps))]
        self.asked = 0

    def head(self):
        return len(self.times) - 1

    def block(self, which):
        self.asked += 1
        number = self.head() if which == "latest" else which
        return Block(number, f"0x{number:064x}", f"0x{number - 1:064x}", self.times[number])


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=300), st.integers(0, 400), st.integers(0, 310))
def test_the_cutoff_is_the_last_block_that_is_old_enough(gaps, seconds, from_block):
    node = FakeNode(gaps)
    times, head = node.times, node.head()

    cutoff = cutoff_block(node, "latest", seconds, from_block=from_block)

    old_enough = [n for n in range(from_block, head + 1) if times[n] <= times[head] - seconds]
    assert cutoff == max(old_enough, default=min(from_block - 1, head) if seconds else head)
    # Few questions, however long the chain.
    assert node.asked <= 20


def test_at_the_head_it_takes_a_handful_of_questions():
    node = FakeNode([2] * 1_000)

    assert cutoff_block(node, "latest", 12, from_block=0) == 993
    assert node.asked <= 6

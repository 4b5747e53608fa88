"""The scanner: every log of a range of blocks exactly once, or an error and nothing."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import msgspec
import structlog

from trading.chain.logs import Log
from trading.chain.node import Block, InconsistentNode, Node, NodeError, NodeRefused, NodeUnavailable, RangeRefused

log = structlog.get_logger(__name__)

LARGEST_RANGE = 10_000
# So many ranges of the full size in a row, and twice the size is tried.
SUCCESSES_BEFORE_GROWTH = 8
REMEMBERED_BLOCKS = 4096


class LaggingNode(NodeError):
    """The node has not seen all the blocks it was asked about. Its answer counts for nothing; ask again later."""


class BlockTooLarge(NodeError):
    """The node refuses the logs of a single block. Nothing may advance past it; ask again, or ask another node."""

    def __init__(self, message: str, *, block: int) -> None:
        super().__init__(message)
        self.block = block


class CutoffUnsupported(NodeError):
    """The node does not know this tag. Choose another cut-off, or another node."""


class Scanned(msgspec.Struct, frozen=True):
    """What the blocks in [from_block, end_block) hold, by block and log index. Every log has its block's time."""

    from_block: int
    end_block: int
    logs: tuple[Log, ...]
    last_block: Block
    """The header of block end_block - 1, read before the logs: a reorg since then shows in its hash."""


class Scanner:
    """Reads the logs of one contract from one node, in ranges as large as the node allows."""

    def __init__(
        self,
        node: Node,
        address: str,
        topics: Sequence[str],
        *,
        largest_range: int = LARGEST_RANGE,
        range_size: int | None = None,
    ) -> None:
        if largest_range < 1 or (range_size is not None and range_size < 1):
            raise ValueError(f"expected ranges of at least one block, was {largest_range} and {range_size}")
        self.node = node
        self.address = address.lower()
        self.topics = tuple(topic.lower() for topic in topics)
        self.largest_range = largest_range
        self.range_size = min(range_size or largest_range, largest_range)
        """How many blocks the node answers at once, as far as we know. Worth storing between runs."""
        self._successes = 0
        self._blocks: OrderedDict[str, Block] = OrderedDict()

    def scan(self, from_block: int, end_block: int, *, parent_hash: str | None = None) -> Scanned:
        """Read [from_block, end), where end is end_block, or less if the node does not answer so much at once.

        `parent_hash` is the hash known of block from_block - 1. Raises NodeError, MalformedLog.
        """
        if not 0 <= from_block < end_block:
            raise ValueError(f"expected at least one block as [from, end), was [{from_block}, {end_block})")
        while True:
            asked = min(self.range_size, end_block - from_block)
            try:
                scanned = self._scan(from_block, from_block + asked, parent_hash)
            except RangeRefused as refusal:
                if asked == 1:
                    raise BlockTooLarge(f"block {from_block} alone is too much: {refusal}", block=from_block) from None
                self._shrink(asked, str(refusal))
            else:
                self._grow(asked)
                return scanned

    def _scan(self, from_block: int, end_block: int, parent_hash: str | None) -> Scanned:
        # The order of the questions carries the proof. The last header comes before the logs: after a reorg in between
        # we are left with the hash of the old block, which differs when it is looked at again. The first header comes
        # after them: its parent shows that they stand on the blocks we know. The head comes at the end: a node that is
        # behind answers "no logs" without a word about it.
        last_block = self._header(end_block - 1)
        try:
            found = self.node.logs(from_block, end_block, address=self.address, topics=self.topics)
        except NodeUnavailable as error:
            if error.timed_out and end_block - from_block > 1:
                self._shrink(end_block - from_block, str(error))
            raise
        if parent_hash is not None:
            self._check_parent(last_block if end_block - from_block == 1 else self._header(from_block), parent_hash)
        head = self.node.head()
        if head < end_block - 1:
            raise LaggingNode(f"{self.node.name} is at block {head}, was asked about blocks up to {end_block - 1}")
        self._check(found, from_block, end_block, last_block)
        logs = self._with_times(in_order(found, self.node.name))
        return Scanned(from_block, end_block, logs, last_block)

    def _header(self, number: int) -> Block:
        block = self.node.block(number)
        if block is None:
            raise LaggingNode(f"{self.node.name} does not have block {number}")
        self._remember(block)
        return block

    def _check_parent(self, first_block: Block, parent_hash: str) -> None:
        if first_block.parent_hash != parent_hash.lower():
            raise InconsistentNode(
                f"{self.node.name} has block {first_block.number} on {first_block.parent_hash}, we know {parent_hash}"
            )

    def _check(self, logs: Iterable[Log], from_block: int, end_block: int, last_block: Block) -> None:
        for each in logs:
            place = f"log {each.tx_hash}:{each.log_index} of block {each.block_number}"
            if not from_block <= each.block_number < end_block:
                raise InconsistentNode(f"{self.node.name} lists {place} outside [{from_block}, {end_block})")
            if each.address != self.address:
                raise InconsistentNode(f"{self.node.name} lists {place} of another contract, {each.address}")
            if each.topic0 not in self.topics:
                raise InconsistentNode(f"{self.node.name} lists {place} with another topic, {each.topic0 or 'none'}")
            if each.block_number == last_block.number and each.block_hash != last_block.hash:
                raise InconsistentNode(f"{self.node.name} lists {place} in {each.block_hash}, was {last_block.hash}")

    def _with_times(self, logs: Iterable[Log]) -> tuple[Log, ...]:
        return tuple(
            each
            if each.block_timestamp is not None
            else msgspec.structs.replace(each, block_timestamp=self._time_of(each))
            for each in logs
        )

    def _time_of(self, each: Log) -> int:
        block = self._blocks.get(each.block_hash) or self._header(each.block_number)
        if block.hash != each.block_hash:
            raise InconsistentNode(
                f"{self.node.name} has block {block.number} as {block.hash}, but its logs in {each.block_hash}"
            )
        return block.timestamp

    def _remember(self, block: Block) -> None:
        self._blocks[block.hash] = block
        if len(self._blocks) > REMEMBERED_BLOCKS:
            self._blocks.popitem(last=False)

    def _shrink(self, asked: int, reason: str) -> None:
        self.range_size, self._successes = max(1, asked // 2), 0
        log.info("Range of logs halved", node=self.node.name, asked=asked, range_size=self.range_size, reason=reason)

    def _grow(self, asked: int) -> None:
        if asked < self.range_size or self.range_size == self.largest_range:
            return
        self._successes += 1
        if self._successes == SUCCESSES_BEFORE_GROWTH:
            self.range_size, self._successes = min(2 * self.range_size, self.largest_range), 0


def in_order(logs: Iterable[Log], told_by: str) -> list[Log]:
    """Logs by block and log index, each once. Raises InconsistentNode where two of them exclude each other."""
    placed: dict[tuple[int, int], Log] = {}
    hashes: dict[int, str] = {}
    for each in logs:
        number, place = each.block_number, (each.block_number, each.log_index)
        if hashes.setdefault(number, each.block_hash) != each.block_hash:
            raise InconsistentNode(f"{told_by} lists block {number} as {hashes[number]} and as {each.block_hash}")
        known = placed.setdefault(place, each)
        if _content(known) != _content(each):
            raise InconsistentNode(f"{told_by} lists two logs at index {each.log_index} of block {number}")
        if known.block_timestamp is None:
            placed[place] = each
    return [placed[place] for place in sorted(placed)]


def _content(each: Log) -> Log:
    return msgspec.structs.replace(each, block_timestamp=None, tx_index=None)


def cutoff_block(node: Node, cutoff_tag: str, minus_seconds: int = 0, *, from_block: int = 0) -> int:
    """The last block that may be read: the tagged one, or the last that is `minus_seconds` older than it.

    Block times differ and change, so headers are asked, back from the tagged one and never below `from_block`, the next
    block to be read. Where not even that one is old enough, the answer is the block before it: nothing may be read.
    """
    if minus_seconds < 0:
        raise ValueError(f"expected seconds to stay behind, was {minus_seconds}")
    if cutoff_tag == "latest" and minus_seconds == 0:
        return node.head()
    tagged = _tagged(node, cutoff_tag)
    cutoff = _last_block_until(node, tagged.timestamp - minus_seconds, tagged, from_block) if minus_seconds else tagged
    number = cutoff if isinstance(cutoff, int) else cutoff.number
    return min(number, node.head())


def _tagged(node: Node, tag: str) -> Block:
    try:
        block = node.block(tag)
    except NodeRefused as refusal:
        raise CutoffUnsupported(f"{node.name} does not know the block {tag!r}: {refusal}") from None
    if block is None:
        raise CutoffUnsupported(f"{node.name} does not know the block {tag!r}")
    return block


def _last_block_until(node: Node, time: int, newest: Block, from_block: int) -> int:
    """The last block in [from_block, newest] whose time is at most `time`, else from_block - 1."""
    too_new, step = newest.number, 1
    old_enough: int | None = None
    # Back in growing steps to a block that is old enough, then the middle of what is left.
    while old_enough is None:
        if too_new <= from_block:
            return min(from_block - 1, newest.number)
        probe = max(too_new - step, from_block)
        if _time_of_block(node, probe) <= time:
            old_enough = probe
        else:
            too_new, step = probe, step * 2
    while too_new - old_enough > 1:
        probe = (too_new + old_enough) // 2
        if _time_of_block(node, probe) <= time:
            old_enough = probe
        else:
            too_new = probe
    return old_enough


def _time_of_block(node: Node, number: int) -> int:
    block = node.block(number)
    if block is None:
        raise LaggingNode(f"{node.name} does not have block {number}")
    return block.timestamp

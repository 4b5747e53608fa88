"""The judge of the chain: each log of it is what it must be, and nothing stands that the chain has not."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.blockchain import Blockchain
from tests.simulation.emissions import Becomes
from tests.simulation.rpc import BEHIND
from tests.support.made_chain import FIRST_BLOCK
from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.inbox import Outcome, QueuedLog
from trading.conductor.watcher import known_blocks
from trading.notices.models import open_notices
from trading.values.identifiers import TradeId

if TYPE_CHECKING:
    from tests.simulation.play import Play

OUTCOME = {Becomes.FILL: Outcome.FILL, Becomes.FILTERED: Outcome.FILTERED, Becomes.PARKED: Outcome.PARKED}


class ChainJudge:
    """Watches the inbox and the checkpoint of one play."""

    def __init__(self, play: "Play", chain: Blockchain) -> None:
        self._play, self._chain = play, chain
        self._next_block = 0

    def after_a_turn(self) -> None:
        """I9: the checkpoint never goes back, and never past what may be read."""
        checkpoint = ChainCheckpoint.objects.first()
        if checkpoint is not None:
            if checkpoint.next_block < self._next_block:
                self._play.wrong(f"the checkpoint went back from {self._next_block} to {checkpoint.next_block}")
            read, may_be = checkpoint.next_block - 1, self._may_be_read()
            if checkpoint.next_block > self._next_block and read > may_be:
                terms = self._chain.terms
                cutoff = f"{terms.cutoff_tag} less {terms.cutoff_seconds} s"
                self._play.wrong(f"I9: read up to {read}, the cut-off ({cutoff}) was never above {may_be}")
            self._next_block = checkpoint.next_block

    def _may_be_read(self) -> int:
        """The last block that was ever old enough, by the chain's own head: who lags behind it may read less.

        A head that is told too high is no reason to read so far, since the node has none of the blocks.
        """
        terms, chain = self._chain.terms, self._chain
        tagged = max(chain.forks.highest - BEHIND[terms.cutoff_tag], chain.node.lied_up_to)
        blocks = -(-terms.cutoff_seconds // terms.seconds_a_block)
        return max(tagged - blocks, FIRST_BLOCK - 1)

    def unread(self) -> list[str]:
        """What the watcher has still to do, once nothing goes wrong any more."""
        checkpoint = ChainCheckpoint.objects.first()
        if checkpoint is None:
            return ["nothing was read"]
        left = []
        if checkpoint.next_block <= self._chain.forks.newest:
            left.append(f"read up to {checkpoint.next_block} of {self._chain.forks.newest}")
        if checkpoint.reread_from is not None:
            left.append(f"to be read again from {checkpoint.reread_from}")
        fork = self._chain.forks.fork
        left += [f"block {block.number} is gone" for block in known_blocks() if fork.hash(block.number) != block.hash]
        return left

    def last_word(self) -> None:
        for wrong in (*self._logs(), *self._enriched()):
            self._play.wrong(wrong)

    def wrongly_parked(self) -> list[str]:
        """Transactions of which a log is parked that is sound: what failed too often, and is an operator's then."""
        sound = {
            (hash, index): becomes
            for hash, index, _, _, becomes in self._chain.forks.view().expected()
            if becomes is not Becomes.PARKED
        }
        parked = QueuedLog.objects.filter(outcome=Outcome.PARKED, reorged_at=None).order_by("id")
        return list(dict.fromkeys(row.tx_hash for row in parked if (row.tx_hash, row.log_index) in sound))

    def _logs(self) -> Iterator[str]:
        """Each log of the chain has one row that stands, in its block, and came to what it must; no other stands."""
        expected = {
            (hash, index): (number, block, becomes)
            for hash, index, number, block, becomes in self._chain.forks.view().expected()
        }
        notices = {notice.subject for notice in open_notices() if notice.kind == "parked_log"}
        memory = self._play.ledger.memory()
        for row in QueuedLog.objects.filter(reorged_at=None).order_by("id"):
            found = expected.pop((row.tx_hash, row.log_index), None)
            if found is None:
                yield f"log {row} of block {row.block_number} stands, which the chain has not"
                continue
            number, block, becomes = found
            if (row.block_number, row.block_hash) != (number, block):
                yield f"log {row} stands in block {row.block_number} {row.block_hash}, on the chain in {number} {block}"
            if row.outcome != OUTCOME[becomes]:
                yield f"log {row} is {row.outcome or 'queued'}, must be {becomes}: {row.reason}"
            if (str(row) in notices) != (becomes is Becomes.PARKED):
                yield f"log {row} is {row.outcome}, and the operator {'was' if str(row) in notices else 'was not'} told"
            notices.discard(str(row))
            if becomes is Becomes.FILL:
                trade = memory.trade(TradeId(row.tx_hash, row.log_index))
                if trade is None or not trade.stands or trade.fill is None or trade.fill.block_hash != block:
                    yield f"log {row} is a fill, and its trade is {trade}"
        for (hash, index), (number, _, becomes) in expected.items():
            yield f"log {hash}:{index} of block {number}, which must be {becomes}, is not in the inbox"
        yield from (f"a notice tells of the log {subject}, which is not parked" for subject in sorted(notices))

    def _enriched(self) -> Iterator[str]:
        """Nothing stands for a fill that was taken back."""
        memory = self._play.ledger.memory()
        for row in QueuedLog.objects.exclude(reorged_at=None).order_by("id"):
            again = QueuedLog.objects.filter(tx_hash=row.tx_hash, log_index=row.log_index, reorged_at=None)
            trade = memory.trade(TradeId(row.tx_hash, row.log_index))
            if trade is not None and trade.stands and not again.exists():
                yield f"log {row} was reorged away, and its trade stands: {trade}"

"""The watcher: from the chain's logs to the inbox, range by range, and back where the chain went another way.

A subscription would be a wake-up at best; what is true is what `eth_getLogs` says of a range, behind a durable
checkpoint that never goes back. One process at a time holds the lease on it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Max, Min

from eventstore.rows import insert_rows
from trading.chain.after_clear import pair
from trading.chain.logs import Log
from trading.chain.node import InconsistentNode, Node
from trading.chain.reorgs import KnownBlock, confirm, look_again, reread_from
from trading.chain.scanner import Scanned, Scanner, cutoff_block
from trading.chain.topics import CLEARS, FOLLOWED, TAKES
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint, LostLease, move, release_lease, take_lease
from trading.conductor.inbox import ONE_ROW_A_LOG, Outcome, QueuedLog
from trading.conductor.queued import event_data
from trading.conductor.reversal import revert_blocks
from trading.ledger.book import Ledger
from trading.notices.models import close_notice, open_notice

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=15)
# The blocks of so long are looked at again; what is older is taken for final.
LOOKED_AT = timedelta(hours=1)
LOOK_EVERY = timedelta(seconds=2)
# The newest block that agrees ends a look, since each range was read on the hash of the one before; now and then all
# blocks are looked at all the same, before the oldest are forgotten.
LOOK_THOROUGHLY_EVERY = timedelta(minutes=5)
# A lagging node is a matter of seconds; longer, and an operator must know.
SILENT_BEFORE_A_NOTICE = timedelta(minutes=5)


class WrongChain(Exception):
    """The node is on another chain than the one that was read so far. Check RPC_URL, or use another database."""


class Watcher:
    """Reads one order book's logs into the inbox."""

    name = "watcher"

    def __init__(
        self,
        *,
        node: Node,
        orderbook: str,
        deployment_block: int,
        cutoff_tag: str,
        cutoff_seconds: int,
        ledger: Ledger,
        holder: str,
        largest_range: int = 10_000,
    ) -> None:
        self._node = node
        self._orderbook = orderbook
        self._first_block = deployment_block
        self._cutoff_tag, self._cutoff_seconds = cutoff_tag, cutoff_seconds
        self._ledger = ledger
        self._holder = holder
        self._scanner = Scanner(node, orderbook, FOLLOWED, largest_range=largest_range)
        self._at_once = largest_range
        """How many blocks are read in a turn: fewer after one that outlasted its lease."""
        self._chain_id: int | None = None
        self._looked_at: datetime | None = None
        self._looked_head = -1
        self._looked_thoroughly: datetime | None = None
        self.head_seen: int | None = None
        self._moved_at: datetime | None = None
        # None: another process may have told that it is.
        self._silent: bool | None = None
        self._held_at: datetime | None = None
        self._token: int | None = None

    def run_once(self, *, now: datetime) -> bool:
        """Read one range. Return whether it brought logs, or there is more to read at once.

        Raises NodeError, LostLease, WrongChain.
        """
        if self._chain_id is None:
            self._chain_id = self._node.chain_id()
        checkpoint = self._lease(self._chain_id, now)
        if checkpoint is None:
            return False
        if self._held_at is None or now - self._held_at >= SILENT_BEFORE_A_NOTICE:
            # Nobody looked, or somebody else did, who may have told: what was known of the head is known no more.
            self._moved_at = self._silent = None
        if self._token != checkpoint.fencing_token:
            # Another process had the chain in between, and may have told, or ended, what we know of.
            self._token, self._silent = checkpoint.fencing_token, None
        self._held_at = now
        cutoff = self._cutoff(checkpoint)
        self._watch_the_head(cutoff, now)
        if self._look_back(checkpoint, cutoff, now):
            return True
        try:
            return self._read_on(checkpoint, cutoff, now)
        except InconsistentNode:
            # What was read before may be gone: the next turn looks at all of it.
            self._looked_at = self._looked_thoroughly = None
            raise

    def _watch_the_head(self, cutoff: int, now: datetime) -> None:
        """Tell the operator when no new block came for minutes: fills may happen that the node does not show."""
        moved = self.head_seen is not None and cutoff > self.head_seen
        if self._moved_at is None or moved:
            if self._silent is not False and moved:
                close_notice("chain_silent", self._orderbook, at=now)
                # Not before it is written: where the database takes nothing, the next turn has to end it.
                self._silent = False
            self._moved_at, self.head_seen = now, cutoff
        elif self._silent is not True and now - self._moved_at >= SILENT_BEFORE_A_NOTICE:
            open_notice(
                "chain_silent",
                self._orderbook,
                f"the node has shown no block after {self.head_seen} since {self._moved_at:%Y-%m-%d %H:%M:%S} UTC: "
                "fills since then are not seen. Look whether the chain stands still, or use another node",
                at=now,
            )
            self._silent = True

    def stop(self) -> None:
        """Give the lease back, so that whoever comes next need not wait for its end, where the database lets us."""
        try:
            release_lease(self._orderbook, holder=self._holder)
        except (DatabaseError, InterfaceError) as error:
            log.warning("Lease not given back, it ends by itself", error=f"{type(error).__name__}: {error}")

    def _lease(self, chain_id: int, now: datetime) -> ChainCheckpoint | None:
        checkpoint = take_lease(
            self._orderbook,
            holder=self._holder,
            now=now,
            lasts=LEASE,
            chain_id=chain_id,
            first_block=self._first_block,
            range_size=self._scanner.largest_range,
        )
        if checkpoint is not None and checkpoint.chain_id != chain_id:
            raise WrongChain(
                f"the node is on chain {chain_id}, the logs read so far are of chain {checkpoint.chain_id}"
            )
        return checkpoint

    def _cutoff(self, checkpoint: ChainCheckpoint) -> int:
        return cutoff_block(self._node, self._cutoff_tag, self._cutoff_seconds, from_block=checkpoint.next_block)

    # Reading on

    def _read_on(self, checkpoint: ChainCheckpoint, cutoff: int, now: datetime) -> bool:
        again = checkpoint.reread_from is not None
        start = checkpoint.next_block if checkpoint.reread_from is None else checkpoint.reread_from
        # What is read again ends where the checkpoint stands; never past what the cut-off allows.
        end = min(checkpoint.next_block, cutoff + 1) if again else cutoff + 1
        if start >= end:
            if again and checkpoint.reread_from == checkpoint.next_block:
                self._end_reread(checkpoint, now)
            return False
        self._scanner.range_size = min(checkpoint.range_size, self._scanner.largest_range)
        scanned = self._scanner.scan(start, min(end, start + self._at_once), parent_hash=self._hash_before(start))
        if again or ChainBlock.objects.filter(number__gte=start).exists():
            self._hold_against_the_inbox(scanned)
        try:
            self._store(checkpoint, scanned, now)
        except LostLease:
            # Two processes that both read for longer than a lease lasts would take it from each other for ever.
            self._at_once = max(1, (scanned.end_block - scanned.from_block) // 2)
            raise
        self._at_once = min(2 * self._at_once, self._scanner.largest_range)
        log.debug("Logs read", from_block=scanned.from_block, end_block=scanned.end_block, logs=len(scanned.logs))
        return bool(scanned.logs) or scanned.end_block < end or again

    def _hash_before(self, block: int) -> str | None:
        return ChainBlock.objects.filter(number=block - 1).values_list("hash", flat=True).first()

    def _hold_against_the_inbox(self, scanned: Scanned) -> None:
        """Where blocks were read before, or by hand, no log may stand in a block that the chain no longer has.

        Its place in the inbox would be taken when it comes back, and one that stays away would count for ever.
        Raises InconsistentNode: the block is found to be gone at the next look, and then the range is read again.
        """
        told = {(each.tx_hash, each.log_index): each.block_hash for each in scanned.logs}
        standing = QueuedLog.objects.filter(reorged_at=None).exclude(block_hash=None)
        for row in standing.filter(tx_hash__in={tx_hash for tx_hash, _ in told}):
            block_hash = told.get((row.tx_hash, row.log_index), row.block_hash)
            if block_hash != row.block_hash:
                raise InconsistentNode(f"log {row} was read in block {row.block_hash}, and stands in {block_hash} now")
        read = standing.filter(block_number__gte=scanned.from_block, block_number__lt=scanned.end_block)
        for number, block_hash in set(read.values_list("block_number", "block_hash")) - {
            (each.block_number, each.block_hash) for each in scanned.logs
        }:
            block = self._node.block(number)
            if block is not None and block.hash != block_hash:
                raise InconsistentNode(f"block {number} was read as {block_hash}, and is {block.hash} now")

    def _store(self, checkpoint: ChainCheckpoint, scanned: Scanned, now: datetime) -> None:
        """Queued logs, block hashes and checkpoint: one commit."""
        with transaction.atomic(durable=True):
            queue(scanned.logs, now=now)
            self._remember_blocks(scanned)
            if checkpoint.reread_from is None:
                move(checkpoint, now=now, next_block=scanned.end_block, range_size=self._scanner.range_size)
            else:
                done = scanned.end_block >= checkpoint.next_block
                move(checkpoint, now=now, reread_from=None if done else scanned.end_block)
            # While catching up; what is near the head is forgotten after a thorough look only.
            forget_blocks(2 * LOOKED_AT)

    def _oldest_looked_at(self, scanned: Scanned) -> datetime:
        return time_of(scanned.last_block.timestamp) - LOOKED_AT

    def _remember_blocks(self, scanned: Scanned) -> None:
        oldest = self._oldest_looked_at(scanned)
        last = scanned.last_block
        blocks = {last.hash: (last.number, last.timestamp)}
        for each in scanned.logs:
            if each.topic0 in CLEARS or each.topic0 in TAKES:
                blocks[each.block_hash] = (each.block_number, each.block_timestamp or 0)
        ChainBlock.objects.bulk_create(
            [
                ChainBlock(number=number, hash=hash, timestamp=time_of(timestamp))
                for hash, (number, timestamp) in blocks.items()
                if time_of(timestamp) >= oldest
            ],
            ignore_conflicts=True,
        )

    def _end_reread(self, checkpoint: ChainCheckpoint, now: datetime) -> None:
        with transaction.atomic(durable=True):
            move(checkpoint, now=now, reread_from=None)

    # Looking back

    def _look_back(self, checkpoint: ChainCheckpoint, cutoff: int, now: datetime) -> bool:
        """Look again at the blocks that were read; revert what is no longer there. Return whether any was."""
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY and cutoff == self._looked_head:
            return False
        self._looked_at, self._looked_head = now, cutoff
        thorough = self._looked_thoroughly is None or now - self._looked_thoroughly >= LOOK_THOROUGHLY_EVERY
        known = known_blocks()
        suspects = look_again(self._node, known, thorough=thorough)
        if suspects and not thorough:
            # Blocks that were read by hand need not stand on each other: one that agrees says nothing of older ones.
            suspects = look_again(self._node, known, thorough=True)
        reorged = confirm(self._node, known, suspects) if suspects else []
        if not reorged:
            if thorough and not suspects:
                forget_blocks(LOOKED_AT)
                self._looked_thoroughly = now
            return False
        self._revert(checkpoint, known, with_what_stood_on(reorged, known, head=cutoff), now)
        return True

    def _revert(
        self, checkpoint: ChainCheckpoint, known: Sequence[KnownBlock], reorged: Sequence[int], now: datetime
    ) -> None:
        start = reread_from(known, reorged)
        if start is None:
            start = self._read_from_before(min(reorged), now)
        if checkpoint.reread_from is not None:
            start = min(start, checkpoint.reread_from)
        gone = [block.hash for block in known if block.number in reorged]
        log.warning("Blocks reorged", blocks=sorted(reorged), reread_from=start)
        revert_blocks(
            self._ledger,
            gone,
            now=now,
            also=lambda: move(
                checkpoint, now=now, reread_from=max(self._first_block, min(start, checkpoint.next_block))
            ),
        )

    def _read_from_before(self, lowest: int, now: datetime) -> int:
        """Where to read from when no block that we remember is left: from the beginning, if that was so lately.

        Raises LostLease where they are gone from the table too: only who reads the chain now takes them back.
        """
        times = ChainBlock.objects.aggregate(oldest=Min("timestamp"), newest=Max("timestamp"))
        if times["newest"] is None:
            raise LostLease(f"the blocks of {self._orderbook} were taken back by another process meanwhile")
        if times["newest"] - times["oldest"] <= LOOKED_AT:
            return self._first_block
        open_notice(
            "deep_reorg",
            self._orderbook,
            f"all blocks that we remember, from {lowest} on, were reorged: fills before may have changed too; "
            "compare the chain with the trades, or start again with a new database",
            at=now,
        )
        return lowest


def with_what_stood_on(reorged: Sequence[int], known: Sequence[KnownBlock], *, head: int) -> list[int]:
    """Add the blocks above the node's head, where the newest block at or below it is gone: they stood on it.

    Waiting for the new chain to come so high would be wrong: a log of theirs may be back in a lower block by then.
    """
    newest = max((block.number for block in known if block.number <= head), default=None)
    above = [block.number for block in known if block.number > head] if newest in reorged else []
    return [*reorged, *above]


def known_blocks() -> list[KnownBlock]:
    """The blocks that were read and are not final yet."""
    return [KnownBlock(number, hash) for number, hash in ChainBlock.objects.values_list("number", "hash")]


def forget_blocks(older_than: timedelta) -> None:
    """Take the blocks for final that are so much older than the newest one that was read.

    The newest of these stays: after a reorg of all others it tells from where to read again.
    """
    newest = ChainBlock.objects.order_by("-timestamp").values_list("timestamp", flat=True).first()
    if newest is None:
        return
    final = ChainBlock.objects.filter(timestamp__lt=newest - older_than)
    kept = final.order_by("-number").values_list("pk", flat=True).first()
    if kept is not None:
        final.exclude(pk=kept).delete()


def queue(logs: Sequence[Log], *, now: datetime) -> None:
    """Put clears and takes into the inbox, each with its AfterClear; those that are there stay as they are."""
    insert_rows(QueuedLog, rows_of(logs, now=now), unless=ONE_ROW_A_LOG)


def rows_of(logs: Sequence[Log], *, now: datetime) -> list[dict[str, Any]]:
    """The inbox rows of the clears and takes among some logs."""
    siblings: dict[str, list[Log]] = {}
    for each in logs:
        siblings.setdefault(each.tx_hash, []).append(each)
    rows = []
    for each in logs:
        is_clear = each.topic0 in CLEARS
        if not is_clear and each.topic0 not in TAKES:
            continue
        rows.append(
            {
                "tx_hash": each.tx_hash,
                "log_index": each.log_index,
                "block_number": each.block_number,
                "block_hash": each.block_hash,
                "block_timestamp": time_of(each.block_timestamp or 0),
                "event_data": event_data(each, pair(each, siblings[each.tx_hash]) if is_clear else None),
                "processed": False,
                "created_at": now,
                "outcome": Outcome.QUEUED.value,
                "tries": 0,
            }
        )
    return rows


def time_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)

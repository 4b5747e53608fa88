"""By hand: one transaction's logs, by the same road as the watcher's and the processor's."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from trading.chain.fills import ChainFill, Filtered
from trading.chain.logs import Log, UnusableLog
from trading.chain.node import InconsistentNode, Node
from trading.chain.topics import FOLLOWED
from trading.conductor.checkpoints import ChainBlock
from trading.conductor.inbox import Outcome, QueuedLog
from trading.conductor.processor import Processor
from trading.conductor.watcher import queue, rows_of, time_of
from trading.notices.models import close_notice


class NoSuchTransaction(LookupError):
    """The node knows no mined transaction of this hash. Check the hash, or ask again later."""


class NotParked(LookupError):
    """No log of the transaction is parked. Look in the queue what became of it."""


class NothingOfOurs(LookupError):
    """The transaction has no clear or take of the order book."""


def preview(
    node: Node, processor: Processor, *, orderbook: str, tx_hash: str
) -> list[tuple[QueuedLog, ChainFill | Filtered | UnusableLog]]:
    """Tell what each clear and take of a transaction is; nothing is stored."""
    logs = _logs_of(node, orderbook, tx_hash)
    rows = [QueuedLog(**row) for row in rows_of(logs, now=time_of(0))]
    return [(row, processor.read(row)) for row in rows]


def process_transaction(
    node: Node, processor: Processor, *, orderbook: str, tx_hash: str, now: datetime
) -> list[QueuedLog]:
    """Queue a transaction's logs unless they are there, take parked ones up again, and process what waits."""
    logs = _logs_of(node, orderbook, tx_hash)
    with transaction.atomic(durable=True):
        queue(logs, now=now)
        # So that a reorg of this block is seen, even where the watcher has not come to it.
        ChainBlock.objects.bulk_create(
            [
                ChainBlock(
                    number=logs[0].block_number,
                    hash=logs[0].block_hash,
                    timestamp=time_of(logs[0].block_timestamp or 0),
                )
            ],
            ignore_conflicts=True,
        )
        rows = QueuedLog.objects.filter(tx_hash=tx_hash, reorged_at=None)
        take_up(rows, now=now)
    waiting = list(rows.filter(processed=False).order_by("log_index"))
    if waiting:
        processor.process(waiting, now=now)
    return list(rows.order_by("log_index"))


def requeue(tx_hashes: Collection[str] | None, *, reason: str, now: datetime) -> list[QueuedLog]:
    """Put the parked logs of some transactions, or all, back in the queue. Return them as they are then.

    Raises NotParked, and then puts none back.
    """
    with transaction.atomic(durable=True):
        rows = QueuedLog.objects.filter(reorged_at=None)
        if tx_hashes is not None:
            rows = rows.filter(tx_hash__in=tx_hashes)
        taken = take_up(rows, now=now, reason=f"queued again: {reason}")
        if missing := sorted(set(tx_hashes or ()) - {row.tx_hash for row in taken}):
            raise NotParked(f"expected parked logs, found none of {', '.join(missing)}; nothing was put back")
    return taken


def take_up(rows: QuerySet[QueuedLog], *, now: datetime, reason: str | None = None) -> list[QueuedLog]:
    """Put those of the logs that are parked back in the queue, and close their notices. Return them."""
    parked = list(rows.filter(outcome=Outcome.PARKED).select_for_update().order_by("block_number", "log_index"))
    for row in parked:
        row.processed, row.processed_at, row.outcome, row.reason = False, None, Outcome.QUEUED, reason or row.reason
        row.tries, row.not_before = 0, None
        row.save(update_fields=["processed", "processed_at", "outcome", "reason", "tries", "not_before"])
        close_notice("parked_log", str(row), at=now)
    return parked


def _logs_of(node: Node, orderbook: str, tx_hash: str) -> Sequence[Log]:
    receipt = node.receipt(tx_hash)
    if receipt is None:
        raise NoSuchTransaction(f"the node knows no mined transaction {tx_hash}")
    block = node.block(receipt.block_number)
    if block is None or block.hash != receipt.block_hash:
        raise InconsistentNode(f"the node has {tx_hash} in block {receipt.block_hash}, which is not part of its chain")
    logs = [
        msgspec.structs.replace(log, block_timestamp=block.timestamp)
        for log in receipt.logs
        if log.address == orderbook.lower() and log.topic0 in FOLLOWED
    ]
    if not rows_of(logs, now=time_of(0)):
        raise NothingOfOurs(f"transaction {tx_hash} has no clear or take of the order book {orderbook}")
    return logs

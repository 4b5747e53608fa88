"""By hand: one transaction's logs, by the same road as the watcher's and the processor's."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import transaction

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
        parked = [str(row) for row in rows.filter(outcome=Outcome.PARKED)]
        rows.filter(outcome=Outcome.PARKED).update(
            processed=False, processed_at=None, outcome=Outcome.QUEUED, tries=0, not_before=None
        )
        for name in parked:
            close_notice("parked_log", name, at=now)
    waiting = list(rows.filter(processed=False).order_by("log_index"))
    if waiting:
        processor.process(waiting, now=now)
    return list(rows.order_by("log_index"))


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

"""Fills: each log that was read has its outcome, and each that is a fill is one trade that stands in its block."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.inbox import Outcome, QueuedLog
from trading.invariants.looking import Look
from trading.invariants.violations import Wrong, invariant
from trading.notices.models import Notice
from trading.values.arithmetic import plain

Place = tuple[str, int]

LONG_AGO, FOR_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@invariant("I2", "I9")
def fill_is_one_trade(look: Look) -> Iterator[Wrong]:
    """Each log that is a fill is exactly one trade that stands, and stands in the block that the trade is of."""
    fills = QueuedLog.objects.filter(outcome=Outcome.FILL, reorged_at=None).defer("event_data")
    for logs in look.pages(look.begun(fills, "created_at")):
        standing = _by_place(look.all_trades().filter(tx_hash__in={log.tx_hash for log in logs}, reorged_at=None))
        for log in logs:
            found = standing.get((log.tx_hash, log.log_index), [])
            if len(found) != 1:
                yield _wrong(log, "one trade that stands", f"{len(found)}")
            elif found[0].block_hash not in (None, log.block_hash):
                yield _wrong(log, f"a trade in block {log.block_hash}", f"one in block {found[0].block_hash}")


@invariant("I2")
def trade_is_one_log(look: Look) -> Iterator[Wrong]:
    """Each trade that stands came from one log that stands; of a reorged one no share is left to be hedged."""
    for trades in look.pages(look.trades().filter(migrated=False)):
        logs = _by_place(
            QueuedLog.objects.filter(
                tx_hash__in={trade.tx_hash for trade in trades}, outcome=Outcome.FILL, reorged_at=None
            ).defer("event_data")
        )
        for trade in trades:
            found = logs.get((trade.tx_hash, trade.log_index), [])
            if trade.reorged_at is None and len(found) != 1:
                yield _wrong(trade.trade, "one log that stands and is a fill", f"{len(found)}")
            if trade.reorged_at is not None and trade.unlinked_shares:
                yield _wrong(trade.trade, "no shares of a reorged trade to be hedged", plain(trade.unlinked_shares))


def _told_of_parked_logs() -> dict[str, datetime]:
    """Until when a notice of each parked log stood; one that is open stands for ever."""
    notices = Notice.objects.filter(kind="parked_log").order_by("id").values_list("subject", "closed_at")
    return {subject: closed_at or FOR_EVER for subject, closed_at in notices}


@invariant("I9")
def log_has_its_outcome(look: Look) -> Iterator[Wrong]:
    """Every log that was read is a fill, filtered or parked for a reason, reorged, or waits; and never two of these."""
    told = _told_of_parked_logs()
    for log in look.each(look.begun(QueuedLog.objects.defer("event_data"), "created_at")):
        if log.processed is not (log.outcome != Outcome.QUEUED) or log.processed is not (log.processed_at is not None):
            found = f"processed {log.processed} at {log.processed_at}, as {log.outcome or 'queued'}"
            yield _wrong(log, "processed with an outcome and a time, or none of them", found)
        if (log.outcome == Outcome.REORGED) is not (log.reorged_at is not None):
            yield _wrong(
                log, "a time at which it was reorged if it was, and only then", f"{log.outcome} at {log.reorged_at}"
            )
        if log.outcome in (Outcome.FILTERED, Outcome.PARKED) and not log.reason:
            yield _wrong(log, f"a reason why it is {log.outcome}", "none")
        if log.outcome == Outcome.PARKED and log.processed_at and told.get(str(log), LONG_AGO) < log.processed_at:
            yield _wrong(log, "a notice of a parked log, which stood when it was parked or later", "none")


@invariant("I9")
def checkpoint_is_in_order(look: Look) -> Iterator[Wrong]:
    """What is to be read again after a reorg lies behind the checkpoint, and a lease ends."""
    for row in look.each(ChainCheckpoint.objects.all()):
        where = "the chain's checkpoints in the admin"
        if row.reread_from is not None and row.reread_from > row.next_block:
            yield Wrong(str(row), f"a block up to {row.next_block} to read again from", str(row.reread_from), where)
        if (row.lease_holder is None) is not (row.lease_until is None):
            yield Wrong(
                str(row),
                "a holder and an end of the lease, or neither",
                f"{row.lease_holder}, {row.lease_until}",
                where,
            )


def _by_place(rows: Any) -> dict[Place, list[Any]]:
    found: defaultdict[Place, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.tx_hash, row.log_index].append(row)
    return found


def _wrong(log: object, expected: str, found: str) -> Wrong:
    tx_hash = str(log).partition(":")[0]
    return Wrong(
        f"log {log}", expected, found, f"manage.py process_tx {tx_hash} --dry-run; the queued logs in the admin"
    )

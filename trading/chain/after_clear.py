"""The AfterClear: the log that says what moved in a clear, found among the logs of its block or receipt."""

from collections.abc import Iterable

from trading.chain.logs import Log
from trading.chain.topics import after_clear_topic_of


def pair(clear: Log, logs: Iterable[Log]) -> Log | None:
    """Find the AfterClear of a clear: in its transaction, the first one after it.

    Pairs never interleave on chain, but a transaction may hold several, and a node may answer in any order. In another
    block, where a reorg put the transaction, it was cleared anew: a log from there never counts.
    """
    topic = after_clear_topic_of(clear.topic0)
    after = (
        log
        for log in logs
        if log.log_index > clear.log_index
        and log.topic0 == topic
        and log.tx_hash == clear.tx_hash
        and log.address == clear.address
        and log.block_hash == clear.block_hash
        and not log.removed
    )
    return min(after, key=lambda log: log.log_index, default=None)

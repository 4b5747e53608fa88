"""Reversal: takes back what blocks that are no longer the chain's had brought."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from trading.conductor.checkpoints import ChainBlock
from trading.conductor.inbox import Outcome, QueuedLog
from trading.conductor.work import Enrichment
from trading.ledger.book import Ledger
from trading.ledger.step import Step
from trading.notices.models import close_notice
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.commands import Reorg
from trading.position.aggregate import Position
from trading.position.commands import RevertOnChainFill
from trading.values.identifiers import TradeId

log = structlog.get_logger(__name__)


def revert_blocks(
    ledger: Ledger, hashes: Sequence[str], *, now: datetime, also: Callable[[], None] = lambda: None
) -> int:
    """Revert the fills of these blocks, mark their queued logs and forget the blocks, in one commit.

    Return how many fills were reverted. `also` is what else belongs to the commit: the checkpoint.
    """
    with ledger.step(at=now, actor="watcher") as step:
        also()
        # The logs first: a processor that holds one of them is waited for, and its fill is then seen here.
        _mark_logs(hashes, now)
        memory = ledger.memory()
        trades = [trade for hash in hashes for trade in memory.trades_in_block(hash)]
        step.load(
            symbols={trade.fill.symbol for trade in trades if trade.fill is not None},
            trades=[trade.trade for trade in trades],
        )
        for trade in trades:
            revert = step.trade(trade.trade)
            if revert.stands and revert.fill is not None and revert.fill.block_hash in hashes:
                _revert(step, revert)
        ChainBlock.objects.filter(hash__in=hashes).delete()
        Enrichment.objects.filter(id__in=[str(trade.trade) for trade in trades]).delete()
    return len(trades)


def _mark_logs(hashes: Sequence[str], now: datetime) -> None:
    logs = QueuedLog.objects.filter(block_hash__in=hashes, reorged_at=None)
    for parked in logs.filter(outcome=Outcome.PARKED):
        close_notice("parked_log", str(parked), at=now)
    logs.filter(processed=False).update(
        processed=True, processed_at=now, outcome=Outcome.REORGED, reason="its block is no longer part of the chain"
    )
    logs.update(reorged_at=now, outcome=Outcome.REORGED)


def _revert(step: Step, trade: OnChainTrade) -> None:
    fill = trade.fill
    if fill is None:
        return
    with step.group(correlation=correlation_of(trade.trade)):
        step.handle(OnChainTrade, trade.trade, Reorg(block_hash=fill.block_hash or ""))
        step.handle(
            Position,
            fill.symbol,
            RevertOnChainFill(trade=trade.trade, side=fill.side, amount=fill.amount, block_number=fill.block_number),
        )
    log.warning("Fill reverted", trade=str(trade.trade), symbol=fill.symbol, side=fill.side, shares=str(fill.amount))


def correlation_of(trade: TradeId) -> str:
    return f"trade:{trade}"

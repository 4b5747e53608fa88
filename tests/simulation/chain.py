"""The chain of a story: blocks with fills of ours, which may be gone again, and what they add up to."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from tests.simulation.story import Fills, Reorg
from tests.support.made_chain import FIRST_BLOCK, block_hash, log_of, take
from trading.chain.logs import Log
from trading.conductor.reversal import revert_blocks
from trading.conductor.watcher import queue
from trading.ledger.book import Ledger
from trading.values.arithmetic import ZERO, add, subtract


@dataclass
class Block:
    """A block that stands, and what of ours is in it."""

    logs: list[Log]
    moves: dict[str, Decimal]


class Chain:
    """Puts logs into the inbox as the watcher does, and takes blocks back as it does."""

    def __init__(self) -> None:
        self._height = FIRST_BLOCK
        self._blocks: list[Block] = []
        self.fills = 0

    def mine(self, fills: Fills, *, now: datetime) -> None:
        self._height += 1
        logs, moves = [], {}
        for index, (side, shares, symbol, usdc) in enumerate(fills.takes):
            logs.append(log_of(take(side, shares, f"t{symbol}", usdc=usdc), block=self._height, index=index))
            move = add if side == "BUY" else subtract
            moves[symbol] = move(moves.get(symbol, ZERO), shares)
        self._blocks.append(Block(logs, moves))
        self.fills += len(logs)
        queue(logs, now=now)
        if fills.again:
            queue(logs, now=now)

    def reorg(self, reorg: Reorg, *, ledger: Ledger, now: datetime) -> None:
        if reorg.back >= len(self._blocks):
            return
        gone = self._blocks.pop(-1 - reorg.back)
        revert_blocks(ledger, [gone.logs[0].block_hash], now=now)
        if reorg.returns:
            self._height += 1
            where = {"block_number": self._height, "block_hash": block_hash(self._height, fork="again")}
            logs = [msgspec.structs.replace(log, **where) for log in gone.logs]
            self._blocks.append(Block(logs, gone.moves))
            queue(logs, now=now)

    def net(self, symbol: str) -> Decimal:
        """What was bought less what was sold in the blocks that stand."""
        net = ZERO
        for block in self._blocks:
            net = add(net, block.moves.get(symbol, ZERO))
        return net

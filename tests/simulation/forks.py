"""Forks: the chain of a story, whose blocks are made as time passes, and may be replaced by others.

Nothing is stored of a block without transactions: its hash follows from its number and the fork that it stands on.
"""

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import takewhile
from typing import Any

from tests.simulation.emissions import Becomes, Transaction, is_listed
from tests.support.made_chain import FIRST_BLOCK, ORDERBOOK, block_hash, tx_hash
from trading.values.arithmetic import ZERO, add

FIRST_HEAD = FIRST_BLOCK + 40
LONGEST_REORG_SECONDS = 3_000
"""What is older than an hour is taken for final: deeper than this no chain goes back here, and none seems to where a
node goes to a fork that was left, or comes back from it.
"""


@dataclass(frozen=True)
class Fork:
    """One line of blocks. It never changes: what is mined or reorganised makes another."""

    starts: tuple[int, ...] = (0,)
    salts: tuple[str, ...] = ("",)
    transactions: dict[int, tuple[Transaction, ...]] = field(default_factory=dict)

    def hash(self, number: int) -> str:
        return block_hash(number, fork=self.salts[bisect_right(self.starts, number) - 1])

    def with_mined(self, number: int, mined: list[Transaction]) -> "Fork":
        return Fork(self.starts, self.salts, self.transactions | {number: (*self.transactions.get(number, ()), *mined)})

    def replaced_from(self, number: int, salt: str, transactions: dict[int, tuple[Transaction, ...]]) -> "Fork":
        kept = sum(start < number for start in self.starts)
        below = {block: them for block, them in self.transactions.items() if block < number}
        return Fork((*self.starts[:kept], number), (*self.salts[:kept], salt), below | transactions)

    def parts_from(self, other: "Fork") -> int:
        """The first block that the two do not share."""
        lines = [list(zip(fork.starts, fork.salts, strict=True)) for fork in (self, other)]
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*lines, strict=False)))
        return min(start for line in lines for start, _ in line[shared:])


@dataclass(frozen=True)
class View:
    """What a node has: a fork, up to a block."""

    fork: Fork
    head: int
    time_of: Callable[[int], int]

    def block(self, number: int) -> dict[str, Any]:
        return {
            "number": hex(number),
            "hash": self.fork.hash(number),
            "parentHash": self.fork.hash(number - 1),
            "timestamp": hex(self.time_of(number)),
            "transactions": [tx_hash(each.name) for each in self.fork.transactions.get(number, ())],
        }

    def logs(self, low: int, high: int) -> list[dict[str, Any]]:
        blocks = sorted(number for number in self.fork.transactions if low <= number <= min(high, self.head))
        return [log for number in blocks for log in self.logs_of(number)]

    def logs_of(self, number: int) -> list[dict[str, Any]]:
        hash, time = self.fork.hash(number), hex(self.time_of(number))
        return [
            {
                "address": ORDERBOOK,
                "topics": [entry.emission.topic],
                "data": "0x" + entry.emission.data.hex(),
                "blockNumber": hex(number),
                "blockHash": hash,
                "transactionHash": tx_hash(transaction.name),
                "transactionIndex": hex(place),
                "logIndex": hex(index),
                "blockTimestamp": time,
                "removed": False,
            }
            for index, (place, transaction, entry) in enumerate(self._entries(number))
        ]

    def place_of(self, hash: str) -> tuple[int, int] | None:
        """The block and the place in it of a transaction."""
        for number, transactions in self.fork.transactions.items():
            if number <= self.head:
                for place, transaction in enumerate(transactions):
                    if tx_hash(transaction.name) == hash:
                        return number, place
        return None

    def expected(self) -> Iterator[tuple[str, int, int, str, Becomes]]:
        """Each clear and take: hash and index, block and hash of it, and what must become of it."""
        for number in sorted(self.fork.transactions):
            if number <= self.head:
                for index, (_, transaction, entry) in enumerate(self._entries(number)):
                    if is_listed(entry) and entry.becomes is not None:
                        yield tx_hash(transaction.name), index, number, self.fork.hash(number), entry.becomes

    def _entries(self, number: int) -> Iterator[tuple[int, Transaction, Any]]:
        for place, transaction in enumerate(self.fork.transactions.get(number, ())):
            for entry in transaction.entries:
                yield place, transaction, entry


class Forks:
    """The chain as it is, and as it was before each reorg."""

    def __init__(self, clock: Callable[[], datetime], *, seconds_a_block: int) -> None:
        self._clock, self.seconds_a_block = clock, seconds_a_block
        self._started, self._fallen = clock(), 0
        self.fork = Fork()
        self.former: list[View] = []

    @property
    def head(self) -> int:
        return FIRST_HEAD + int((self._clock() - self._started).total_seconds()) // self.seconds_a_block - self._fallen

    def view(self, *, behind: int = 0) -> View:
        return View(self.fork, max(self.head - behind, FIRST_BLOCK), self._time_of)

    def mine(self, transactions: list[Transaction]) -> None:
        """Put them into the next block, which comes in its time."""
        self.fork = self.fork.with_mined(self.head + 1, transactions)

    def reorganise(self, chance: random.Random, *, depth: int, falls: int, comes_back: float) -> None:
        """Replace so many of the newest blocks. Each transaction comes back with this chance: where it was or
        elsewhere; between the others or before them, so that its logs have other places.
        """
        self.former.append(self.view())
        deepest = min(LONGEST_REORG_SECONDS // self.seconds_a_block, self.head - FIRST_BLOCK)
        depth = max(1, min(depth, deepest))
        start = self.head - depth + 1
        self._fallen += min(falls, depth - 1)
        placed: dict[int, list[Transaction]] = {}
        for number in sorted(block for block in self.fork.transactions if block >= start):
            for transaction in self.fork.transactions[number]:
                if chance.random() < comes_back:
                    to = number if chance.random() < 0.4 else chance.randint(start, max(start, self.head + 3))
                    there = placed.setdefault(to, [])
                    there.insert(chance.randint(0, len(there)), transaction)
        salt = f"fork {len(self.former)}"
        self.fork = self.fork.replaced_from(start, salt, {number: tuple(them) for number, them in placed.items()})

    def was_left_lately(self, former: View) -> bool:
        """Tell whether no block older than any reorg is deep would be another, seen from there or from here."""
        parted = self._time_of(former.fork.parts_from(self.fork))
        return self._clock().timestamp() - parted <= LONGEST_REORG_SECONDS

    def net(self, symbol: str) -> Decimal:
        """What was bought less what was sold in the blocks that stand."""
        net = ZERO
        for transactions in self.fork.transactions.values():
            for transaction in transactions:
                for entry in transaction.entries:
                    if entry.symbol == symbol:
                        net = add(net, entry.moves)
        return net

    @property
    def highest(self) -> int:
        """The highest that its head ever was: so far a node may have shown it, at whichever moment."""
        return max((self.head, *(view.head for view in self.former)))

    @property
    def newest(self) -> int:
        """The newest block with a transaction."""
        return max(self.fork.transactions, default=FIRST_BLOCK)

    def _time_of(self, number: int) -> int:
        return int(self._started.timestamp()) + (number - FIRST_HEAD) * self.seconds_a_block

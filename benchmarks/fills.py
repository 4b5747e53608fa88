"""Fills: logs as a chain would have them, of one owner's orders in a few tokenised equities against USDC.

Half of them are takes of V5, the others takes of V4 and clears of both with the amounts after them. Orders carry as
much bytecode as real ones do: a take has about 1,450 bytes, a clear about 2,700.
"""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from tests.trading.chain.encoding import OWNER, SENDER, STRANGER, encode, order
from trading.chain import rain_float
from trading.chain.fills import TokenFacts
from trading.chain.logs import Log
from trading.chain.topics import AFTER_CLEAR, AFTER_CLEAR_V2, CLEAR_V2, CLEAR_V3, TAKE_ORDER_V2, TAKE_ORDER_V3

__all__ = ["OWNER", "SYMBOLS", "USDC", "logs", "tokens"]

ORDERBOOK = "0x" + "0b" * 20
USDC = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"
SYMBOLS = ("AAPL", "NVDA", "TSLA", "MSFT", "AMZN", "GOOGL", "META", "SPLG", "COIN", "MSTR", "QQQ", "GME")

FIRST_BLOCK, FIRST_SECOND, BLOCK_SECONDS = 24_000_000, 1_760_000_000, 2
BYTECODE = b"\x01" * 668
VAULT = (0x5EED).to_bytes(32)

# How many of a hundred are takes of V5, takes of V4, and clears of V5; the others are clears of V4.
V5_TAKES, V4_TAKES, V5_CLEARS = 50, 35, 8


class Side(NamedTuple):
    """What moved one way: a token, its decimals, and how much of it."""

    token: str
    decimals: int
    amount: Decimal

    @property
    def io(self) -> tuple[str, int, int]:
        return self.token, self.decimals, int.from_bytes(VAULT)

    @property
    def io_v5(self) -> tuple[str, bytes]:
        return self.token, VAULT

    @property
    def units(self) -> int:
        return int(self.amount.scaleb(self.decimals))

    @property
    def word(self) -> bytes:
        return rain_float.pack(self.amount)


def tokens(symbols: int) -> list[TokenFacts]:
    """The tokens of so many symbols, and USDC."""
    shares = [TokenFacts(f"0x{number + 1:040x}", f"t{SYMBOLS[number]}", 18) for number in range(symbols)]
    return [*shares, TokenFacts(USDC, "USDC", 6)]


def logs(count: int, *, symbols: int) -> Iterator[Log]:
    """Yield the logs of so many fills, in chain order, the same each time; a clear is followed by its amounts."""
    chance = random.Random(count)  # noqa: S311
    shares = [token.address for token in tokens(symbols)[:-1]]
    block, index = FIRST_BLOCK, 0
    for _ in range(count):
        if chance.random() < 0.6:
            block, index = block + chance.randint(1, 40), chance.randint(0, 30)
        transaction = f"0x{chance.getrandbits(256):064x}"
        for topic, data in _fill(chance, chance.choice(shares)):
            yield _log(topic, data, block, transaction, index)
            index += 1


def _fill(chance: random.Random, token: str) -> list[tuple[str, bytes]]:
    shares = Decimal(chance.randint(10**15, 3 * 10**18)).scaleb(-18)
    dollars = (shares * chance.randint(15_000, 45_000) / 100).quantize(Decimal("0.000001"))
    received, given = Side(token, 18, shares), Side(USDC, 6, dollars)
    if chance.random() < 0.5:
        received, given = given, received
    kind = chance.randrange(100)
    if kind < V5_TAKES:
        return [(TAKE_ORDER_V3, _take(TAKE_ORDER_V3, [received.io_v5], [given.io_v5], given.word, received.word))]
    if kind < V5_TAKES + V4_TAKES:
        return [(TAKE_ORDER_V2, _take(TAKE_ORDER_V2, [received.io], [given.io], given.units, received.units))]
    if kind < V5_TAKES + V4_TAKES + V5_CLEARS:
        amounts = (given.word, received.word, received.word, given.word)
        return _clear(CLEAR_V3, AFTER_CLEAR_V2, [received.io_v5], [given.io_v5], VAULT, amounts)
    units = (given.units, received.units, received.units, given.units)
    return _clear(CLEAR_V2, AFTER_CLEAR, [received.io], [given.io], int.from_bytes(VAULT), units)


def _take(topic: str, inputs: list[Any], outputs: list[Any], taken: Any, paid: Any) -> bytes:
    ours = order(OWNER, inputs, outputs, bytecode=BYTECODE)
    return encode(topic, (SENDER, (ours, 0, 0, []), taken, paid))


def _clear(
    topic: str, after: str, inputs: list[Any], outputs: list[Any], vault: Any, amounts: tuple[Any, ...]
) -> list[tuple[str, bytes]]:
    ours = order(OWNER, inputs, outputs, bytecode=BYTECODE)
    theirs = order(STRANGER, outputs, inputs, bytecode=BYTECODE)
    return [
        (topic, encode(topic, (SENDER, ours, theirs, (0, 0, 0, 0, vault, vault)))),
        (after, encode(after, (SENDER, amounts))),
    ]


def _log(topic: str, data: bytes, block: int, transaction: str, index: int) -> Log:
    return Log(
        address=ORDERBOOK,
        topics=(topic,),
        data=data,
        block_number=block,
        block_hash=f"0x{block:064x}",
        tx_hash=transaction,
        log_index=index,
        block_timestamp=FIRST_SECOND + BLOCK_SECONDS * (block - FIRST_BLOCK),
    )

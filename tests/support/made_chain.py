"""Made chains: fills of a test's own, as the contracts emit them, and a chain to put them on.

chain = MadeChain()
chain.mine(take("SELL", "1.5", "tAAPL", usdc="300"))
with replaying(chain.recording()) as node: …
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from eth_abi import encode as abi_encode

from tests.trading.chain.encoding import OWNER, SENDER, STRANGER, encode, order
from trading.chain.fills import TokenFacts
from trading.chain.logs import Log
from trading.chain.rain_float import pack
from trading.chain.token_table import remember
from trading.chain.topics import AFTER_CLEAR, AFTER_CLEAR_V2, CLEAR_V2, CLEAR_V3, TAKE_ORDER_V2, TAKE_ORDER_V3

__all__ = ["CHAIN_ID", "ORDERBOOK", "OWNER", "STRANGER", "USDC", "Emission", "MadeChain", "clear", "take"]

CHAIN_ID = 8453
ORDERBOOK = "0x" + "0b" * 20
SHARE_DECIMALS, USDC_DECIMALS = 18, 6
FIRST_BLOCK = 100
STARTED = int(datetime(2026, 3, 2, 15, tzinfo=UTC).timestamp())
SECONDS_A_BLOCK = 2


class Emission(NamedTuple):
    """What a contract emits: a topic, and data."""

    topic: str
    data: bytes


def token(symbol: str) -> str:
    """The address of a token, the same on every chain of ours."""
    return "0x" + hashlib.sha256(f"token {symbol}".encode()).hexdigest()[:40]


USDC = token("USDC")


def take(
    side: str,
    shares: str | Decimal,
    symbol: str,
    *,
    usdc: str | Decimal = "100",
    owner: str = OWNER,
    generation: int = 5,
    against: str = "USDC",
) -> Emission:
    """Let an order of the owner be taken, so that the owner sold or bought shares."""
    given, received = (symbol, against) if side == "SELL" else (against, symbol)
    gave, got = (shares, usdc) if side == "SELL" else (usdc, shares)
    ours = _order(owner, received, given, generation)
    # The event speaks for the taker: its input is what our order gave.
    amounts = _amount(gave, given, generation), _amount(got, received, generation)
    topic = TAKE_ORDER_V3 if generation == 5 else TAKE_ORDER_V2
    return Emission(topic, _encoded(topic, (SENDER, (ours, 0, 0, ()), *amounts)))


def clear(
    side: str,
    shares: str | Decimal,
    symbol: str,
    *,
    usdc: str | Decimal = "100",
    owner: str = OWNER,
    counterparty: str = STRANGER,
    generation: int = 5,
) -> list[Emission]:
    """Let an order of the owner be cleared against another's: the clear, and the amounts that follow it."""
    given, received = (symbol, "USDC") if side == "SELL" else ("USDC", symbol)
    gave, got = (shares, usdc) if side == "SELL" else (usdc, shares)
    alice, bob = _order(owner, received, given, generation), _order(counterparty, given, received, generation)
    vaults = (bytes(32), bytes(32)) if generation == 5 else (0, 0)
    out, into = _amount(gave, given, generation), _amount(got, received, generation)
    first, second = (CLEAR_V3, AFTER_CLEAR_V2) if generation == 5 else (CLEAR_V2, AFTER_CLEAR)
    return [
        Emission(first, _encoded(first, (SENDER, alice, bob, (0, 0, 0, 0, *vaults)))),
        # Alice's output, bob's output, alice's input, bob's input.
        Emission(second, _encoded(second, (SENDER, (out, into, into, out)))),
    ]


def _order(owner: str, received: str, given: str, generation: int) -> tuple[Any, ...]:
    return order(owner, (_io(received, generation),), (_io(given, generation),))


def _io(symbol: str, generation: int) -> tuple[Any, ...]:
    if generation == 5:
        return token(symbol), bytes(31) + b"\x01"
    return token(symbol), USDC_DECIMALS if symbol == "USDC" else SHARE_DECIMALS, 1


def _amount(amount: str | Decimal, symbol: str, generation: int) -> bytes | int:
    if generation == 5:
        return pack(Decimal(amount))
    scaled = Decimal(amount).scaleb(USDC_DECIMALS if symbol == "USDC" else SHARE_DECIMALS)
    assert scaled == int(scaled), f"{amount} {symbol} has more digits than the token"
    return int(scaled)


@lru_cache(maxsize=4096)
def _encoded(topic: str, parameters: tuple[Any, ...]) -> bytes:
    return encode(topic, parameters)


def know_tokens(*symbols: str) -> None:
    """Let the tokens be known, so that no node is asked about them."""
    for symbol in ("USDC", *symbols):
        decimals = USDC_DECIMALS if symbol == "USDC" else SHARE_DECIMALS
        remember(TokenFacts(token(symbol), symbol, decimals), block=None)


def block_hash(number: int, *, fork: str = "") -> str:
    return "0x" + hashlib.sha256(f"block {number} {fork}".encode()).hexdigest()


def tx_hash(name: object) -> str:
    return "0x" + hashlib.sha256(f"tx {name}".encode()).hexdigest()


def block_time(number: int, seconds_a_block: int = SECONDS_A_BLOCK, *, started: int = STARTED) -> int:
    return started + seconds_a_block * (number - FIRST_BLOCK)


def log_of(emission: Emission, *, block: int, index: int = 0, tx: object = None) -> Log:
    """A log as the scanner reads it, without a chain behind it."""
    return Log(
        address=ORDERBOOK,
        topics=(emission.topic,),
        data=emission.data,
        block_number=block,
        block_hash=block_hash(block),
        tx_hash=tx_hash((block, index) if tx is None else tx),
        log_index=index,
        tx_index=0,
        block_timestamp=block_time(block),
    )


class MadeChain:
    """A chain that a test mines block by block; a recording for the replay node."""

    def __init__(self, *symbols: str, seconds_a_block: int = SECONDS_A_BLOCK, started: int = STARTED) -> None:
        self.head = FIRST_BLOCK - 1
        self._seconds_a_block, self._started = seconds_a_block, started
        self.symbols = {"USDC", *symbols}
        self._blocks: list[dict[str, Any]] = []
        self._logs: list[dict[str, Any]] = []
        self._receipts: dict[str, dict[str, Any]] = {}
        self._transactions: dict[str, dict[str, Any]] = {}
        self.mine()  # The block of the deployment.

    def mine(self, *transactions: Emission | Sequence[Emission], symbols: Sequence[str] = ()) -> list[str]:
        """Mine a block; each argument is a transaction. Return the hashes of the transactions."""
        self.head += 1
        self.symbols.update(symbols)
        number, index, hashes = self.head, 0, []
        block, timestamp = block_hash(number), hex(block_time(number, self._seconds_a_block, started=self._started))
        for place, emissions in enumerate(transactions):
            hash = tx_hash((number, place))
            hashes.append(hash)
            where = {"blockNumber": hex(number), "blockHash": block, "transactionIndex": hex(place)}
            logs = []
            for topic, data in [emissions] if isinstance(emissions, Emission) else emissions:
                logs.append(
                    where
                    | {
                        "address": ORDERBOOK,
                        "topics": [topic],
                        "data": "0x" + data.hex(),
                        "transactionHash": hash,
                        "logIndex": hex(index),
                        "blockTimestamp": timestamp,
                        "removed": False,
                    }
                )
                index += 1
            self._logs += logs
            self._transactions[hash] = where | {"hash": hash}
            self._receipts[hash] = where | {
                "transactionHash": hash,
                "status": "0x1",
                "gasUsed": hex(200_000 + place),
                "effectiveGasPrice": hex(1_000_000_000 + number),
                "logs": logs,
            }
        self._blocks.append(
            {
                "number": hex(number),
                "hash": block,
                "parentHash": block_hash(number - 1),
                "timestamp": timestamp,
                "transactions": hashes,
            }
        )
        return hashes

    def mine_empty(self, blocks: int) -> None:
        for _ in range(blocks):
            self.mine()

    def recording(self, **changes: Any) -> dict[str, Any]:
        return {
            "chain_id": hex(CHAIN_ID),
            "orderbook": ORDERBOOK,
            "owner": OWNER,
            "usdc": USDC,
            "first": FIRST_BLOCK,
            "head": self.head,
            "blocks": self._blocks,
            "logs": self._logs,
            "receipts": self._receipts,
            "transactions": self._transactions,
            "calls": {token(symbol): _token_calls(symbol) for symbol in self.symbols},
            "traces": {},
        } | changes


def _token_calls(symbol: str) -> dict[str, str]:
    decimals = USDC_DECIMALS if symbol == "USDC" else SHARE_DECIMALS
    return {
        "0x95d89b41": "0x" + abi_encode(["string"], [symbol]).hex(),
        "0x313ce567": "0x" + abi_encode(["uint8"], [decimals]).hex(),
    }

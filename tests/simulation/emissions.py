"""Emissions: what the order book emits when an order of ours is taken or cleared, in every form that there is, and what
else lies on a chain: strangers' orders, what can't be read, tokens that nobody knows.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tests.simulation.blockchain_acts import Sort
from tests.simulation.story import SYMBOLS
from tests.support.made_chain import USDC_DECIMALS, Emission, token
from tests.trading.chain.encoding import OWNER, SENDER, STRANGER, encode, order
from trading.chain.rain_float import pack
from trading.chain.topics import (
    AFTER_CLEAR,
    AFTER_CLEAR_V2,
    AFTER_CLEARS,
    CLEAR_V2,
    CLEAR_V3,
    TAKE_ORDER_V2,
    TAKE_ORDER_V2_BYTES32,
    TAKE_ORDER_V3,
)
from trading.values.arithmetic import EXACT, ZERO, cut

Take = tuple[str, Decimal, str, Decimal]
"""Side, shares, symbol and dollars."""

MUTE, FOREIGN = "MUTE", "WETH"
"""A token that does not say what it is, and one that is no share."""


class Becomes(StrEnum):
    """What must become of a log."""

    FILL = "fill"
    FILTERED = "filtered"
    PARKED = "parked"


@dataclass(frozen=True)
class Entry:
    """A log of a transaction, what must become of it, and what it moves: a symbol, and shares with their sign."""

    emission: Emission
    becomes: Becomes | None
    """None: it is no clear or take, and comes to the inbox only with one."""

    symbol: str = ""
    moves: Decimal = ZERO


@dataclass(frozen=True)
class Transaction:
    """What one transaction emits, in its order."""

    name: str
    entries: tuple[Entry, ...]


class Mint:
    """Makes transactions. The decimals of each token are the story's."""

    def __init__(self, decimals: dict[str, int]) -> None:
        self._decimals = decimals

    def fills(self, takes: Sequence[Take], chance: random.Random, *, name: str) -> list[Transaction]:
        """Each take as one of the forms in which an order of ours can be matched; some share a transaction."""
        transactions: list[list[Entry]] = []
        for side, shares, symbol, usdc in takes:
            traded = chance.choice(("t", "t", "wt")) + symbol
            entries = chance.choice((self._take, self._take, self._clear))(
                side, shares, traded, usdc, chance.choice((4, 5, 5)), chance
            )
            for sort in chance.choices((Sort.STRANGERS_TAKE, Sort.STRANGERS_CLEAR), k=chance.choice((0, 0, 0, 1, 2))):
                stranger = self._other(sort, chance)
                entries = [*stranger, *entries] if chance.random() < 0.5 else [*entries, *stranger]
            if transactions and chance.random() < 0.3:
                transactions[-1] += entries
            else:
                transactions.append(entries)
        return [Transaction(f"{name}/{place}", tuple(entries)) for place, entries in enumerate(transactions)]

    def other(self, sort: Sort, chance: random.Random, *, name: str) -> Transaction:
        return Transaction(name, tuple(self._other(sort, chance)))

    # What ours may look like.

    def _take(
        self, side: str, shares: Decimal, traded: str, usdc: Decimal, generation: int, chance: random.Random
    ) -> list[Entry]:
        amount, moved = self._amount(shares, traded, generation)
        dollars, _ = self._amount(usdc, "USDC", generation)
        given, received = (traded, "USDC") if side == "SELL" else ("USDC", traded)
        gave, got = (amount, dollars) if side == "SELL" else (dollars, amount)
        # The event speaks for the taker: its input is what our order gave.
        emission = self._taken(OWNER, received, given, gave, got, generation, chance)
        return [_of_ours(emission, side, moved, traded)]

    def _clear(
        self, side: str, shares: Decimal, traded: str, usdc: Decimal, generation: int, chance: random.Random
    ) -> list[Entry]:
        amount, moved = self._amount(shares, traded, generation)
        dollars, _ = self._amount(usdc, "USDC", generation)
        given, received = (traded, "USDC") if side == "SELL" else ("USDC", traded)
        gave, got = (amount, dollars) if side == "SELL" else (dollars, amount)
        first, second = self._cleared(OWNER, STRANGER, received, given, gave, got, generation, chance)
        return [_of_ours(first, side, moved, traded), Entry(second, None)]

    def _other(self, sort: Sort, chance: random.Random) -> list[Entry]:
        generation = chance.choice((4, 5))
        traded = f"t{chance.choice(SYMBOLS)}"
        amount, dollars = (_whole(number, generation) for number in (chance.randint(1, 9), chance.randint(10, 900)))
        match sort:
            case Sort.STRANGERS_TAKE:
                emission = self._taken(STRANGER, "USDC", traded, amount, dollars, generation, chance)
                return [Entry(emission, Becomes.FILTERED)]
            case Sort.STRANGERS_CLEAR:
                first, second = self._cleared(SENDER, STRANGER, "USDC", traded, amount, dollars, generation, chance)
                return [Entry(first, Becomes.FILTERED), Entry(second, None)]
            case Sort.NO_SHARE:
                emission = self._taken(OWNER, "USDC", FOREIGN, amount, dollars, generation, chance)
            case Sort.MUTE_TOKEN:
                emission = self._taken(OWNER, "USDC", MUTE, amount, dollars, generation, chance)
            case Sort.UNREADABLE:
                whole = self._taken(OWNER, "USDC", traded, amount, dollars, generation, chance)
                emission = whole._replace(data=whole.data[: 32 * chance.randint(1, 4)])
        return [Entry(emission, Becomes.PARKED)]

    # Their encodings.

    def _taken(
        self,
        owner: str,
        received: str,
        given: str,
        gave: bytes | int,
        got: bytes | int,
        generation: int,
        chance: random.Random,
    ) -> Emission:
        topic = TAKE_ORDER_V3 if generation == 5 else chance.choice((TAKE_ORDER_V2, TAKE_ORDER_V2_BYTES32))
        into, out = self._ios(received, generation, chance), self._ios(given, generation, chance)
        ours = order(owner, into, out)
        return _emission(topic, (SENDER, (ours, len(into) - 1, len(out) - 1, ()), gave, got))

    def _cleared(
        self,
        owner: str,
        other: str,
        received: str,
        given: str,
        gave: bytes | int,
        got: bytes | int,
        generation: int,
        chance: random.Random,
    ) -> tuple[Emission, Emission]:
        into, out = self._ios(received, generation, chance), self._ios(given, generation, chance)
        mine, theirs = order(owner, into, out), order(other, out, into)
        vaults = (bytes(32), bytes(32)) if generation == 5 else (0, 0)
        at_in, at_out = len(into) - 1, len(out) - 1
        first, second = (CLEAR_V3, AFTER_CLEAR_V2) if generation == 5 else (CLEAR_V2, AFTER_CLEAR)
        if chance.random() < 0.5:
            clear = (SENDER, mine, theirs, (at_in, at_out, at_out, at_in, *vaults))
            # Alice's output, bob's output, alice's input, bob's input.
            amounts = (gave, got, got, gave)
        else:
            clear = (SENDER, theirs, mine, (at_out, at_in, at_in, at_out, *vaults))
            amounts = (got, gave, gave, got)
        return _emission(first, clear), _emission(second, (SENDER, amounts))

    def _ios(self, name: str, generation: int, chance: random.Random) -> tuple[Any, ...]:
        """The order's list of tokens: the one that was traded is its last, and may not be its first."""
        names = [name] if chance.random() < 0.7 else [FOREIGN, name]
        if generation == 5:
            return tuple((token(each), bytes(31) + b"\x01") for each in names)
        return tuple((token(each), self._decimals.get(each, USDC_DECIMALS), 1) for each in names)

    def _amount(self, amount: Decimal, name: str, generation: int) -> tuple[bytes | int, Decimal]:
        """What is emitted, and what it says: whole units of a token hold no more than its decimals."""
        if generation == 5:
            return pack(amount), amount
        decimals = self._decimals.get(name, USDC_DECIMALS)
        kept = cut(amount, digits=decimals)
        return int(kept.scaleb(decimals, EXACT)), kept


def _whole(number: int, generation: int) -> bytes | int:
    return pack(Decimal(number)) if generation == 5 else number * 10**USDC_DECIMALS


def _emission(topic: str, parameters: tuple[Any, ...]) -> Emission:
    return Emission(topic, encode(topic, parameters))


def _of_ours(emission: Emission, side: str, moved: Decimal, traded: str) -> Entry:
    if not moved:
        return Entry(emission, Becomes.FILTERED)
    symbol = traded.removeprefix("w").removeprefix("t")
    return Entry(emission, Becomes.FILL, symbol, moved if side == "BUY" else -moved)


def is_listed(entry: Entry) -> bool:
    """Whether the entry is a clear or a take, which have a row in the inbox each."""
    return entry.emission.topic not in AFTER_CLEARS

"""Scenarios: what happens in a day, from a seed."""

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from config.demo.steps import (
    PRICES,
    SYMBOLS,
    Clear,
    Feed,
    ForeignPair,
    Generation,
    Reorg,
    Several,
    Step,
    Stranger,
    Take,
    dust,
    rounded,
)
from trading.values.arithmetic import EXACT
from trading.values.sides import Side

WAYS_TO_CLEAR: tuple[tuple[Generation, Literal["alice", "bob"]], ...] = (
    (4, "alice"),
    (4, "bob"),
    (5, "alice"),
    (5, "bob"),
)


def scenario(seed: int = 1) -> list[Step]:
    """Return the steps of a short day: every kind of fill, in both generations, and a reorganisation near the end."""
    tape = _Tape(seed)
    steps: list[Step] = []
    steps += [tape.take(symbol) for symbol in SYMBOLS * 3]
    steps += [tape.clear(symbol, *way) for way in WAYS_TO_CLEAR for symbol in tape.some(2)]
    steps += [tape.stranger(symbol) for symbol in tape.some(3)]
    steps += [
        dust("AAPL", Side.BUY),
        # Dust is worth less than version 4 can pay: a fill without a price.
        dust("GME", Side.SELL, 4),
        ForeignPair("AAPL", Side.BUY, Decimal("0.25"), Decimal("0.0931"), 4),
        tape.clear("NVDA", 4, None),
        tape.clear("TSLA", 5, None),
    ]
    tape.shuffle(steps)

    steps += [
        Several((tape.take("AAPL"), tape.take("TSLA"), tape.stranger("AAPL"), tape.take("AAPL"))),
        # Two clears in one transaction: each has its own amounts.
        Several((tape.clear("MSFT", 5, "alice"), tape.clear("MSFT", 5, "bob"), tape.take("MSFT"))),
        Several((tape.clear("GME", 4, "bob"), tape.clear("NVDA", 4, "alice"))),
        # A share with 18 decimals, and a price with as many: no digit may be dropped.
        Take("NVDA", Side.SELL, Decimal("0.374123456789012345"), Decimal("178.880000000000000001"), 5),
        # One reads no price of the oracle, another somebody else's: to us, they have none.
        Take("GME", Side.BUY, Decimal("1.000000000000000001"), Decimal("20.65"), 4, feed=None),
        Take("MSFT", Side.SELL, Decimal("0.25"), Decimal("472.35"), feed="another"),
    ]
    steps += [
        replace(tape.take("TSLA"), shares=Decimal("1.25"), fleeting=True),
        tape.take("AAPL"),
        tape.take("BRK.B"),
        tape.clear("GME", 5, "alice"),
        Reorg(),
    ]
    return [*steps, *(tape.take(symbol) for symbol in SYMBOLS)]


def endless(seed: int = 1) -> Iterator[Step]:
    """Yield the steps of a day without an end: mostly takes, now and then something else."""
    tape = _Tape(seed)
    while True:
        (symbol,) = tape.some(1)
        chance = tape.random.randrange(100)
        if chance < 66:
            yield tape.take(symbol)
        elif chance < 86:
            yield tape.clear(symbol, *tape.random.choice(WAYS_TO_CLEAR))
        elif chance < 93:
            yield Several(tuple(tape.take(one) for one in tape.some(3)))
        elif chance < 97:
            yield tape.stranger(symbol)
        else:
            yield dust(symbol, tape.side(symbol))


class _Tape:
    """Prices that walk, and sides that last a while, so that positions grow before they turn."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 (a made-up market, the same for the same seed)
        self._of_feeds = random.Random(seed)  # noqa: S311 (nor is this, which leaves the day's trades as they are)
        self._prices = dict(PRICES)
        self._sides = {symbol: self.random.choice(list(Side)) for symbol in SYMBOLS}

    def some(self, count: int) -> list[str]:
        return self.random.sample(SYMBOLS, count)

    def shuffle(self, steps: list[Step]) -> None:
        self.random.shuffle(steps)

    def side(self, symbol: str) -> Side:
        if self.random.randrange(8) == 0:
            self._sides[symbol] = self._sides[symbol].opposite
        usual = self._sides[symbol]
        return usual if self.random.randrange(5) else usual.opposite

    def take(self, symbol: str) -> Take:
        return Take(
            symbol, self.side(symbol), self._shares(), self._price(symbol), self._generation(), feed=self._feed()
        )

    def stranger(self, symbol: str) -> Stranger:
        return Stranger(symbol, self.side(symbol), self._shares(), self._price(symbol), self._generation())

    def clear(self, symbol: str, generation: Generation, ours: Literal["alice", "bob"] | None) -> Clear:
        return Clear(
            symbol, self.side(symbol), self._shares(), self._price(symbol), generation, ours, feed=self._feed()
        )

    def _generation(self) -> Generation:
        return 4 if self.random.randrange(2) else 5

    def _feed(self) -> Feed | None:
        return self._of_feeds.choices(("own", "another", None), (90, 4, 6))[0]

    def _shares(self) -> Decimal:
        # From 0.01 to 3 shares; most fills are of less than one.
        most = self.random.choice((3_000, 6_000, 10_000, 30_000))
        return Decimal(self.random.randint(100, most)).scaleb(-4)

    def _price(self, symbol: str) -> Decimal:
        # A step of at most a thousandth, either way, to the cent.
        step = EXACT.multiply(PRICES[symbol], Decimal(self.random.randint(-1000, 1000)).scaleb(-6))
        self._prices[symbol] = rounded(EXACT.add(self._prices[symbol], step), 2)
        return self._prices[symbol]

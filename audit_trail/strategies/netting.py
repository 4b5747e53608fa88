"""Netting: what several strategies say of a symbol becomes one score, each heard by its weight."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from audit_trail.strategies.signals import Dropped, Reason, Signal, rounded_score, strength
from trading.values.arithmetic import ZERO, multiply, quotient, total
from trading.values.symbols import Symbol


class Netted(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one symbol, all strategies together."""

    symbol: Symbol
    score: Decimal
    signals: tuple[Signal, ...]
    """Those it is made of, by strategy."""

    @property
    def strength(self) -> Decimal:
        return strength(self.score)


class Netting(msgspec.Struct, frozen=True, kw_only=True):
    """The symbols that something is said of, in order, and the signals that nobody hears."""

    netted: tuple[Netted, ...]
    dropped: tuple[Dropped, ...]


def net(signals: Iterable[Signal], weights: Mapping[str, Decimal]) -> Netting:
    """Average each symbol's scores by the weights of their strategies; the order of the signals is nothing to it.

    Who has no weight is not heard. A symbol of which one strategy speaks keeps that strategy's score.
    """
    heard: dict[Symbol, list[Signal]] = defaultdict(list)
    dropped = []
    for signal in sorted(signals, key=lambda one: (one.symbol, one.strategy)):
        if weights.get(signal.strategy, ZERO) > ZERO:
            heard[signal.symbol].append(signal)
        else:
            dropped.append(_unheard(signal))
    netted = tuple(
        Netted(symbol=symbol, score=_average(said, weights), signals=tuple(said)) for symbol, said in heard.items()
    )
    return Netting(netted=netted, dropped=tuple(dropped))


def _average(signals: list[Signal], weights: Mapping[str, Decimal]) -> Decimal:
    weighted = total([multiply(signal.score, weights[signal.strategy]) for signal in signals])
    return rounded_score(quotient(weighted, total([weights[signal.strategy] for signal in signals])))


def _unheard(signal: Signal) -> Dropped:
    return Dropped(
        strategy=signal.strategy,
        symbol=signal.symbol,
        reason=Reason.NO_WEIGHT,
        text=f"{signal.strategy} has no weight, or none above 0",
        records=signal.records,
    )

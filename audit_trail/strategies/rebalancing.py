"""Rebalancing: the orders that bring what is held to what is wanted. They are meant, and nobody has sent them.

What is no longer wanted is closed first, then positions are reduced, then bought: the strongest first. A position
whose symbol is wanted, but of which nothing can be said today, stays as it is.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import TypeVar

import msgspec

from audit_trail.strategies.records import Position
from audit_trail.strategies.signals import STRONGEST, Dropped, Reason
from audit_trail.strategies.targets import Target
from trading.values.arithmetic import EXACT, ZERO, cut, plain, subtract
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

CENTS = 2
LEAST_CHANGE_USD = Decimal(1)


T = TypeVar("T", Target, Position)


class SymbolTwice(ValueError):
    """Two figures for one symbol, and no telling which holds. Mend whatever made the list; nothing was decided."""


class Step(StrEnum):
    """What an order does to a position; orders come in this order."""

    CLOSE = "close"
    REDUCE = "reduce"
    INCREASE = "increase"


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done in one symbol: for so many shares, or for so many dollars, or with all that is held."""

    symbol: Symbol
    step: Step
    side: Side
    shares: Shares | None = None
    notional_usd: Usd | None = None
    closes_position: bool = False
    """Sell whatever is held then."""

    may_short: bool = False
    target: Target | None = None
    """What is wanted; None where nothing is."""

    position: Position | None = None
    change_usd: Decimal
    """By how much the position's value would change."""

    @property
    def strength(self) -> Decimal:
        """How strong it is: what makes a position smaller goes before everything, for it frees what others need."""
        if self.step is Step.INCREASE and self.target is not None:
            return self.target.strength
        return STRONGEST


class Rebalancing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, in order, and what is not."""

    moves: tuple[Move, ...]
    dropped: tuple[Dropped, ...]


def rebalance(
    targets: Iterable[Target], positions: Iterable[Position], *, kept: Mapping[Symbol, str] | None = None
) -> Rebalancing:
    """Compare what is wanted with what is held. `kept` names symbols that stay as they are, each with why."""
    wanted = _by_symbol(targets)
    held = {symbol: one for symbol, one in _by_symbol(positions).items() if one.net_shares != ZERO}
    moves: list[Move] = []
    dropped: list[Dropped] = []
    for symbol in sorted({*wanted, *held}):
        target, position = wanted.get(symbol), held.get(symbol)
        reason = (kept or {}).get(symbol)
        if reason is not None:
            dropped.append(_dropped(symbol, target, Reason.KEPT_AS_IT_IS, reason))
        elif position is not None and (target is None or _other_side(target, position)):
            moves.append(_close(position, target))
            if target is not None:
                text = "what is held is closed first; the other side is taken when it is decided again"
                dropped.append(_dropped(symbol, target, Reason.CLOSED_FIRST, text))
        elif target is not None:
            change = _change(target, position)
            moves += [change] if isinstance(change, Move) else []
            dropped += [change] if isinstance(change, Dropped) else []
    return Rebalancing(moves=tuple(_ordered(moves)), dropped=tuple(dropped))


def _by_symbol(each: Iterable[T]) -> dict[Symbol, T]:
    listed = sorted(each, key=lambda one: one.symbol)
    by_symbol = {one.symbol: one for one in listed}
    if len(by_symbol) != len(listed):
        symbols = [one.symbol for one in listed]
        twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        raise SymbolTwice(f"expected each symbol once, found {', '.join(twice)} again: what is held of it is not told")
    return by_symbol


def _other_side(target: Target, position: Position) -> bool:
    return (position.net_shares > ZERO) is not (target.value_usd > ZERO)


def _change(target: Target, position: Position | None) -> Move | Dropped:
    value = ZERO if position is None else position.market_value_usd
    change = subtract(target.value_usd, value)
    if change.copy_abs() < LEAST_CHANGE_USD:
        text = f"wanted ${plain(target.value_usd)}, held ${plain(value)}: a change of less than $1"
        return _dropped(target.symbol, target, Reason.TOO_SMALL_A_CHANGE, text)
    return _trade_long(target, position, change) if target.value_usd > ZERO else _trade_short(target, position, change)


def _close(position: Position, target: Target | None) -> Move:
    """Sell all that is held, or buy back all that is owed, be it as little as dust."""
    is_long = position.net_shares > ZERO
    return Move(
        symbol=position.symbol,
        step=Step.CLOSE,
        side=Side.SELL if is_long else Side.BUY,
        shares=None if is_long else Shares(position.net_shares.copy_abs()),
        closes_position=is_long,
        target=target,
        position=position,
        change_usd=position.market_value_usd.copy_negate(),
    )


def _trade_long(target: Target, position: Position | None, change: Decimal) -> Move:
    return Move(
        symbol=target.symbol,
        step=Step.INCREASE if change > ZERO else Step.REDUCE,
        side=Side.BUY if change > ZERO else Side.SELL,
        notional_usd=Usd(cut(change.copy_abs(), digits=CENTS)),
        target=target,
        position=position,
        change_usd=change,
    )


def _trade_short(target: Target, position: Position | None, change: Decimal) -> Move | Dropped:
    """Shares are borrowed whole."""
    shares = EXACT.divide_int(change.copy_abs(), target.market.price_usd).to_integral_value(rounding=ROUND_FLOOR)
    if shares == ZERO:
        text = f"a change of ${plain(change)} is less than a share of ${plain(target.market.price_usd)}"
        return _dropped(target.symbol, target, Reason.TOO_SMALL_A_CHANGE, text)
    return Move(
        symbol=target.symbol,
        step=Step.REDUCE if change > ZERO else Step.INCREASE,
        side=Side.BUY if change > ZERO else Side.SELL,
        shares=Shares(shares),
        may_short=change < ZERO,
        target=target,
        position=position,
        change_usd=change,
    )


def _ordered(moves: list[Move]) -> list[Move]:
    """By step, then by strength, then by how much is moved, then by symbol."""
    by_symbol = sorted(moves, key=lambda move: move.symbol)
    strongest_first = sorted(by_symbol, key=lambda move: (move.strength, move.change_usd.copy_abs()), reverse=True)
    return sorted(strongest_first, key=lambda move: [*Step].index(move.step))


def _dropped(symbol: Symbol, target: Target | None, reason: Reason, text: str) -> Dropped:
    records = () if target is None else target.records
    return Dropped(strategy=None, symbol=symbol, reason=reason, text=text, records=records)

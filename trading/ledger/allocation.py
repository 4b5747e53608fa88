"""Allocation: which fills an order is placed for, in chain order and exact.

The fills of the order's opposite side are covered oldest first. What stays of them is netted, oldest first, with the
fills of the other side, so that after an order the fills left open add up to the net that is left. What no fill covers
(a reorg or an over-fill before it) stays unallocated.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from trading.values.arithmetic import ZERO, add, subtract
from trading.values.sides import Side


class OpenTrade(NamedTuple):
    """A fill with shares that no order covers and no opposite fill nets."""

    key: Any
    side: Side
    unlinked_shares: Decimal


class Cover(NamedTuple):
    trade: Any
    shares: Decimal


class Netting(NamedTuple):
    trade: Any
    opposite: Any
    shares: Decimal


class Allocation(NamedTuple):
    covers: list[Cover]
    nettings: list[Netting]
    unallocated_shares: Decimal


def allocate(trades: Sequence[OpenTrade], *, order_side: Side, shares: Decimal) -> Allocation:
    """Cover an order's shares with the fills that it hedges; `trades` stand in chain order."""
    hedged_side = order_side.opposite
    same = [trade for trade in trades if trade.side is hedged_side]
    opposite = [trade for trade in trades if trade.side is not hedged_side]
    covers, left, needed = cover(same, shares)
    return Allocation(covers, _net(left, opposite), needed)


def cover(trades: Sequence[OpenTrade], shares: Decimal) -> tuple[list[Cover], list[OpenTrade], Decimal]:
    """Take shares from fills, oldest first. Return what was taken, what stays open, and what is still needed."""
    covers: list[Cover] = []
    left: list[OpenTrade] = []
    needed = shares
    for trade in trades:
        taken = min(trade.unlinked_shares, needed)
        if taken > 0:
            covers.append(Cover(trade.key, taken))
            needed = subtract(needed, taken)
        if taken < trade.unlinked_shares:
            left.append(trade._replace(unlinked_shares=subtract(trade.unlinked_shares, taken)))
    return covers, left, needed


def _net(same: Sequence[OpenTrade], opposite: Sequence[OpenTrade]) -> list[Netting]:
    nettings: list[Netting] = []
    queue = list(reversed(same))
    for trade in opposite:
        open_shares = trade.unlinked_shares
        while open_shares > 0 and queue:
            other = queue.pop()
            netted = min(open_shares, other.unlinked_shares)
            nettings.append(Netting(other.key, trade.key, netted))
            open_shares = subtract(open_shares, netted)
            if netted < other.unlinked_shares:
                queue.append(other._replace(unlinked_shares=subtract(other.unlinked_shares, netted)))
    return nettings


def released(contributions: Sequence[Cover], shares: Decimal) -> list[Cover]:
    """Give shares back that an order did not fill: the newest fills first, since the oldest were hedged first."""
    back: list[Cover] = []
    left = shares
    for contribution in reversed(contributions):
        if left <= 0:
            break
        given = min(contribution.shares, left)
        back.append(Cover(contribution.trade, given))
        left = subtract(left, given)
    return back


def covered_shares(covers: Sequence[Cover]) -> Decimal:
    result = ZERO
    for each in covers:
        result = add(result, each.shares)
    return result

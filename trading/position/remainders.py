"""Remainders: the long and the short one of a position, which never fall below zero; only their difference counts."""

from trading.values.arithmetic import ZERO, subtract
from trading.values.quantities import Shares


def taken(remainder: Shares, other: Shares, amount: Shares) -> tuple[Shares, Shares]:
    """Take an amount from one remainder; what would take it below zero is added to the other."""
    left = Shares(subtract(remainder, amount))
    return (left, other) if left >= 0 else (Shares(ZERO), Shares(subtract(other, left)))


def moved(long: Shares, short: Shares, added: Shares) -> tuple[Shares, Shares]:
    """Move the net by a signed number of shares: what takes it up is taken from the short remainder first."""
    if added < 0:
        return taken(long, short, Shares(added.copy_negate()))
    short, long = taken(short, long, added)
    return long, short

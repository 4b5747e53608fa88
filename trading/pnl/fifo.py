"""First in, first out: fills open lots and close the oldest of the other side. What closing earned is realised.

Money is kept, and not prices: a lot that is closed in parts gives each part its share of what it cost, to 40 digits,
and what rounding took from one part stays with the rest. So what was realised and what is still open add up, to the
last digit, to all that was paid and received.
"""

from typing import NamedTuple

import msgspec

from trading.values.arithmetic import ZERO, add, multiply, plain, share_of, subtract, total
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side


class NoFill(ValueError):
    """A fill is of more than no shares, at more than nothing. It earns nothing and closes nothing."""


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """Shares that changed hands, and all the dollars that did."""

    side: Side
    shares: Shares
    usd: Usd

    def __post_init__(self) -> None:
        if self.shares <= 0 or self.usd <= 0:
            raise NoFill(f"expected shares and dollars above zero, was {plain(self.shares)} for ${plain(self.usd)}")


class Lot(msgspec.Struct, frozen=True):
    """Shares of one fill that are not closed yet, and what they cost, or brought if they are short."""

    shares: Shares
    usd: Usd

    def first(self, shares: Shares) -> "Lot":
        """Take so many shares of it, or all there are, with their share of the dollars."""
        if shares >= self.shares:
            return self
        return Lot(shares, Usd(share_of(self.usd, part=shares, whole=self.shares)))

    def without(self, part: "Lot") -> "Lot":
        return Lot(Shares(subtract(self.shares, part.shares)), Usd(subtract(self.usd, part.usd)))


class Inventory(msgspec.Struct, frozen=True):
    """The open lots of a symbol, oldest first. They are all of one side: the other one closes them."""

    side: Side = Side.BUY
    lots: tuple[Lot, ...] = ()

    @property
    def net_shares(self) -> Shares:
        """Long above zero, short below."""
        held = total([lot.shares for lot in self.lots])
        return Shares(held if self.side is Side.BUY else subtract(ZERO, held))

    @property
    def usd(self) -> Usd:
        """What the open lots cost, or brought where they are short."""
        return Usd(total([lot.usd for lot in self.lots]))

    def unrealised_usd(self, price_usd: Usd) -> Usd:
        """What closing all of it at a price would earn."""
        worth = multiply(self.net_shares.copy_abs(), price_usd)
        return Usd(subtract(worth, self.usd) if self.side is Side.BUY else subtract(self.usd, worth))

    def after(self, fill: Fill) -> "Outcome":
        """Add a fill: a lot more where it goes the same way, else the oldest lots closed and what is left a lot."""
        if not self.lots or self.side is fill.side:
            return Outcome(Inventory(fill.side, (*self.lots, Lot(fill.shares, fill.usd))), None)
        left, earned, closed = Lot(fill.shares, fill.usd), ZERO, 0
        for lot in self.lots:
            if not left.shares:
                break
            of_lot, of_fill = lot.first(left.shares), left.first(lot.shares)
            gain = subtract(of_fill.usd, of_lot.usd) if self.side is Side.BUY else subtract(of_lot.usd, of_fill.usd)
            earned = add(earned, gain)
            left = left.without(of_fill)
            if of_lot != lot:
                rest = (lot.without(of_lot), *self.lots[closed + 1 :])
                return Outcome(Inventory(self.side, rest), Usd(earned))
            closed += 1
        lots = self.lots[closed:]
        if left.shares:
            return Outcome(Inventory(fill.side, (left,)), Usd(earned))
        return Outcome(Inventory(self.side, lots) if lots else Inventory(), Usd(earned))


class Outcome(NamedTuple):
    """What a fill left open, and what it earned: nothing is realised where it closed nothing."""

    inventory: Inventory
    realised_usd: Usd | None

"""Targets: what a portfolio should hold of a symbol, and everything that this figure comes from."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from audit_trail.strategies.netting import Netted
from audit_trail.strategies.records import RecordRef
from audit_trail.strategies.volatility import MarketView
from trading.values.arithmetic import EXACT, ZERO, multiply, quotient, total
from trading.values.symbols import Symbol

TWO = Decimal(2)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What one strategy has to do with a target."""

    strategy: str
    version: str
    score: Decimal
    weight: Decimal
    shares: Decimal | None
    """What it made of its own part of the equity, signed; None where scores were netted before anything was sized."""

    value_usd: Decimal | None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What to hold of a symbol, in dollars; negative where shares are owed."""

    symbol: Symbol
    value_usd: Decimal
    sized_usd: Decimal
    """Before any limit."""

    netted: Netted
    origins: tuple[Origin, ...]
    market: MarketView
    limited_by: tuple[str, ...] = ()
    """The limits that made it smaller, in the order in which they did."""

    @property
    def strength(self) -> Decimal:
        return self.netted.strength

    @property
    def implied_stop_loss_usd(self) -> Decimal:
        """By how much a share may move against us before it is more than noise."""
        return multiply(self.market.atr_usd, TWO)

    @property
    def records(self) -> tuple[RecordRef, ...]:
        """The records of all its signals."""
        found = {ref for signal in self.netted.signals for ref in signal.records}
        return tuple(sorted(found, key=lambda ref: ref.place))

    @property
    def known_at(self) -> datetime:
        """When we had the newest of what it comes from, prices included."""
        return max(self.market.known_at, *(signal.known_at for signal in self.netted.signals))

    @property
    def triggers(self) -> str:
        return "+".join(sorted({signal.trigger for signal in self.netted.signals}))


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the equity is at stake."""

    long_count: int
    short_count: int
    long_usd: Decimal
    short_usd: Decimal
    """What is owed, as a positive number."""

    gross_pct: Decimal
    net_pct: Decimal


def exposure(values: Sequence[Decimal], equity_usd: Decimal) -> Exposure:
    longs = [value for value in values if value > ZERO]
    shorts = [value.copy_abs() for value in values if value < ZERO]
    long_usd, short_usd = total(longs), total(shorts)
    return Exposure(
        long_count=len(longs),
        short_count=len(shorts),
        long_usd=long_usd,
        short_usd=short_usd,
        gross_pct=quotient(EXACT.add(long_usd, short_usd), equity_usd),
        net_pct=quotient(EXACT.subtract(long_usd, short_usd), equity_usd),
    )

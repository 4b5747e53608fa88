"""Accounts at a venue: cash, shares held or owed, and what may be done with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trading.values.arithmetic import ZERO, add, multiply, quotient, subtract
from trading.values.sides import Side


@dataclass(kw_only=True)
class Held:
    """Shares of one symbol; fewer than none where they are owed."""

    shares: Decimal
    average_price: Decimal


@dataclass(kw_only=True)
class Account:
    """One customer's account."""

    number: str = "10000001"
    cash_usd: Decimal = Decimal(100_000)
    multiplier: int = 1
    """How many dollars may be spent for each dollar of cash."""

    shorting: bool = True
    blocked: bool = False
    holdings: dict[str, Held] = field(default_factory=dict)

    def shares_of(self, symbol: str) -> Decimal:
        return self.holdings[symbol].shares if symbol in self.holdings else ZERO

    def hold(self, symbol: str, shares: Decimal, average_price: Decimal) -> None:
        """Have so many shares, whatever was there before and without paying."""
        if shares == 0:
            self.holdings.pop(symbol, None)
        else:
            self.holdings[symbol] = Held(shares=shares, average_price=average_price)

    def book(self, symbol: str, side: Side, shares: Decimal, price: Decimal) -> None:
        """Exchange shares for cash."""
        usd = multiply(shares, price)
        buys = side is Side.BUY
        self.cash_usd = subtract(self.cash_usd, usd) if buys else add(self.cash_usd, usd)
        change = shares if buys else shares.copy_negate()
        before = self.holdings.get(symbol)
        if before is None or before.shares == 0:
            self.hold(symbol, change, price)
            return
        after = add(before.shares, change)
        if (before.shares > 0) == (change > 0):
            cost = add(multiply(before.shares.copy_abs(), before.average_price), usd)
            self.hold(symbol, after, quotient(cost, after.copy_abs()))
        else:
            crossed = after != 0 and (after > 0) != (before.shares > 0)
            self.hold(symbol, after, price if crossed else before.average_price)

    def long_value(self, prices: Mapping[str, Decimal]) -> Decimal:
        return self._value(prices, owed=False)

    def short_value(self, prices: Mapping[str, Decimal]) -> Decimal:
        """What is owed is worth less than nothing."""
        return self._value(prices, owed=True)

    def equity(self, prices: Mapping[str, Decimal]) -> Decimal:
        return add(self.cash_usd, add(self.long_value(prices), self.short_value(prices)))

    def _value(self, prices: Mapping[str, Decimal], *, owed: bool) -> Decimal:
        value = ZERO
        for symbol, held in self.holdings.items():
            if (held.shares < 0) == owed:
                value = add(value, multiply(held.shares, prices[symbol]))
        return value

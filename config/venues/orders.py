"""Orders at a venue: what was asked for, what was filled of it, and how it stands. No protocol's word is in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from trading.values.arithmetic import ZERO, add, multiply, quotient, subtract
from trading.values.sides import Side


class State(StrEnum):
    """How an order stands. An open one may have fills."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"


class Refusal(StrEnum):
    """Why an order is not taken."""

    NO_SUCH_SYMBOL = "no such symbol"
    NOT_TRADABLE = "not tradable"
    NOT_SHORTABLE = "not shortable"
    BLOCKED = "blocked"
    SAME_ID = "same id"
    OPPOSITE = "opposite order open"
    BUYING_POWER = "buying power"
    SHARES = "shares"


class Refused(Exception):
    """The venue does not take the order. What it would need, and what there is, stands beside the reason."""

    def __init__(self, refusal: Refusal, **figures: Any) -> None:
        super().__init__(f"{refusal}: {figures}" if figures else str(refusal))
        self.refusal, self.figures = refusal, figures


class NotOpen(Exception):
    """The order has ended, or ends already."""


class NoSuchOrder(LookupError):
    """Nothing at the venue goes by that name."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What somebody asks for."""

    symbol: str
    side: Side
    shares: Decimal | None = None
    notional_usd: Decimal | None = None
    limit_price_usd: Decimal | None = None
    good_for_day: bool = True
    client_id: str | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    """What the protocol says besides, to be said again."""


@dataclass(frozen=True, kw_only=True)
class Fill:
    """Shares that changed hands at one moment, at one price or at several."""

    number: int
    legs: tuple[tuple[Decimal, Decimal], ...]
    """Shares, and dollars for each of them."""

    at: datetime

    @property
    def shares(self) -> Decimal:
        return _total([shares for shares, _ in self.legs])

    @property
    def usd(self) -> Decimal:
        return _total([multiply(shares, price) for shares, price in self.legs])


@dataclass(kw_only=True)
class Order:
    """An order and everything that became of it."""

    number: int
    """Its place among all orders that this venue ever took, from 1."""

    account: str
    ask: Ask
    entered_at: datetime
    updated_at: datetime
    state: State = State.OPEN
    fills: list[Fill] = field(default_factory=list)
    shares: Decimal | None = None
    """How many are wanted; for an order in dollars it is known from the first fill on."""

    ended_at: datetime | None = None
    cancel_due_at: datetime | None = None
    """When a cancel that was asked for takes effect."""

    reason: str | None = None
    replaces: int | None = None
    replaced_by: int | None = None
    hidden: dict[str, int] = field(default_factory=dict)
    """For how many more calls of a kind this order is not shown there, as by a copy that lags behind."""

    @property
    def is_open(self) -> bool:
        return self.state is State.OPEN

    @property
    def filled(self) -> Decimal:
        return _total([fill.shares for fill in self.fills])

    @property
    def remaining(self) -> Decimal | None:
        """What is still wanted, never less than nothing; None while nobody knows how many are."""
        return None if self.shares is None else max(subtract(self.shares, self.filled), ZERO)

    @property
    def average_price(self) -> Decimal | None:
        return quotient(_total([fill.usd for fill in self.fills]), self.filled) if self.fills else None

    def shows_in(self, call: str) -> bool:
        """Tell whether a call of this kind sees the order, and count the call."""
        left = self.hidden.get(call, 0)
        if left:
            self.hidden[call] = left - 1
        return not left


def _total(values: list[Decimal]) -> Decimal:
    result = ZERO
    for value in values:
        result = add(result, value)
    return result

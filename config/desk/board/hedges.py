"""Hedges: orders that have not ended, those of unknown outcome first."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from config.read_side import ReadSide
from trading.offchain_order.aggregate import OPEN, OrderState
from trading.values.arithmetic import ZERO, quotient

SHOWN = 20


class UnderWay(NamedTuple):
    """An order at a broker, or on its way there. `done` is the part that is filled, from 0 to 1."""

    number: int
    symbol: str
    side: str
    shares: Decimal
    filled_shares: Decimal
    status: str
    broker: str
    placed_at: datetime | None
    reason: str | None

    @property
    def is_unknown(self) -> bool:
        return self.status == OrderState.UNKNOWN

    @property
    def done(self) -> Decimal:
        return min(quotient(self.filled_shares, self.shares), Decimal(1)) if self.shares else ZERO


class Hedges(NamedTuple):
    orders: list[UnderWay]
    unknown: int
    more: int


def hedges(side: ReadSide) -> Hedges:
    """The orders under way: at most one a symbol."""
    rows = side.orders.filter(detailed_status__in=sorted(OPEN)).order_by(side.order_number)
    found = sorted((_of(row, side) for row in rows), key=lambda order: (not order.is_unknown, order.number))
    unknown = sum(order.is_unknown for order in found)
    return Hedges(found[:SHOWN], unknown, max(len(found) - SHOWN, 0))


def _of(row: Any, side: ReadSide) -> UnderWay:
    return UnderWay(
        number=getattr(row, side.order_number),
        symbol=row.symbol,
        side=row.side,
        shares=row.shares,
        filled_shares=row.filled_shares,
        status=row.detailed_status,
        broker=row.broker,
        placed_at=row.placed_at,
        reason=row.reason,
    )

"""Progress: how far an order of the dry run has come, which follows from its row and the time."""

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal, Inexact
from typing import NamedTuple, assert_never

from trading.brokers.dry_run.behaviour import Behaviour
from trading.brokers.dry_run.models import DryRunOrder
from trading.brokers.orders import OrderReport, OrderStatus
from trading.values.arithmetic import EXACT, ZERO, canonical
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

DAY_ORDER = timedelta(days=1)
"""How long an order rests whose limit is not met."""

LONGEST_LIFE = timedelta(days=10)
"""A slow order at the slowest setting."""

_HALF = Decimal("0.5")
# Cutting drops a digit, which the exact context traps.
_CUTTING = EXACT.copy()
_CUTTING.traps[Inexact] = False


class _Standing(NamedTuple):
    status: OrderStatus
    filled: Decimal
    since: datetime
    reason: str | None = None


def progress(row: DryRunOrder, now: datetime) -> OrderReport:
    """Tell how far an order has come: accepted, half filled after half its time, and then at its end."""
    stands = _standing(row, now)
    return OrderReport(
        broker_order_id=BrokerOrderId(row.broker_order_id),
        client_order_id=ClientOrderId(row.client_order_id),
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        requested_shares=Shares(row.shares),
        limit_price_usd=None if row.limit_price_usd is None else Usd(row.limit_price_usd),
        filled_shares=Shares(stands.filled),
        average_price_usd=Usd(row.price_usd) if stands.filled and row.price_usd is not None else None,
        status=stands.status,
        reason=stands.reason,
        submitted_at=row.submitted_at,
        updated_at=stands.since,
    )


def _standing(row: DryRunOrder, now: datetime) -> _Standing:
    if row.cancelled_at is None or now < row.cancelled_at:
        return _left_alone(row, now)
    before = _left_alone(row, row.cancelled_at)
    if before.status.is_end:
        return before
    return _Standing(OrderStatus.CANCELLED, before.filled, row.cancelled_at, "cancelled as it was asked for")


def _left_alone(row: DryRunOrder, now: datetime) -> _Standing:
    if not _limit_is_met(row):
        expires_at = row.submitted_at + DAY_ORDER
        if now >= expires_at:
            return _Standing(OrderStatus.EXPIRED, ZERO, expires_at, "the limit was not met within a day")
        return _Standing(OrderStatus.ACCEPTED, ZERO, row.submitted_at)
    takes = timedelta(microseconds=int(EXACT.multiply(row.fill_seconds, Decimal(1_000_000))))
    ends_at, halfway_at = row.submitted_at + takes, row.submitted_at + takes / 2
    half = _half(row.shares)
    if now >= ends_at:
        return _end(row, half, ends_at)
    if now >= halfway_at and half > 0:
        return _Standing(OrderStatus.PARTIALLY_FILLED, half, halfway_at)
    return _Standing(OrderStatus.ACCEPTED, ZERO, row.submitted_at)


def _limit_is_met(row: DryRunOrder) -> bool:
    """Tell whether the price at which the order would fill is within its limit; without a price none is met."""
    if row.limit_price_usd is None:
        return True
    if row.price_usd is None:
        return False
    return row.price_usd <= row.limit_price_usd if row.side == Side.BUY else row.price_usd >= row.limit_price_usd


def _end(row: DryRunOrder, half: Decimal, at: datetime) -> _Standing:
    match Behaviour(row.behaviour):
        case Behaviour.PARTIAL:
            return _Standing(OrderStatus.CANCELLED, half, at, "the dry run fills half and cancels the rest")
        case Behaviour.FILL | Behaviour.SLOW | Behaviour.UNAVAILABLE | Behaviour.TIMEOUT_AFTER_ACCEPT:
            return _Standing(OrderStatus.FILLED, row.shares, at)
        case Behaviour.REJECT:
            raise ValueError(f"{row.broker_order_id} is kept, though the dry run keeps no order that it rejects")
        case unknown:
            assert_never(unknown)


def _half(shares: Decimal) -> Decimal:
    """Halve an order, no finer than it is itself: whole shares stay whole, and of one share nothing is half."""
    step = Decimal(1).scaleb(-decimals(shares))
    return canonical(EXACT.multiply(shares, _HALF).quantize(step, rounding=ROUND_DOWN, context=_CUTTING))


def decimals(shares: Decimal) -> int:
    return max(0, -int(canonical(shares).as_tuple().exponent))

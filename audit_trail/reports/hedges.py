"""Hedges: orders of the hedge pipeline, as the memory in force has them, and its fills over both venues."""

import heapq
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec
from django.db.models import Count, F, Q

from audit_trail.reports.periods import Period
from trading.ledger.mode import Mode, mode_or_none
from trading.ledger.moved import MovedFill
from trading.ledger.tables import OffchainTrade
from trading.offchain_order.aggregate import OPEN
from trading.offchain_order.view import OffchainOrderView
from trading.pnl.models import ExcludedFill, ProfitRow
from trading.pnl.report import excluded_of, rows_of
from trading.values.symbols import Symbol


class HedgeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that offsets exposure, as it stands now."""

    placed_at: datetime | None
    """Empty where an older installation did not keep it; such an order counts by its end."""

    order: int
    our_order: str | None
    broker: str
    broker_order: str | None
    symbol: str
    side: str
    requested_shares: Decimal
    filled_shares: Decimal
    average_price_usd: Decimal | None
    status: str
    reason: str | None
    submitted_at: datetime | None
    ended_at: datetime | None


class HedgeFill(msgspec.Struct, frozen=True, kw_only=True):
    """A fill of ours on chain, or what a broker filled of an order that hedges it."""

    at: datetime
    venue: str
    fill: str
    symbol: str
    side: str
    shares: Decimal
    price_usd: Decimal | None
    realised_usd: Decimal | None
    """Empty where the fill closed nothing, or has no price."""

    without_profit: str | None
    """Why no profit can be computed of it."""


class HedgeCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many orders of the hedge pipeline came to what."""

    orders: int
    filled: int
    under_way: int
    by_status: dict[str, int]
    """Only those that there are."""


def orders_table() -> Any:
    """The table of orders in the memory that state is read from."""
    return OffchainOrderView if mode_or_none() is Mode.EVENTS else OffchainTrade


def orders_in(period: Period, *, symbol: Symbol | None = None) -> Any:
    """The orders that were placed in a period, newest first; one whose placing nobody kept counts by its end."""
    rows = orders_table().objects.filter(
        Q(placed_at__gte=period.since, placed_at__lt=period.until)
        | Q(placed_at=None, ended_at__gte=period.since, ended_at__lt=period.until)
    )
    rows = rows if symbol is None else rows.filter(symbol=symbol)
    return rows.order_by(F("placed_at").desc(nulls_last=True), "-pk")


def counts_of(rows: Any) -> HedgeCounts:
    """Count orders by how they stand, in one statement."""
    by_status: Mapping[str, int] = dict(rows.order_by().values_list("detailed_status").annotate(Count("pk")))
    return HedgeCounts(
        orders=sum(by_status.values()),
        filled=by_status.get("filled", 0),
        under_way=sum(by_status.get(state.value, 0) for state in OPEN),
        by_status=dict(sorted(by_status.items())),
    )


def hedge_order(row: Any) -> HedgeOrder:
    return HedgeOrder(
        placed_at=row.placed_at,
        order=row.pk,
        our_order=row.client_order_id,
        broker=row.broker,
        broker_order=row.broker_order_id,
        symbol=row.symbol,
        side=row.side,
        requested_shares=row.shares,
        filled_shares=row.filled_shares,
        average_price_usd=row.average_price_usd,
        status=row.detailed_status,
        reason=row.reason,
        submitted_at=row.submitted_at,
        ended_at=row.ended_at,
    )


def fills_in(period: Period, *, symbol: Symbol, limit: int) -> list[HedgeFill]:
    """The fills of a symbol that were made in a period over both venues, newest first; two statements."""
    counted = rows_of(symbol=symbol, since=period.since, until=period.until).order_by("-at", "-id")[:limit]
    excluded = excluded_of(symbol=symbol).filter(at__gte=period.since, at__lt=period.until).order_by("-at", "-id")
    sides: Iterable[list[HedgeFill]] = (
        [_counted(row) for row in counted],
        [_excluded(row) for row in excluded[:limit]],
    )
    return list(islice(heapq.merge(*sides, key=lambda fill: fill.at, reverse=True), limit))


def waiting_fills(symbol: Symbol) -> int:
    """How many fills of a symbol moved and are not among the fills yet, or not as they are now."""
    return MovedFill.objects.filter(symbol=symbol).values("trade_type", "trade_id").distinct().count()


def _counted(row: ProfitRow) -> HedgeFill:
    return _fill(row, row.venue, price_usd=row.price_usd, realised_usd=row.realised_usd)


def _excluded(row: ExcludedFill) -> HedgeFill:
    return _fill(row, row.trade_type.lower(), without_profit=row.reason)


def _fill(row: Any, venue: str, **told: Any) -> HedgeFill:
    nothing = {"price_usd": None, "realised_usd": None, "without_profit": None}
    return HedgeFill(
        at=row.at,
        venue=venue,
        fill=row.trade_id,
        symbol=row.symbol,
        side=row.side,
        shares=row.shares,
        **nothing | told,
    )

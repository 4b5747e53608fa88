"""Trades: fills on chain and what brokers filled, as one list, newest first."""

from typing import Any

from django.db.models import Q, QuerySet

from config.read_side import ReadSide, read_side
from config.terminal.asked import Asked
from config.terminal.sections import Section
from trading.ledger.both_venues import UnifiedTrade
from trading.offchain_order.aggregate import OPEN
from trading.values.sides import Side

SIDES = tuple(side.value for side in Side)
COUNTED, UNPRICED, REORGED = STATES = ("counted", "unpriced", "reorged")

COLUMNS = ("at", "traded_at", "venue", "symbol", "side", "shares", "price_usd", "trade", "broker_order")


def trades(asked: Asked) -> Section:
    """The newest trades of both venues. Without a status, or `counted`, those that count."""
    side = read_side()
    found = _on_chain(side, asked)
    if asked.status != REORGED:
        found += _at_brokers(side, asked)
    # Of one moment a broker's come first, as in both_venues.
    found.sort(key=lambda trade: (trade.created_at, trade.execution_id or 0), reverse=True)
    return Section("Trades", COLUMNS, [_row(trade) for trade in found[: asked.limit]])


def _row(trade: UnifiedTrade) -> tuple[Any, ...]:
    return (
        trade.created_at,
        trade.traded_at,
        trade.venue,
        trade.symbol,
        trade.direction,
        trade.quantity,
        trade.price,
        trade.trade_id,
        trade.broker_order_id,
    )


def _on_chain(side: ReadSide, asked: Asked) -> list[UnifiedTrade]:
    rows = side.fills.filter(reorged_at__isnull=asked.status != REORGED)
    if asked.symbol is not None:
        rows = rows.filter(base_symbol=asked.symbol)
    if asked.side is not None:
        rows = rows.filter(side=asked.side)
    if asked.status == UNPRICED:
        rows = rows.filter(price_usdc=None)
    if asked.since is not None:
        rows = rows.filter(**{f"{side.taken_in_at}__gte": asked.since})
    return [
        UnifiedTrade(
            created_at=getattr(row, side.taken_in_at),
            traded_at=row.block_timestamp,
            trade_type="ONCHAIN",
            venue="raindex",
            symbol=row.base_symbol,
            direction=row.side,
            quantity=row.amount,
            price=row.price_usdc,
            trade_id=str(row.trade),
            tx_hash=row.tx_hash,
            log_index=row.log_index,
            execution_id=None,
            broker_order_id=None,
        )
        for row in rows.order_by(*side.fills_newest_first)[: asked.limit]
    ]


def _at_brokers(side: ReadSide, asked: Asked) -> list[UnifiedTrade]:
    rows = side.orders.exclude(filled_shares=0)
    if asked.symbol is not None:
        rows = rows.filter(symbol=asked.symbol)
    if asked.side is not None:
        rows = rows.filter(side=asked.side)
    if asked.status == UNPRICED:
        rows = rows.filter(average_price_usd=None)
    # Ended ones by the index of their ends; there are few of the others.
    since = Q() if asked.since is None else Q(ended_at__gte=asked.since)
    ended: QuerySet[Any] = rows.filter(since, ended_at__isnull=False).order_by("-ended_at")
    found = [*ended[: asked.limit], *rows.filter(detailed_status__in=sorted(OPEN), ended_at=None)]
    told = [_of(row, side) for row in found]
    return [trade for trade in told if asked.since is None or trade.created_at >= asked.since]


def _of(row: Any, side: ReadSide) -> UnifiedTrade:
    number = getattr(row, side.order_number)
    at = row.ended_at or row.submitted_at or row.placed_at
    return UnifiedTrade(
        created_at=at,
        traded_at=at,
        trade_type="OFFCHAIN",
        venue=row.broker,
        symbol=row.symbol,
        direction=row.side,
        quantity=row.filled_shares,
        price=row.average_price_usd,
        trade_id=str(number),
        tx_hash=None,
        log_index=None,
        execution_id=number,
        broker_order_id=row.broker_order_id,
    )

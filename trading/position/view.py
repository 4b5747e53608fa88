"""Position view: one row a symbol, with its net, its order under way and its last price."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.db import models

from eventstore.projections import Views
from eventstore.rows import upsert_rows
from eventstore.store import Recorded
from trading.fields import ExactDecimalField
from trading.position.aggregate import Position
from trading.position.events import LastPrice, PendingOrder, PositionEvent
from trading.values.arithmetic import ZERO
from trading.values.identifiers import OrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol
from trading.values.thresholds import threshold


class PositionColumns(models.Model):
    """The columns that hold a position's whole state, in whichever table."""

    symbol = models.CharField(max_length=32, primary_key=True)
    net_position = ExactDecimalField(default=ZERO, help_text="shares, long above zero")
    accumulated_long = ExactDecimalField(default=ZERO)
    accumulated_short = ExactDecimalField(default=ZERO)
    onchain_bought = ExactDecimalField(default=ZERO, help_text="shares, over the life of the position")
    onchain_sold = ExactDecimalField(default=ZERO, help_text="shares, over the life of the position")
    broker_bought = ExactDecimalField(default=ZERO, help_text="shares, over the life of the position")
    broker_sold = ExactDecimalField(default=ZERO, help_text="shares, over the life of the position")
    adjusted_shares = ExactDecimalField(default=ZERO, help_text="shares that operators set besides, long above zero")
    threshold = models.CharField(max_length=80, null=True)
    pending_side = models.CharField(max_length=4, null=True)
    pending_shares = ExactDecimalField(null=True)
    pending_filled_shares = ExactDecimalField(null=True)
    last_price_usdc = ExactDecimalField(null=True)
    last_price_at = models.DateTimeField(null=True)
    last_price_block = models.BigIntegerField(null=True)
    last_price_log_index = models.BigIntegerField(null=True)
    stream_version = models.BigIntegerField(default=0)
    last_updated = models.DateTimeField()

    pending_execution_id: int | None

    class Meta:
        abstract = True


class PositionView(PositionColumns):
    """What the events of a position add up to."""

    pending_execution_id = models.BigIntegerField(null=True, db_index=True)

    class Meta:
        db_table = "position_view"
        verbose_name = "position (view)"
        verbose_name_plural = "positions (view)"
        indexes = [
            models.Index(fields=["symbol"], name="position_view_net", condition=~models.Q(net_position=ZERO)),
            models.Index(fields=["last_updated"], name="position_view_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.net_position}"


def columns(position: Position, *, version: int, at: datetime) -> dict[str, Any]:
    """Lay a position's state out in columns."""
    pending, price = position.pending, position.last_price
    return {
        "symbol": position.symbol,
        "net_position": position.net,
        "accumulated_long": position.accumulated_long,
        "accumulated_short": position.accumulated_short,
        "onchain_bought": position.onchain_bought,
        "onchain_sold": position.onchain_sold,
        "broker_bought": position.broker_bought,
        "broker_sold": position.broker_sold,
        "adjusted_shares": position.adjusted,
        "threshold": None if position.threshold is None else str(position.threshold),
        "pending_execution_id": pending.order_id if pending else None,
        "pending_side": pending.side.value if pending else None,
        "pending_shares": pending.shares if pending else None,
        "pending_filled_shares": pending.filled_shares if pending else None,
        "last_price_usdc": price.price_usdc if price else None,
        "last_price_at": price.block_timestamp if price else None,
        "last_price_block": price.block_number if price else None,
        "last_price_log_index": price.log_index if price else None,
        "stream_version": version,
        "last_updated": at,
    }


def state_of(row: PositionColumns) -> Position:
    """Read a position's state back from its row."""
    return Position(
        symbol=Symbol(row.symbol),
        threshold=None if row.threshold is None else threshold(row.threshold),
        accumulated_long=Shares(row.accumulated_long),
        accumulated_short=Shares(row.accumulated_short),
        onchain_bought=Shares(row.onchain_bought),
        onchain_sold=Shares(row.onchain_sold),
        broker_bought=Shares(row.broker_bought),
        broker_sold=Shares(row.broker_sold),
        adjusted=Shares(row.adjusted_shares),
        pending=_pending_of(row),
        last_price=_last_price_of(row),
    )


def _pending_of(row: PositionColumns) -> PendingOrder | None:
    if row.pending_execution_id is None or row.pending_side is None or row.pending_shares is None:
        return None
    return PendingOrder(
        order_id=OrderId(row.pending_execution_id),
        side=Side(row.pending_side),
        shares=Shares(row.pending_shares),
        filled_shares=Shares(row.pending_filled_shares or ZERO),
    )


def _last_price_of(row: PositionColumns) -> LastPrice | None:
    if row.last_price_usdc is None or row.last_price_at is None:
        return None
    if row.last_price_block is None or row.last_price_log_index is None:
        return None
    return LastPrice(
        price_usdc=Usd(row.last_price_usdc),
        block_timestamp=row.last_price_at,
        block_number=row.last_price_block,
        log_index=row.last_price_log_index,
    )


class PositionProjector:
    """Keeps the view: evolves the same aggregate, and seeing an event twice changes nothing."""

    name = "position_view"
    aggregate_type = Position.aggregate_type

    def __init__(self, model: type[PositionView] = PositionView) -> None:
        self._model = model

    def project(self, batch: Sequence[Recorded]) -> None:
        rows = self._model._default_manager.filter(symbol__in={recorded.aggregate_id for recorded in batch})
        states = {row.symbol: (state_of(row), row.stream_version) for row in rows}
        news: dict[str, datetime] = {}
        for recorded in batch:
            id = recorded.aggregate_id
            position, version = states.get(id) or (Position.initial(id), 0)
            if recorded.version <= version:
                continue  # Projected already.
            states[id] = position.evolve(cast(PositionEvent, recorded.event)), recorded.version
            news[id] = recorded.recorded_at
        upsert_rows(
            self._model,
            [columns(states[id][0], version=states[id][1], at=at) for id, at in news.items()],
            key="symbol",
        )


POSITION_VIEWS = Views(
    name="positions",
    version=1,
    tables=(PositionView,),
    projectors=lambda positions: [PositionProjector(positions)],
)

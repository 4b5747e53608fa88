"""Offchain order view: one row an order, from its intent to its end."""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, cast

from django.db import models
from django.db.models.functions import Coalesce

from eventstore.rows import insert_rows, update_rows
from eventstore.store import Recorded
from trading.fields import ExactDecimalField
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.offchain_order.events import OffchainOrderEvent
from trading.values.arithmetic import EXACT, ZERO
from trading.values.identifiers import BrokerOrderId, ClientOrderId, OrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

MOST_CENTS = 2**63 - 1


class OrderColumns(models.Model):
    """The columns that hold an offchain order's whole state, in whichever table."""

    symbol = models.CharField(max_length=32)
    shares = ExactDecimalField(help_text="requested")
    side = models.CharField(max_length=4, db_column="direction", choices=[(s, s) for s in Side])
    broker = models.CharField(max_length=20)
    broker_order_id = models.CharField(max_length=128, null=True)
    client_order_id = models.CharField(max_length=128, null=True, unique=True)
    attempt = models.IntegerField(default=1)
    detailed_status = models.CharField(max_length=20, choices=[(s, s) for s in OrderState])
    accepted_shares = ExactDecimalField(null=True)
    filled_shares = ExactDecimalField(default=ZERO)
    average_price_usd = ExactDecimalField(null=True)
    price_cents = models.BigIntegerField(null=True, help_text="rounded half-even for readers; nothing computes from it")
    reason = models.TextField(null=True)
    sending_at = models.DateTimeField(null=True)
    submitted_at = models.DateTimeField(null=True)
    unallocated_shares = ExactDecimalField(default=ZERO, help_text="shares that no onchain trade covers")
    unallocated_cause = models.CharField(max_length=40, null=True)
    stream_version = models.BigIntegerField(default=0)

    placed_at: Any
    ended_at: Any

    class Meta:
        abstract = True


class OffchainOrderView(OrderColumns):
    """What the events of an offchain order add up to."""

    execution_id = models.BigIntegerField(primary_key=True)
    status = models.CharField(max_length=10, db_index=True)
    placed_at = models.DateTimeField(null=True, db_column="initiated_at")
    ended_at = models.DateTimeField(null=True, db_column="completed_at")

    class Meta:
        db_table = "offchain_order_view"
        verbose_name = "offchain order (view)"
        verbose_name_plural = "offchain orders (view)"
        indexes = [
            models.Index(fields=["symbol", "execution_id"], name="offchain_order_view_symbol"),
            models.Index(fields=["broker", "execution_id"], name="offchain_order_view_broker"),
            models.Index(fields=["detailed_status", "execution_id"], name="offchain_order_view_state"),
            # The number too: for the order of it SQLite would go through all orders of the broker.
            models.Index(fields=["broker_order_id", "broker", "execution_id"], name="offchain_order_view_theirs"),
            models.Index(fields=["placed_at"], name="offchain_order_view_placed"),
            models.Index(fields=["symbol", "placed_at"], name="offchain_order_view_in_period"),
            models.Index(fields=["ended_at"], name="offchain_order_view_ended"),
            # As unified_trade_view dates them.
            models.Index(Coalesce("ended_at", "submitted_at", "placed_at"), name="offchain_order_view_dated"),
        ]

    def __str__(self) -> str:
        return f"{self.execution_id} {self.side} {self.shares} {self.symbol}"


def columns(order: OffchainOrder, *, version: int) -> dict[str, Any]:
    """Lay an order's state out in columns."""
    return {
        "symbol": order.symbol,
        "shares": order.requested_shares,
        "side": order.side.value,
        "broker": order.broker,
        "broker_order_id": order.broker_order_id,
        "client_order_id": order.client_order_id,
        "attempt": order.attempt,
        "detailed_status": order.state.value,
        "accepted_shares": order.accepted_shares,
        "filled_shares": order.filled_shares,
        "average_price_usd": order.average_price_usd,
        "price_cents": cents(order.average_price_usd),
        "reason": order.reason,
        "placed_at": order.placed_at,
        "sending_at": order.sending_at,
        "submitted_at": order.submitted_at,
        "ended_at": order.ended_at,
        "stream_version": version,
    }


def state_of(row: OrderColumns, *, order_id: int) -> OffchainOrder:
    """Read an order's state back from its row."""
    return OffchainOrder(
        order_id=OrderId(order_id),
        state=OrderState(row.detailed_status),
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        broker=row.broker,
        requested_shares=Shares(row.shares),
        accepted_shares=None if row.accepted_shares is None else Shares(row.accepted_shares),
        filled_shares=Shares(row.filled_shares),
        average_price_usd=None if row.average_price_usd is None else Usd(row.average_price_usd),
        client_order_id=None if row.client_order_id is None else ClientOrderId(row.client_order_id),
        attempt=row.attempt,
        broker_order_id=None if row.broker_order_id is None else BrokerOrderId(row.broker_order_id),
        reason=row.reason,
        placed_at=row.placed_at,
        sending_at=row.sending_at,
        submitted_at=row.submitted_at,
        ended_at=row.ended_at,
    )


def legacy_word(order: OffchainOrder) -> str:
    """Tell an order's state in one of the four words of the older installation."""
    match order.state:
        case OrderState.FILLED:
            return "FILLED"
        case OrderState.CANCELLED | OrderState.REJECTED | OrderState.EXPIRED | OrderState.FAILED:
            return "FAILED"
        case OrderState.SUBMITTED | OrderState.PARTIALLY_FILLED:
            return "SUBMITTED"
        case _:
            # Placed, being sent, or unknown: what counts is whether the broker's id is known.
            return "PENDING" if order.broker_order_id is None else "SUBMITTED"


def cents(price: Decimal | None) -> int | None:
    """Round a price to cents, half-even, for readers of the older schema; as many as its column holds, at most."""
    if price is None:
        return None
    hundred = EXACT.multiply(price, Decimal(100))
    return min(int(hundred.to_integral_value(rounding=ROUND_HALF_EVEN)), MOST_CENTS)


class OffchainOrderProjector:
    """Keeps the view: evolves the same aggregate, and seeing an event twice changes nothing."""

    name = "offchain_order_view"
    aggregate_type = OffchainOrder.aggregate_type

    def __init__(self, model: type[OffchainOrderView] = OffchainOrderView) -> None:
        self._model = model

    def project(self, batch: Sequence[Recorded]) -> None:
        ids = {int(recorded.aggregate_id) for recorded in batch}
        rows = {row.execution_id: row for row in self._model._default_manager.filter(execution_id__in=ids)}
        states = {id: (state_of(row, order_id=id), row.stream_version) for id, row in rows.items()}
        news: dict[int, datetime] = {}
        for recorded in batch:
            id = int(recorded.aggregate_id)
            order, version = states.get(id) or (OffchainOrder.initial(recorded.aggregate_id), 0)
            if recorded.version <= version:
                continue  # Projected already.
            states[id] = order.evolve(cast(OffchainOrderEvent, recorded.event)), recorded.version
            news[id] = recorded.recorded_at
        written = [
            columns(states[id][0], version=states[id][1])
            | {"execution_id": id, "status": legacy_word(states[id][0]).capitalize()}
            for id in news
        ]
        fresh = {"unallocated_shares": ZERO, "unallocated_cause": None}
        insert_rows(self._model, [row | fresh for row in written if row["execution_id"] not in rows])
        update_rows(self._model, [row for row in written if row["execution_id"] in rows], key="execution_id")

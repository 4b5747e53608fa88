"""The legacy book: orders in the legacy log alone, for as long as USE_AUDIT_TRAIL is off.

It keeps no decision and no reason. What it does keep is what an order can't do without: our own id before it is sent,
and what the broker said of it after.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from audit_trail.decisions.drafts import TradedAccount
from audit_trail.executions.books import book_fill
from audit_trail.executions.legacy import OPEN_WORDS, STATES, WORDS, AlpacaOrder
from audit_trail.executions.orders import OrderState, PlacedOrder
from audit_trail.executions.wanted import Wanted
from trading.brokers.orders import OrderRequest
from trading.risk.gate import Denied
from trading.values.arithmetic import subtract
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol


class LegacyBook:
    """Orders that have no decision."""

    # Placing. Whoever places holds every other placement off, so what is looked up here stays so.

    def claim(self, wanted: Wanted, *, now: datetime) -> int | None:
        rows = _ordered(wanted)
        if rows.exclude(status=WORDS[OrderState.UNSENT]).exists():
            return None
        return rows.count() + 1

    def ordered_as(self, wanted: Wanted) -> str | None:
        """The name of the order that was placed for the same, without a decision; None where there is none."""
        rows = _ordered(wanted).filter(trade_decision=None).exclude(status=WORDS[OrderState.UNSENT])
        return rows.values_list("client_order_id", flat=True).first()

    def place(self, wanted: Wanted, order: PlacedOrder, *, attempt: int) -> PlacedOrder:
        row = AlpacaOrder(trade_decision=None, **columns_of(order))
        row.save(force_insert=True)
        return order_of(row)

    def deny(self, wanted: Wanted, denied: Denied, *, attempt: int, final: bool, now: datetime) -> None:
        """Keep nothing: an order that never was has no place in a log of orders. The gate's own record tells of it."""

    # Following.

    def locked(self, key: int) -> PlacedOrder:
        return order_of(AlpacaOrder.objects.select_for_update().get(pk=key))

    def keep(self, before: PlacedOrder, after: PlacedOrder, *, now: datetime) -> None:
        if added := subtract(after.filled_shares, before.filled_shares):
            book_fill(after, added, now=now)
        AlpacaOrder.objects.filter(pk=after.key).update(**changing_columns_of(after), updated_at=now)

    def look_again(self, order: PlacedOrder) -> None:
        AlpacaOrder.objects.filter(pk=order.key).update(not_before=order.not_before, tries=order.tries)

    def take_up(self, order: PlacedOrder) -> None:
        AlpacaOrder.objects.filter(pk=order.key).update(sender=order.sender, not_before=order.not_before)

    # Asking.

    def open_orders(self, broker: str) -> list[PlacedOrder]:
        return _orders(self._rows(broker).filter(status__in=OPEN_WORDS).order_by("id"))

    def due(self, broker: str, *, now: datetime) -> list[PlacedOrder]:
        return _orders(self._rows(broker).filter(not_before__lte=now).order_by("not_before", "id"))

    def ended_since(self, broker: str, *, since: datetime) -> list[PlacedOrder]:
        return _orders(self._rows(broker).filter(ended_at__gte=since).order_by("id"))

    def named(self, client_order_id: ClientOrderId) -> PlacedOrder | None:
        row = AlpacaOrder.objects.filter(client_order_id=client_order_id, trade_decision=None).first()
        return None if row is None else order_of(row)

    def known_broker_orders(self, ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        rows = AlpacaOrder.objects.filter(alpaca_order_id__in=ids, trade_decision=None)
        return {BrokerOrderId(each) for each in rows.values_list("alpaca_order_id", flat=True) if each is not None}

    def _rows(self, broker: str) -> "QuerySet[AlpacaOrder]":
        return AlpacaOrder.objects.filter(broker=broker, trade_decision=None)


def _ordered(wanted: Wanted) -> "QuerySet[AlpacaOrder]":
    return AlpacaOrder.objects.filter(
        strategy_name=wanted.strategy,
        trading_day=wanted.trading_day,
        symbol=wanted.symbol,
        broker=wanted.account.broker,
        account_number=wanted.account.number,
    )


def columns_of(order: PlacedOrder) -> dict[str, object]:
    """An order as the legacy log has it."""
    request = order.request
    return {
        "client_order_id": request.client_order_id,
        "decision_id": order.decision_id,
        "strategy_name": order.strategy,
        "trading_day": order.trading_day,
        "broker": order.account.broker,
        "account_number": order.account.number,
        "trading_mode": order.account.mode,
        "symbol": request.symbol,
        "side": request.side.value,
        "qty": request.shares,
        "notional": request.notional_usd,
        "reckoned_qty": order.requested_shares,
        "limit_price": request.limit_price_usd,
        "order_type": "market" if request.limit_price_usd is None else "limit",
        "placed_at": request.created_at,
        **changing_columns_of(order),
        "sender": order.sender,
    }


def told_columns_of(order: PlacedOrder) -> dict[str, object]:
    """What a broker's word changes of it."""
    return {
        "alpaca_order_id": order.broker_order_id,
        "status": WORDS[order.state],
        "filled_qty": order.filled_shares,
        "filled_avg_price": order.average_price_usd,
        "submitted_at": order.submitted_at,
        "filled_at": order.ended_at if order.state is OrderState.FILLED else None,
        "ended_at": order.ended_at,
        "reason": order.reason,
    }


def changing_columns_of(order: PlacedOrder) -> dict[str, object]:
    return {**told_columns_of(order), "not_before": order.not_before, "tries": order.tries}


def order_of(row: AlpacaOrder) -> PlacedOrder:
    return PlacedOrder(
        key=row.pk,
        decision_id=row.decision_id,
        strategy=row.strategy_name,
        trading_day=row.trading_day,
        account=TradedAccount(row.broker, row.account_number, row.trading_mode == "paper"),
        request=OrderRequest(
            client_order_id=ClientOrderId(row.client_order_id),
            symbol=Symbol(row.symbol),
            side=Side(row.side),
            shares=None if row.qty is None else Shares(row.qty),
            notional_usd=None if row.notional is None else Usd(row.notional),
            limit_price_usd=None if row.limit_price is None else Usd(row.limit_price),
            created_at=row.placed_at,
        ),
        requested_shares=Shares(row.reckoned_qty),
        state=STATES[row.status],
        broker_order_id=None if row.alpaca_order_id is None else BrokerOrderId(row.alpaca_order_id),
        filled_shares=Shares(row.filled_qty),
        average_price_usd=None if row.filled_avg_price is None else Usd(row.filled_avg_price),
        submitted_at=row.submitted_at,
        ended_at=row.ended_at,
        reason=row.reason,
        sender=row.sender,
        not_before=row.not_before,
        tries=row.tries,
    )


def _orders(rows: "QuerySet[AlpacaOrder]") -> list[PlacedOrder]:
    return [order_of(row) for row in rows]

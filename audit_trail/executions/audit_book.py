"""The audit book: an order is an execution of a decision, and a row of the legacy log beside it in the same commit."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from django.db.models import Max, QuerySet

from audit_trail.decisions.cancelling import OURSELVES
from audit_trail.decisions.failures import FailureKind, kind_of_denial
from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.executions.books import book_fill
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.legacy_book import LegacyBook, columns_of, told_columns_of
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.executions.orders import OPEN, OrderState, PlacedOrder
from audit_trail.executions.wanted import Wanted
from audit_trail.payloads.models import ApiCallLog
from trading.brokers.orders import OrderRequest
from trading.risk.gate import Denied
from trading.values.arithmetic import subtract
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

SUBMIT = "submit"
"""What adapters call the one call that sends an order."""

BROKER = "broker"
"""What stands in a decision's way where it is no rule of ours."""


class AuditBook:
    """Orders that carry decisions out."""

    # Placing.

    def __init__(self) -> None:
        self._legacy = LegacyBook()

    def claim(self, wanted: Wanted, *, now: datetime) -> int | None:
        decision = TradeDecision.objects.select_for_update().get(decision_id=wanted.decision_id)
        if decision.status != Status.PENDING:
            return None
        if (name := self._legacy.ordered_as(wanted)) is not None:
            reason = f"it was ordered as {name} while USE_AUDIT_TRAIL was off"
            decision.cancel(at=now, actor=OURSELVES, reason=reason)
            decision.save()
            return None
        return 1 + (decision.executions.aggregate(last=Max("attempt_number"))["last"] or 0)

    def place(self, wanted: Wanted, order: PlacedOrder, *, attempt: int) -> PlacedOrder:
        decision = TradeDecision.objects.get(decision_id=wanted.decision_id)
        decision.submit(at=order.request.created_at)
        decision.save()
        row = TradeExecution(
            trade_decision=decision,
            attempt_number=attempt,
            client_order_id=order.client_order_id,
            requested_shares=order.requested_shares,
            notional_usd=order.request.notional_usd,
            limit_price_usd=order.request.limit_price_usd,
            placed_at=order.request.created_at,
            sender=order.sender,
            not_before=order.not_before,
        )
        row.save(force_insert=True)
        AlpacaOrder(trade_decision=decision, **columns_of(order)).save(force_insert=True)
        return order_of(row)

    def deny(self, wanted: Wanted, denied: Denied, *, attempt: int, final: bool, now: datetime) -> None:
        decision = TradeDecision.objects.get(decision_id=wanted.decision_id)
        figures = msgspec.json.encode(denied.figures).decode()
        decision.block(by=denied.rule.value, reason=denied.text, figures=figures, at=now)
        if final:
            decision.fail(at=now, kind=kind_of_denial(denied.rule), reason=f"denied by {denied.rule}: {denied.text}")
            TradeExecution.objects.create(
                trade_decision=decision,
                attempt_number=attempt,
                status=OrderState.DENIED.value,
                placed_at=now,
                ended_at=now,
                denied_by=denied.rule.value,
                denied_figures=figures,
                reason=denied.text,
            )
        decision.save()

    # Following.

    def locked(self, key: int) -> PlacedOrder:
        # The decision comes first, as where it is placed.
        decision = TradeExecution.objects.values_list("trade_decision_id", flat=True).get(pk=key)
        TradeDecision.objects.select_for_update().get(pk=decision)
        return order_of(TradeExecution.objects.select_for_update().get(pk=key))

    def keep(self, before: PlacedOrder, after: PlacedOrder, *, now: datetime) -> None:
        row = TradeExecution.objects.select_related("trade_decision").get(pk=after.key)
        if before.is_open and (before.state, before.broker_order_id) != (after.state, after.broker_order_id):
            _TRANSITIONS[after.state](row)
        row.broker_order_id, row.filled_shares = after.broker_order_id, after.filled_shares
        row.average_price_usd, row.submitted_at = after.average_price_usd, after.submitted_at
        row.ended_at, row.reason = after.ended_at, after.reason
        row.not_before, row.tries = after.not_before, after.tries
        if row.request_payload_id is None:
            _link_call(row)
        row.save()
        if added := subtract(after.filled_shares, before.filled_shares):
            ExecutionFill.objects.create(
                trade_execution=row,
                shares=added,
                filled_shares=after.filled_shares,
                average_price_usd=after.average_price_usd,
                filled_at=after.reported_at or now,
                booked_at=now,
                is_late=not before.is_open,
            )
            book_fill(after, added, now=now)
        if before.is_open:
            _move_on(row, after, now)
        AlpacaOrder.objects.filter(client_order_id=after.client_order_id).update(
            **told_columns_of(after), updated_at=now
        )

    def look_again(self, order: PlacedOrder) -> None:
        TradeExecution.objects.filter(pk=order.key).update(not_before=order.not_before, tries=order.tries)

    def take_up(self, order: PlacedOrder) -> None:
        TradeExecution.objects.filter(pk=order.key).update(sender=order.sender, not_before=order.not_before)

    # Asking.

    def open_orders(self, broker: str) -> list[PlacedOrder]:
        return _orders(self._rows(broker).filter(status__in=OPEN).order_by("id"))

    def due(self, broker: str, *, now: datetime) -> list[PlacedOrder]:
        return _orders(self._rows(broker).filter(not_before__lte=now).order_by("not_before", "id"))

    def ended_since(self, broker: str, *, since: datetime) -> list[PlacedOrder]:
        rows = self._rows(broker).filter(ended_at__gte=since).exclude(status=OrderState.DENIED.value)
        return _orders(rows.order_by("id"))

    def named(self, client_order_id: ClientOrderId) -> PlacedOrder | None:
        row = TradeExecution.objects.select_related("trade_decision").filter(client_order_id=client_order_id).first()
        return None if row is None else order_of(row)

    def known_broker_orders(self, ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        rows = TradeExecution.objects.filter(broker_order_id__in=ids)
        return {BrokerOrderId(each) for each in rows.values_list("broker_order_id", flat=True) if each is not None}

    def _rows(self, broker: str) -> "QuerySet[TradeExecution]":
        rows: QuerySet[TradeExecution] = TradeExecution.objects.select_related("trade_decision")
        return rows.filter(trade_decision__broker=broker)


_TRANSITIONS = {
    OrderState.SUBMITTED: TradeExecution.accept,
    OrderState.PARTIALLY_FILLED: TradeExecution.fill_partly,
    OrderState.UNKNOWN: TradeExecution.lose,
    OrderState.FILLED: TradeExecution.fill,
    OrderState.CANCELLED: TradeExecution.cancel,
    OrderState.EXPIRED: TradeExecution.expire,
    OrderState.REJECTED: TradeExecution.reject,
    OrderState.FAILED: TradeExecution.fail,
    OrderState.UNSENT: TradeExecution.take_back,
}


def _move_on(row: TradeExecution, order: PlacedOrder, now: datetime) -> None:
    """What became of the order is what became of the decision."""
    decision, reason = row.trade_decision, order.reason or order.state
    match order.state:
        case OrderState.SENDING:
            return
        case OrderState.SUBMITTED | OrderState.PARTIALLY_FILLED:
            decision.find()
        case OrderState.UNKNOWN:
            decision.lose(reason=reason)
        case OrderState.FILLED:
            decision.execute(at=order.ended_at or now)
        case OrderState.UNSENT:
            decision.take_back()
            decision.block(by=BROKER, reason=reason, figures=None, at=now)
        case _ if order.filled_shares:
            decision.execute_partly(at=order.ended_at or now, reason=reason)
        case OrderState.CANCELLED:
            by, why = row.cancel_asked_by or decision.broker, row.cancel_reason or reason
            decision.cancel(at=order.ended_at or now, actor=by, reason=why)
        case _:
            decision.fail(at=order.ended_at or now, kind=order.failure or FailureKind.OTHER, reason=reason)
    decision.save()


def _link_call(row: TradeExecution) -> None:
    """Link the call that sent the order, and its answer, as they are on record; a broker without calls has none."""
    calls = ApiCallLog.objects.filter(reference=row.client_order_id, purpose=SUBMIT).order_by("id")
    if (call := calls.last()) is not None:
        row.request_payload_id, row.response_payload_id = call.request_payload_id, call.response_payload_id
        row.http_status_code = call.http_status_code


def order_of(row: TradeExecution) -> PlacedOrder:
    decision = row.trade_decision
    if row.client_order_id is None or row.requested_shares is None:
        raise ValueError(f"execution {row.pk} was denied, so there is no order")
    return PlacedOrder(
        key=row.pk,
        decision_id=decision.decision_id,
        strategy=decision.strategy_name,
        trading_day=decision.trading_day,
        account=decision.account,
        request=OrderRequest(
            client_order_id=ClientOrderId(row.client_order_id),
            symbol=Symbol(decision.symbol),
            side=Side(decision.side),
            shares=Shares(row.requested_shares) if row.notional_usd is None else None,
            notional_usd=None if row.notional_usd is None else Usd(row.notional_usd),
            limit_price_usd=None if row.limit_price_usd is None else Usd(row.limit_price_usd),
            created_at=row.placed_at,
        ),
        requested_shares=Shares(row.requested_shares),
        state=OrderState(row.status),
        broker_order_id=None if row.broker_order_id is None else BrokerOrderId(row.broker_order_id),
        filled_shares=Shares(row.filled_shares),
        average_price_usd=None if row.average_price_usd is None else Usd(row.average_price_usd),
        submitted_at=row.submitted_at,
        ended_at=row.ended_at,
        reason=row.reason,
        sender=row.sender,
        not_before=row.not_before,
        tries=row.tries,
    )


def _orders(rows: "QuerySet[TradeExecution]") -> list[PlacedOrder]:
    return [order_of(row) for row in rows]

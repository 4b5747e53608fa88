"""Executions in the admin: each attempt with what was sent and what came back, its fills, and what decisions hold."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from audit_trail.executions.legacy import STATES, AlpacaOrder
from audit_trail.executions.models import DecisionHolding, ExecutionFill, TradeExecution
from audit_trail.executions.orders import OPEN, OrderState
from audit_trail.payloads.admin import body_of
from audit_trail.payloads.models import ApiPayload
from eventstore.cells import badge, list_link, page_link, pretty_json, short, shown
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin

COLOURS = {
    OrderState.FILLED: "success",
    OrderState.PARTIALLY_FILLED: "info",
    OrderState.SUBMITTED: "info",
    OrderState.SENDING: "info",
    OrderState.CANCELLED: "warning",
    OrderState.EXPIRED: "warning",
    OrderState.UNSENT: "warning",
}
OPEN_NOW = Q(status__in=[state.value for state in OPEN])
CAME_TO_NOTHING = Q(
    status__in=[OrderState.REJECTED.value, OrderState.FAILED.value, OrderState.DENIED.value, OrderState.EXPIRED.value]
)


@admin.register(TradeExecution)
class TradeExecutionAdmin(ReadOnlyAdmin):
    """Every attempt, newest first."""

    list_display = (
        *("id", "placed_at", "decision", "client_order_id", "state", "requested_shares", "notional_usd"),
        *("filled_shares", "average_price_usd", "http_status_code", "why"),
    )
    list_filter = (
        choices_filter("open", {"open": OPEN_NOW, "ended": ~OPEN_NOW}),
        choices_filter("result", {"failed trades": CAME_TO_NOTHING, "others": ~CAME_TO_NOTHING}),
        choices_filter("status", {state.value: Q(status=state.value) for state in OrderState}),
    )
    search_fields = ("client_order_id", "broker_order_id")
    search_help_text = "Our id of an order, or the broker's"
    fieldsets = (
        (None, {"fields": ("execution_id", "decision", "attempt_number", "state", "reason")}),
        ("Asked for", {"fields": ("client_order_id", "requested_shares", "notional_usd", "limit_price_usd")}),
        (
            "The broker",
            {
                "fields": (
                    *("broker_order_id", "filled_shares", "average_price_usd", "http_status_code"),
                    *("fills_of_it", "calls_of_it"),
                )
            },
        ),
        ("Times", {"fields": ("placed_at", "submitted_at", "ended_at", "not_before", "tries", "sender")}),
        ("The risk gate", {"fields": ("denied_by", "figures")}),
        ("Cancelling", {"fields": ("cancel_asked_by", "cancel_reason", "cancel_asked_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        sets = super().get_fieldsets(request, obj)
        if request.user.has_perm("audit_trail.view_apipayload"):
            sets += [("Sent and received", {"fields": [self._column(name) for name in ("sent", "received")]})]
        return sets

    @admin.display(description="status")
    def state(self, row: TradeExecution) -> str:
        return badge(row.status, COLOURS.get(OrderState(row.status), "danger"))

    def decision(self, row: TradeExecution) -> str:
        return page_link("audit_trail.tradedecision", row.trade_decision_id)

    @admin.display(description="reason")
    def why(self, row: TradeExecution) -> str:
        return short(row.reason or row.denied_by)

    def figures(self, row: TradeExecution) -> str:
        return shown(None) if row.denied_figures is None else pretty_json(row.denied_figures)

    @admin.display(description="fills")
    def fills_of_it(self, row: TradeExecution) -> str:
        return list_link("audit_trail.executionfill", "its fills", trade_execution__exact=row.pk)

    @admin.display(description="calls")
    def calls_of_it(self, row: TradeExecution) -> str:
        if row.client_order_id is None:
            return shown(None)
        return list_link("audit_trail.apicalllog", "calls about it", reference__exact=row.client_order_id)

    def sent(self, row: TradeExecution) -> str:
        return _body(row.request_payload)

    def received(self, row: TradeExecution) -> str:
        return _body(row.response_payload)


@admin.register(ExecutionFill)
class ExecutionFillAdmin(ReadOnlyAdmin):
    """What each report told more than the one before it, newest first."""

    list_display = (
        "id",
        "execution",
        "shares",
        "filled_shares",
        "average_price_usd",
        "filled_at",
        "booked_at",
        "is_late",
    )
    list_filter = (choices_filter("told", {"in time": Q(is_late=False), "late": Q(is_late=True)}),)
    search_fields = ("trade_execution",)
    search_help_text = "An execution's number"
    fields = list_display[1:]

    def execution(self, row: ExecutionFill) -> str:
        return page_link("audit_trail.tradeexecution", row.trade_execution_id)


@admin.register(DecisionHolding)
class DecisionHoldingAdmin(ReadOnlyAdmin):
    """What decisions hold of each symbol, by account."""

    list_display = ("symbol", "broker", "account", "bought_shares", "sold_shares", "changed_at")
    ordering = ("symbol", "pk")
    search_fields = ("symbol",)
    search_help_text = "A symbol"
    fields = list_display

    def account(self, row: DecisionHolding) -> str:
        return f"…{row.account_number[-4:]}"


@admin.register(AlpacaOrder)
class AlpacaOrderAdmin(ReadOnlyAdmin):
    """The legacy order log, newest first."""

    list_display = (
        *("id", "placed_at", "client_order_id", "strategy_name", "symbol", "side", "qty", "notional"),
        *("status", "filled_qty", "filled_avg_price", "why"),
    )
    list_filter = (choices_filter("status", {word: Q(status=word) for word in STATES}),)
    search_fields = ("client_order_id", "alpaca_order_id", "symbol")
    search_help_text = "An order's id, ours or the broker's, or a symbol"
    fields = (
        *("client_order_id", "alpaca_order_id", "decision", "strategy_name", "trading_day", "broker", "trading_mode"),
        *("symbol", "side", "qty", "notional", "reckoned_qty", "limit_price", "order_type", "time_in_force"),
        *("status", "filled_qty", "filled_avg_price", "placed_at", "submitted_at", "filled_at", "ended_at", "reason"),
    )

    def decision(self, row: AlpacaOrder) -> str:
        return page_link("audit_trail.tradedecision", row.trade_decision_id)

    @admin.display(description="reason")
    def why(self, row: AlpacaOrder) -> str:
        return short(row.reason)


def _body(payload: ApiPayload | None) -> str:
    return shown(None) if payload is None else body_of(payload)

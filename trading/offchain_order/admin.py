"""Offchain orders in the admin: what was asked for, what the broker took and filled, and what each order covers."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from eventstore.cells import badge, lines, list_link, short, shown, timeline_link
from eventstore.finding import choices_filter
from eventstore.offers import Button, ListAction
from eventstore.read_only import ReadOnlyAdmin
from trading.offchain_order.aggregate import ENDS, OPEN, OffchainOrder, OrderState
from trading.offchain_order.view import OffchainOrderView, OrderColumns
from trading.values.arithmetic import ZERO, subtract
from trading.values.sides import Side

BROKERS = ("schwab", "alpaca", "dry_run")

COLOURS = {
    OrderState.PLACED: "info",
    OrderState.SENDING: "info",
    OrderState.SUBMITTED: "info",
    OrderState.PARTIALLY_FILLED: "warning",
    OrderState.UNKNOWN: "danger",
    OrderState.FILLED: "success",
    OrderState.REJECTED: "danger",
    OrderState.FAILED: "danger",
}


class OrderAdmin(ReadOnlyAdmin):
    """A hedge order, in whichever memory."""

    list_display = (
        "number",
        "symbol",
        "side",
        "requested",
        "accepted",
        "filled",
        "remaining",
        "state",
        "broker",
        "client_order_id",
        "broker_order_id",
        "placed_at",
        "why",
    )
    list_filter = (
        choices_filter("open", {"open": Q(detailed_status__in=OPEN), "ended": Q(detailed_status__in=ENDS)}),
        choices_filter("state", {state.value: Q(detailed_status=state) for state in OrderState}),
        choices_filter("side", {side.value: Q(side=side) for side in Side}),
        choices_filter("broker", {broker: Q(broker=broker) for broker in BROKERS}),
        choices_filter("unallocated", {"some": ~Q(unallocated_shares=ZERO), "none": Q(unallocated_shares=ZERO)}),
    )
    search_fields: Sequence[str] = ("symbol", "^client_order_id", "broker_order_id")
    search_help_text = "An order's number, a symbol, a client order id or its beginning, or the broker's id"
    fieldsets = (
        (None, {"fields": ("number", "side", "symbol", "position", "state", "reason")}),
        ("Shares", {"fields": ("requested", "accepted", "filled", "remaining", "average_price_usd", "price_cents")}),
        ("Broker", {"fields": ("broker", "client_order_id", "attempt", "broker_order_id", "at_the_broker")}),
        ("Times", {"fields": ("placed_at", "sending_at", "submitted_at", "ended_at")}),
        ("Cover", {"fields": ("covered", "unallocated_shares", "unallocated_cause")}),
        ("Trail", {"fields": ("trail", "status", "stream_version")}),
    )

    # The tables of the same memory.
    positions = "trading.positionview"
    links = "trading.tradelinkview"
    nettings = "trading.nettinglinkview"
    # The order in the other one.
    other = ("trading.offchaintrade", "legacy row")
    other_key = "id"

    further_trails: ClassVar[list[Callable[[OrderColumns], str]]] = []
    """Links that packages above this one add to an order's trail."""
    actions: ClassVar[list[ListAction]] = []
    further_buttons: ClassVar[list[Callable[[HttpRequest, Any], list[Button]]]] = []

    def headline(self, row: Any) -> str:
        return f"{row.pk} {row.side} {shown(row.shares)} {row.symbol}"

    def number(self, row: OrderColumns) -> Any:
        return row.pk

    def side(self, row: OrderColumns) -> str:
        return badge(shown(row.side), {Side.BUY.value: "info", Side.SELL.value: "warning"}.get(row.side, "danger"))

    def requested(self, row: OrderColumns) -> Any:
        return row.shares

    def accepted(self, row: OrderColumns) -> Any:
        return row.accepted_shares

    def filled(self, row: OrderColumns) -> Any:
        return row.filled_shares

    def remaining(self, row: OrderColumns) -> Decimal:
        return max(subtract(row.shares, row.filled_shares), ZERO)

    @admin.display(description="status")
    def state(self, row: OrderColumns) -> str:
        if row.detailed_status not in list(OrderState):
            return badge(shown(row.detailed_status), "danger")
        return badge(row.detailed_status.replace("_", " "), COLOURS.get(OrderState(row.detailed_status), ""))

    @admin.display(description="reason")
    def why(self, row: OrderColumns) -> str:
        return short(row.reason)

    def position(self, row: OrderColumns) -> str:
        return list_link(self.positions, row.symbol, symbol__exact=row.symbol)

    @admin.display(description="at the broker")
    def at_the_broker(self, row: OrderColumns) -> str:
        if row.broker != "dry_run" or not row.client_order_id:
            return shown(None)
        return list_link("trading.dryrunorder", "dry run order", client_order_id__exact=row.client_order_id)

    @admin.display(description="covered trades")
    def covered(self, row: OrderColumns) -> str:
        return lines(
            [
                list_link(self.links, "trades that it covers", execution_id__exact=row.pk),
                list_link(self.nettings, "trades netted with it", execution_id__exact=row.pk),
            ]
        )

    def trail(self, row: OrderColumns) -> str:
        model, text = self.other
        return lines(
            [
                list_link(
                    "eventstore.storedevent",
                    "events",
                    aggregate_type=OffchainOrder.aggregate_type,
                    aggregate_id__exact=row.pk,
                ),
                timeline_link(OffchainOrder.aggregate_type, row.pk),
                list_link("trading.orderwork", "when it is tried again", order_id__exact=row.pk),
                list_link(model, text, **{f"{self.other_key}__exact": row.pk}),
                *(trail(row) for trail in self.further_trails),
            ]
        )


@admin.register(OffchainOrderView)
class OffchainOrderViewAdmin(OrderAdmin):
    """What the events of an order add up to."""

    search_fields = ("execution_id", *OrderAdmin.search_fields)

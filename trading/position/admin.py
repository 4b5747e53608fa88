"""Positions in the admin: what is at risk in each symbol, what is under way against it, and where it comes from."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from eventstore.cells import badge, lines, list_link, page_link, shown, time, timeline_link
from eventstore.finding import choices_filter
from eventstore.offers import Button, ListAction
from eventstore.read_only import ReadOnlyAdmin
from trading.position.aggregate import Position
from trading.position.view import PositionColumns, PositionView, state_of
from trading.values.arithmetic import ZERO, multiply

UNPRICED = "unpriced"


class PositionAdmin(ReadOnlyAdmin):
    """A position, in whichever memory."""

    list_display = (
        "symbol",
        "net",
        "open_order",
        "left_open",
        "exposure",
        "threshold",
        "ready",
        "last_price",
        "last_updated",
    )
    list_filter = (
        choices_filter("net", {"flat": Q(net_position=ZERO), "open": ~Q(net_position=ZERO)}),
        choices_filter(
            "order", {"under_way": Q(pending_execution_id__isnull=False), "none": Q(pending_execution_id=None)}
        ),
        choices_filter("price", {"priced": Q(last_price_usdc__isnull=False), UNPRICED: Q(last_price_usdc=None)}),
    )
    search_fields = ("symbol",)
    search_help_text = "A symbol"
    ordering = ("symbol",)
    fieldsets = (
        (None, {"fields": ("symbol", "net", "open_order", "left_open", "exposure", "threshold", "ready")}),
        ("Last price", {"fields": ("last_price", "last_price_block", "last_price_log_index")}),
        ("Net", {"fields": ("accumulated_long", "accumulated_short")}),
        (
            "Over its life",
            {"fields": ("onchain_bought", "onchain_sold", "broker_bought", "broker_sold", "adjusted_shares")},
        ),
        ("Trail", {"fields": ("trail", "stream_version", "last_updated")}),
    )

    # The tables of the same memory.
    trades = "trading.onchaintradeview"
    orders = "trading.offchainorderview"
    # The position in the other one.
    other = ("trading.tradeaccumulator", "legacy row")

    further_trails: ClassVar[list[Callable[[PositionColumns], str]]] = []
    """Links that packages above this one add to a position's trail."""
    actions: ClassVar[list[ListAction]] = []
    further_buttons: ClassVar[list[Callable[[HttpRequest, Any], list[Button]]]] = []

    def headline(self, row: Any) -> str:
        return f"{row.symbol} {shown(row.net_position)}"

    @admin.display(description="net shares")
    def net(self, row: PositionColumns) -> Any:
        return row.net_position

    @admin.display(description="order under way")
    def open_order(self, row: PositionColumns) -> str:
        if row.pending_execution_id is None:
            return shown(None)
        filled = shown(ZERO if row.pending_filled_shares is None else row.pending_filled_shares)
        text = f"{row.pending_execution_id}: {row.pending_side} {shown(row.pending_shares)}, {filled} filled"
        return page_link(self.orders, row.pending_execution_id, text)

    @admin.display(description="open shares")
    def left_open(self, row: PositionColumns) -> Decimal:
        """What the order under way leaves open when it fills."""
        return state_of(row).open_net

    @admin.display(description="exposure, USDC")
    def exposure(self, row: PositionColumns) -> str:
        """The net at the last price."""
        if row.last_price_usdc is None:
            return badge(UNPRICED, "warning") if row.net_position else shown(ZERO)
        return shown(multiply(abs(row.net_position), row.last_price_usdc))

    @admin.display(description="threshold reached")
    def ready(self, row: PositionColumns) -> str:
        """Whether the net has reached the threshold."""
        return badge("at threshold", "warning") if state_of(row).trigger() else shown(None)

    def last_price(self, row: PositionColumns) -> str:
        if row.last_price_usdc is None:
            return badge(UNPRICED, "warning")
        return f"{shown(row.last_price_usdc)} at {time(row.last_price_at) if row.last_price_at else 'no known time'}"

    def trail(self, row: PositionColumns) -> str:
        model, text = self.other
        return lines(
            [
                list_link(self.trades, "trades", base_symbol__exact=row.symbol),
                list_link(self.trades, "uncovered trades", base_symbol__exact=row.symbol, covered="uncovered"),
                list_link(self.orders, "orders", symbol__exact=row.symbol),
                list_link(
                    "eventstore.storedevent",
                    "events",
                    aggregate_type=Position.aggregate_type,
                    aggregate_id__exact=row.symbol,
                ),
                timeline_link(Position.aggregate_type, row.symbol),
                list_link("trading.symbolwait", "wait", symbol__exact=row.symbol),
                list_link(model, text, symbol__exact=row.symbol),
                *(trail(row) for trail in self.further_trails),
            ]
        )


@admin.register(PositionView)
class PositionViewAdmin(PositionAdmin):
    """What the events of a position add up to."""

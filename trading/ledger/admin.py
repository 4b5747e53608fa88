"""The legacy tables in the admin, and what else the ledger keeps: its backlog, its mode, its locks."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from eventstore.cells import lines, list_link, pretty_json, short
from eventstore.finding import choices_filter
from eventstore.offers import Button, ListAction
from eventstore.read_only import ReadOnlyAdmin
from trading.broker_auth.aggregate import SchwabAuth
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.link_admin import covered_trades, orders_of, trades_netted_for, trades_netted_with
from trading.ledger.mode import Installation, LedgerMode
from trading.ledger.tables import OffchainTrade, OnchainTrade, SymbolLock, TradeAccumulator
from trading.offchain_order.admin import OrderAdmin
from trading.offchain_order.aggregate import OffchainOrder
from trading.onchain_trade.admin import TradeAdmin
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.view import TradeColumns
from trading.position.admin import PositionAdmin
from trading.position.aggregate import Position

AGGREGATES = [aggregate.aggregate_type for aggregate in (OnChainTrade, Position, OffchainOrder, SchwabAuth)]


@admin.register(OnchainTrade)
class OnchainTradeAdmin(TradeAdmin):
    """A fill in the legacy tables."""

    positions = "trading.tradeaccumulator"

    def covering(self, row: OnchainTrade) -> str:
        return lines([orders_of(row), trades_netted_with(row)])

    def trails(self, row: TradeColumns) -> list[str]:
        return [*super().trails(row), list_link("trading.onchaintradeview", "view", id__exact=row.trade)]


@admin.register(OffchainTrade)
class OffchainTradeAdmin(OrderAdmin):
    """An order in the legacy tables."""

    search_fields = ("id", *OrderAdmin.search_fields)
    positions = "trading.tradeaccumulator"
    other = ("trading.offchainorderview", "view")
    other_key = "execution_id"

    @admin.display(description="covered trades")
    def covered(self, row: Any) -> str:
        return lines([covered_trades(row), trades_netted_for(row)])


@admin.register(TradeAccumulator)
class TradeAccumulatorAdmin(PositionAdmin):
    """A position in the legacy tables."""

    trades = "trading.onchaintrade"
    orders = "trading.offchaintrade"
    other = ("trading.positionview", "view")


@admin.register(BackloggedEvent)
class BackloggedEventAdmin(ReadOnlyAdmin):
    """Events that the event store would not take yet."""

    actions: ClassVar[list[ListAction]] = []
    further_buttons: ClassVar[list[Callable[[HttpRequest, Any], list[Button]]]] = []

    # In the order in which they will be appended.
    ordering = ("group", "id")
    list_display = ("id", "group", "type", "stream", "version", "happened_at", "tries", "not_before", "error")
    list_filter = (
        choices_filter("aggregate", {kind: Q(aggregate_type=kind) for kind in AGGREGATES}),
        choices_filter("tried", {"never": Q(tries=0), "in_vain": Q(tries__gt=0)}),
    )
    search_fields = ("^aggregate_id", "group")
    search_help_text = "The id of an aggregate or its beginning, or a group"
    fields = (
        "id",
        "of_the_group",
        "type",
        "schema",
        "stream",
        "version",
        "event",
        "circumstances",
        "happened_at",
        "tries",
        "not_before",
        "last_error",
    )

    def stream(self, row: BackloggedEvent) -> str:
        return list_link(
            "eventstore.storedevent",
            f"{row.aggregate_type}-{row.aggregate_id}",
            aggregate_type=row.aggregate_type,
            aggregate_id__exact=row.aggregate_id,
        )

    @admin.display(description="group")
    def of_the_group(self, row: BackloggedEvent) -> str:
        return list_link("trading.backloggedevent", str(row.group), group__exact=row.group or 0)

    @admin.display(description="data")
    def event(self, row: BackloggedEvent) -> str:
        return pretty_json(row.data)

    @admin.display(description="metadata")
    def circumstances(self, row: BackloggedEvent) -> str:
        return pretty_json(row.metadata)

    @admin.display(description="last error")
    def error(self, row: BackloggedEvent) -> str:
        return short(row.last_error)


@admin.register(LedgerMode)
class LedgerModeAdmin(ReadOnlyAdmin):
    """The mode in force; `manage.py switch_ledger` changes it."""

    list_display = ("mode",)
    fields = ("mode",)


@admin.register(Installation)
class InstallationAdmin(ReadOnlyAdmin):
    """Our mark in the client order ids, and the last order number that was taken."""

    list_display = ("mark", "last_order_number")
    fields = ("mark", "last_order_number")


@admin.register(SymbolLock)
class SymbolLockAdmin(ReadOnlyAdmin):
    """Stands while an order of the symbol is open, for readers of the older schema."""

    list_display = ("symbol", "locked_at", "position")
    fields = ("symbol", "locked_at", "position")
    search_fields = ("symbol",)
    ordering = ("symbol",)

    def position(self, row: SymbolLock) -> str:
        return list_link("trading.tradeaccumulator", row.symbol, symbol__exact=row.symbol)

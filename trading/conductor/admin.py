"""The conductor in the admin: its stations, how far the chain was read, and what waits to be tried again."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

from eventstore.cells import badge, list_link, short
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.conductor.exposure_age import Exposure
from trading.conductor.inbox_admin import QueuedLogAdmin
from trading.conductor.leases import StationLease
from trading.conductor.reconciling.admin import HoldingBaselineAdmin, HoldingCheckAdmin, TradingAccountAdmin
from trading.conductor.verbs.admin import OperatorRequestAdmin
from trading.conductor.verbs.buttons import RESUME_SYMBOLS, symbol_buttons
from trading.conductor.work import Enrichment, OrderWork, StationHeartbeat, SymbolWait

__all__ = ["HoldingBaselineAdmin", "HoldingCheckAdmin", "OperatorRequestAdmin", "QueuedLogAdmin", "TradingAccountAdmin"]

SECOND = timedelta(seconds=1)
LATE = timedelta(minutes=1)
SILENT = timedelta(minutes=5)


@admin.register(StationHeartbeat)
class StationHeartbeatAdmin(ReadOnlyAdmin):
    """When each station last had its turn."""

    list_display = ("station", "process", "age", "last_turn_at", "last_work_at", "failures", "error")
    fields = ("station", "process", "age", "last_turn_at", "last_work_at", "failures", "last_error")
    list_filter = (choices_filter("state", {"well": Q(failures=0), "failing": Q(failures__gt=0)}),)
    search_fields = ("station", "process")
    ordering = ("-last_turn_at",)

    def age(self, row: StationHeartbeat) -> str:
        age = timezone.now() - row.last_turn_at
        colour = "success" if age < LATE else "warning" if age < SILENT else "danger"
        return badge(f"{age // SECOND} s", colour)

    @admin.display(description="last error")
    def error(self, row: StationHeartbeat) -> str:
        return short(row.last_error)


@admin.register(StationLease)
class StationLeaseAdmin(ReadOnlyAdmin):
    """Who may give each station its turns: the conductors, or a task of a schedule."""

    list_display = ("name", "holder", "until")
    search_fields = ("name", "holder")
    ordering = ("name",)


@admin.register(Exposure)
class ExposureAdmin(ReadOnlyAdmin):
    """Symbols past their threshold that are not hedged, the oldest first."""

    list_display = ("symbol", "age", "since_at", "told_at", "position")
    fields = ("symbol", "age", "since_at", "told_at", "position")
    search_fields = ("symbol",)
    ordering = ("since_at", "symbol")

    def age(self, row: Exposure) -> str:
        age = timezone.now() - row.since_at
        return badge(f"{age // SECOND} s", "info" if row.told_at is None else "danger")

    def position(self, row: Exposure) -> str:
        return list_link("trading.tradeaccumulator", row.symbol, symbol__exact=row.symbol)


@admin.register(SymbolWait)
class SymbolWaitAdmin(ReadOnlyAdmin):
    """Symbols whose hedge was refused."""

    list_display = ("symbol", "state", "why", "times", "not_before", "halted_at", "first_at", "last_at")
    fields = ("symbol", "state", "position", "reason", "times", "not_before", "halted_at", "first_at", "last_at")
    list_filter = (choices_filter("state", {"halted": Q(halted_at__isnull=False), "waiting": Q(halted_at=None)}),)
    search_fields = ("symbol",)
    ordering = ("symbol",)
    actions = (RESUME_SYMBOLS,)
    further_buttons = (symbol_buttons,)

    def state(self, row: SymbolWait) -> str:
        return badge("halted", "danger") if row.halted_at is not None else badge("waiting", "warning")

    @admin.display(description="reason")
    def why(self, row: SymbolWait) -> str:
        return short(row.reason)

    def position(self, row: SymbolWait) -> str:
        return list_link("trading.tradeaccumulator", row.symbol, symbol__exact=row.symbol)


@admin.register(OrderWork)
class OrderWorkAdmin(ReadOnlyAdmin):
    """When each order is dispatched or polled again."""

    list_display = ("order_id", "order", "tries", "not_before", "error")
    fields = ("order_id", "order", "tries", "not_before", "last_error", "sender", "sender_until")
    list_filter = (choices_filter("state", {"well": Q(tries=0), "failing": Q(tries__gt=0)}),)
    search_fields = ("order_id",)

    def order(self, row: OrderWork) -> str:
        return list_link("trading.offchaintrade", f"order {row.order_id}", id__exact=row.order_id)

    @admin.display(description="last error")
    def error(self, row: OrderWork) -> str:
        return short(row.last_error)


@admin.register(Enrichment)
class EnrichmentAdmin(ReadOnlyAdmin):
    """What was asked about a fill besides the log."""

    list_display = ("id", "state", "tries", "not_before", "gas", "oracle")
    fields = ("id", "state", "trade", "tries", "not_before", "gas_note", "pyth_note")
    list_filter = (choices_filter("state", {"to_ask": Q(not_before__isnull=False), "done": Q(not_before=None)}),)
    search_fields = ("^id",)
    search_help_text = "A transaction or its beginning"

    def state(self, row: Enrichment) -> str:
        return badge("done", "success") if row.not_before is None else badge("to ask", "info")

    def trade(self, row: Enrichment) -> str:
        trade = row.trade
        place = {"tx_hash__exact": trade.tx_hash, "log_index__exact": trade.log_index}
        return list_link("trading.onchaintrade", str(trade), **place)

    @admin.display(description="gas note")
    def gas(self, row: Enrichment) -> str:
        return short(row.gas_note)

    @admin.display(description="oracle note")
    def oracle(self, row: Enrichment) -> str:
        return short(row.pyth_note)


@admin.register(ChainCheckpoint)
class ChainCheckpointAdmin(ReadOnlyAdmin):
    """How far each order book's logs were read, and by whom."""

    list_display = ("orderbook", "chain_id", "next_block", "reread_from", "lease_holder", "lease_until", "updated_at")
    search_fields = ("^orderbook",)


@admin.register(ChainBlock)
class ChainBlockAdmin(ReadOnlyAdmin):
    """Blocks that are looked at again until they are final."""

    list_display = ("number", "hash", "timestamp")
    fields = ("number", "hash", "timestamp", "logs", "trades")
    search_fields = ("number", "^hash")
    search_help_text = "A number, or a hash or its beginning"
    ordering = ("-number", "-pk")

    def logs(self, row: ChainBlock) -> str:
        return list_link("trading.queuedlog", "queued logs", block_hash__exact=row.hash)

    def trades(self, row: ChainBlock) -> str:
        return list_link("trading.onchaintrade", "trades", block_hash__exact=row.hash)

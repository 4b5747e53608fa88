"""Profits in the admin: what each fill earned, and the fills that no profit can be computed of."""

from django.contrib import admin
from django.db.models import Q

from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.ledger.moved import MovedFill
from trading.pnl.models import ExcludedFill, ProfitRow


@admin.register(ProfitRow)
class ProfitRowAdmin(ReadOnlyAdmin):
    """A fill with what it earned, newest first."""

    list_display = (
        "at",
        "symbol",
        "venue",
        "side",
        "shares",
        "price_usd",
        "realised_usd",
        "cumulative_usd",
        "net_shares_after",
    )
    fields = (
        "symbol",
        "at",
        "trade_type",
        "trade_id",
        "venue",
        "side",
        "shares",
        "usd",
        "price_usd",
        "realised_usd",
        "cumulative_usd",
        "net_shares_after",
        "lots",
    )
    list_filter = (choices_filter("venue", {"on_chain": Q(rank=0), "broker": Q(rank=1)}),)
    search_fields = ("symbol", "trade_id")
    search_help_text = "A symbol, a fill's `0x…:7`, or the number of an order"
    ordering = ("-at", "-id")


@admin.register(MovedFill)
class MovedFillAdmin(ReadOnlyAdmin):
    """A fill whose profit is computed next, oldest first. The list is empty but for moments."""

    list_display = ("id", "symbol", "trade_type", "trade_id")
    fields = list_display
    search_fields = ("symbol", "trade_id")
    search_help_text = "A symbol, a fill's `0x…:7`, or the number of an order"
    ordering = ("id",)


@admin.register(ExcludedFill)
class ExcludedFillAdmin(ReadOnlyAdmin):
    """A fill that is in no profit, and why."""

    list_display = ("at", "symbol", "trade_type", "trade_id", "side", "shares", "reason")
    fields = list_display
    search_fields = ("symbol", "trade_id")
    search_help_text = "A symbol, a fill's `0x…:7`, or the number of an order"
    ordering = ("-at", "-id")

"""Congress and insider trades in the admin, each with the record that it is a version of."""

from django.contrib import admin
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from audit_trail.sources.quiver.congress.models import CongressTrade, CongressTransaction
from audit_trail.sources.quiver.insiders.models import InsiderTrade, InsiderTransaction
from eventstore.cells import badge, list_link, shown
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin

COLOURS = {"purchase": "success", "sale": "danger"}


class _TradeAdmin(ReadOnlyAdmin):
    search_fields = ("record__symbol",)
    search_help_text = "A symbol"

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Model]:
        rows: QuerySet[models.Model] = super().get_queryset(request).select_related("record")
        return rows

    def symbol(self, row: CongressTrade | InsiderTrade) -> str:
        symbol = row.record.symbol
        return shown(None) if symbol is None else list_link("audit_trail.sourcerecord", symbol, symbol__exact=symbol)

    @admin.display(description="transaction")
    def done(self, row: CongressTrade | InsiderTrade) -> str:
        return badge(row.transaction, COLOURS.get(row.transaction, ""))

    @admin.display(description="version")
    def version(self, row: CongressTrade | InsiderTrade) -> str:
        former = "" if row.record.superseded_at is None else ", superseded"
        return f"{row.record.version}{former}"

    def disclosed_on(self, row: CongressTrade | InsiderTrade) -> str:
        return shown(row.record.disclosed_on)

    def known_at(self, row: CongressTrade | InsiderTrade) -> str:
        return shown(row.record.known_at)


@admin.register(CongressTrade)
class CongressTradeAdmin(_TradeAdmin):
    """Trades of members of Congress, newest first."""

    list_display = (
        *("record", "symbol", "politician", "done", "amount_low_usd", "amount_high_usd"),
        *("traded_on", "disclosed_on", "known_at", "version"),
    )
    list_filter = (choices_filter("transaction", {kind.value: Q(transaction=kind) for kind in CongressTransaction}),)
    fieldsets = (
        (None, {"fields": ("record", "symbol", "done", "transaction_told", "amount_low_usd", "amount_high_usd")}),
        ("Who", {"fields": ("politician", "bioguide_id", "chamber", "party", "state", "district", "subholding")}),
        ("What", {"fields": ("company", "asset_type", "description", "filing_status", "comments")}),
        ("When", {"fields": ("traded_on", "disclosed_on", "known_at", "version")}),
    )


@admin.register(InsiderTrade)
class InsiderTradeAdmin(_TradeAdmin):
    """Trades of insiders, newest first."""

    list_display = (
        *("record", "symbol", "insider", "relationship", "done", "code", "shares", "price_usd", "value_usd"),
        *("traded_on", "disclosed_on", "known_at", "version"),
    )
    list_filter = (choices_filter("transaction", {kind.value: Q(transaction=kind) for kind in InsiderTransaction}),)
    fieldsets = (
        (None, {"fields": ("record", "symbol", "done", "code", "acquired", "shares", "price_usd", "value_usd")}),
        (
            "Who",
            {
                "fields": (
                    *("insider", "relationship", "officer_title", "is_director", "is_officer"),
                    *("is_ten_percent_owner", "owned_directly", "shares_after"),
                )
            },
        ),
        ("When", {"fields": ("traded_on", "filed_told", "disclosed_on", "known_at", "version")}),
    )

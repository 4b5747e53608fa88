"""Daily bars in the admin, each with the record that it is a version of."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit_trail.sources.alpaca.models import HistoricalBar
from eventstore.cells import shown
from eventstore.read_only import ReadOnlyAdmin


@admin.register(HistoricalBar)
class HistoricalBarAdmin(ReadOnlyAdmin):
    """Sessions of symbols, newest first."""

    list_display = (
        *("record", "symbol", "day", "open_usd", "high_usd", "low_usd", "close_usd", "volume", "feed"),
        *("known_at", "version"),
    )
    search_fields = ("symbol",)
    search_help_text = "A symbol"
    fields = (
        *("record", "symbol", "day", "began_at", "open_usd", "high_usd", "low_usd", "close_usd", "volume", "feed"),
        *("known_at", "version"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).select_related("record")
        return rows

    def known_at(self, row: HistoricalBar) -> str:
        return shown(row.record.known_at)

    @admin.display(description="version")
    def version(self, row: HistoricalBar) -> str:
        former = "" if row.record.superseded_at is None else ", superseded"
        return f"{row.record.version}{former}"

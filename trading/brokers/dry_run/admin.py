"""Admin of the dry run: its orders, to look at."""

from django.contrib import admin

from eventstore.read_only import ReadOnlyAdmin
from trading.brokers.dry_run.models import DryRunOrder


@admin.register(DryRunOrder)
class DryRunOrderAdmin(ReadOnlyAdmin):
    """Orders as they were submitted; the broker made them, and nobody else does."""

    list_display = (
        "broker_order_id",
        "client_order_id",
        "symbol",
        "side",
        "shares",
        "price_usd",
        "behaviour",
        "submitted_at",
    )
    list_filter = ("behaviour", "side")
    search_fields = ("client_order_id", "symbol")
    ordering = ("-pk",)

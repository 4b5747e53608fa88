"""Submission in the admin: orders on their way, orders that are looked for, and brokers that are left alone."""

from django.contrib import admin

from eventstore.read_only import ReadOnlyAdmin
from trading.submission.absence import Absence
from trading.submission.pauses import BrokerPause
from trading.submission.sendings import Sending


@admin.register(Sending)
class SendingAdmin(ReadOnlyAdmin):
    """Orders that a broker without ids of ours may have, or is about to get."""

    list_display = (
        "client_order_id",
        "broker",
        "side",
        "quantity",
        "symbol",
        "in_doubt_at",
        "held_before_shares",
        "named_id",
        "is_taken",
    )
    search_fields = ("client_order_id", "symbol")
    ordering = ("client_order_id",)


@admin.register(Absence)
class AbsenceAdmin(ReadOnlyAdmin):
    """Orders that a broker was asked for and did not have."""

    list_display = ("client_order_id", "looks", "first_at", "last_at")
    search_fields = ("client_order_id",)
    ordering = ("first_at",)


@admin.register(BrokerPause)
class BrokerPauseAdmin(ReadOnlyAdmin):
    """Brokers that take no calls for now, or none of ours."""

    list_display = ("broker", "not_before", "times", "reason")
    ordering = ("broker",)

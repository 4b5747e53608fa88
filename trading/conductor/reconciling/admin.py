"""What is known of the broker in the admin: the account that was confirmed, and holdings beside our books."""

from django.contrib import admin
from django.db.models import Q

from eventstore.cells import badge
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.conductor.reconciling.holding_checks import HoldingBaseline, HoldingCheck
from trading.conductor.reconciling.identity import TradingAccount


@admin.register(TradingAccount)
class TradingAccountAdmin(ReadOnlyAdmin):
    """The account that each broker's orders go to; `manage.py confirm_account` sets it."""

    list_display = ("broker", "account_number", "kind", "installation", "actor", "reason", "set_at")
    ordering = ("broker",)

    def kind(self, row: TradingAccount) -> str:
        return badge("paper", "info") if row.paper else badge("live", "warning")


@admin.register(HoldingCheck)
class HoldingCheckAdmin(ReadOnlyAdmin):
    """What the broker said is held at the last look, beside the books."""

    list_display = (
        "symbol",
        "broker",
        "state",
        "held_shares",
        "booked_shares",
        "baseline_shares",
        "difference_shares",
        "as_of",
        "differs_since",
    )
    list_filter = (
        choices_filter("state", {"differs": Q(differs_since__isnull=False), "agrees": Q(differs_since=None)}),
    )
    search_fields = ("symbol",)
    ordering = ("symbol", "broker")

    def state(self, row: HoldingCheck) -> str:
        return badge("agrees", "success") if row.differs_since is None else badge("differs", "danger")


@admin.register(HoldingBaseline)
class HoldingBaselineAdmin(ReadOnlyAdmin):
    """What accounts hold besides our orders; `manage.py set_baseline` sets it."""

    list_display = ("symbol", "broker", "shares", "actor", "reason", "set_at")
    search_fields = ("symbol",)
    ordering = ("symbol", "broker")

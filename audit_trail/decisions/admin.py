"""Decisions in the admin: what was decided and why, what it rests on, and what became of it."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from audit_trail.decisions.failures import FailureKind
from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from audit_trail.decisions.models import Status, TradeDecision
from eventstore.cells import badge, list_link, page_link, pretty_json, short, shown
from eventstore.finding import choices_filter
from eventstore.offers import Button
from eventstore.read_only import ReadOnlyAdmin

COLOURS = {
    Status.PENDING: "info",
    Status.SUBMITTED: "info",
    Status.UNKNOWN: "danger",
    Status.EXECUTED: "success",
    Status.PARTIALLY_EXECUTED: "warning",
    Status.FAILED: "danger",
    Status.CANCELLED: "warning",
}
# What somebody should look at: nobody knows what became of it, something stands in its way, or it came to nothing.
TO_LOOK_AT = Q(status=Status.UNKNOWN) | Q(status=Status.FAILED) | Q(status=Status.PENDING, blocked_by__isnull=False)


@admin.register(TradeDecision)
class TradeDecisionAdmin(ReadOnlyAdmin):
    """Every decision, newest first."""

    list_display = (
        *("id", "decided_at", "strategy_name", "symbol", "side", "amount", "signal_strength"),
        *("state", "kind", "why"),
    )
    list_filter = (
        choices_filter("to_look_at", {"yes": TO_LOOK_AT, "no": ~TO_LOOK_AT}),
        choices_filter("status", {status.value: Q(status=status) for status in Status}),
        choices_filter(
            "failure",
            {"none": Q(failure_kind=None), **{kind.value: Q(failure_kind=kind.value) for kind in FailureKind}},
        ),
    )
    search_fields = ("symbol", "strategy_name")
    search_help_text = "A symbol, or a strategy"
    fieldsets = (
        (None, {"fields": ("decision_id", "state", "kind", "reason", "executions_of_it")}),
        ("What", {"fields": ("symbol", "side", "amount", "order_type", "limit_price_usd", "may_short")}),
        (
            "For whom and when",
            {
                "fields": (
                    *("strategy_name", "strategy_version", "broker", "trading_mode", "trading_day"),
                    *("known_at", "decided_at", "submitted_at", "executed_at", "failed_at", "cancelled_at"),
                    "cancelled_by",
                )
            },
        ),
        ("In its way", {"fields": ("blocked_by", "blocked_reason", "figures", "blocked_at")}),
        (
            "Why",
            {
                "fields": (
                    *("trigger_event", "signal_strength", "reference_price_usd"),
                    *("records_of_it", "runs_of_it", "rationale"),
                )
            },
        ),
    )

    further_buttons: ClassVar[list[Callable[[HttpRequest, Any], list[Button]]]] = []

    def headline(self, row: TradeDecision) -> str:
        return f"{row.strategy_name}: {row.side} {row.symbol} on {row.trading_day}"

    @admin.display(description="status")
    def state(self, row: TradeDecision) -> str:
        if row.status == Status.PENDING and row.blocked_by is not None:
            return badge("pending, blocked", "warning")
        return badge(Status(row.status).label, COLOURS[Status(row.status)])

    @admin.display(description="failure")
    def kind(self, row: TradeDecision) -> str:
        return shown(row.failure_kind or row.blocked_by)

    @admin.display(description="reason")
    def why(self, row: TradeDecision) -> str:
        return short(row.reason or row.blocked_reason)

    def amount(self, row: TradeDecision) -> str:
        if row.closes_position:
            return "all that is held"
        return f"{shown(row.notional_usd)} USD" if row.shares is None else f"{shown(row.shares)} shares"

    @admin.display(description="executions")
    def executions_of_it(self, row: TradeDecision) -> str:
        return list_link("audit_trail.tradeexecution", "its executions", trade_decision__exact=row.pk)

    @admin.display(description="records")
    def records_of_it(self, row: TradeDecision) -> str:
        return list_link("audit_trail.tradedecisionrecord", "records that it rests on", trade_decision__exact=row.pk)

    @admin.display(description="runs")
    def runs_of_it(self, row: TradeDecision) -> str:
        return list_link("audit_trail.tradedecisionrun", "runs that were looked through", trade_decision__exact=row.pk)

    def rationale(self, row: TradeDecision) -> str:
        return pretty_json(row.decision_rationale)

    def figures(self, row: TradeDecision) -> str:
        return shown(None) if row.blocked_figures is None else pretty_json(row.blocked_figures)


@admin.register(TradeDecisionRecord)
class TradeDecisionRecordAdmin(ReadOnlyAdmin):
    """Which record each decision rests on, newest first."""

    list_display = ("id", "decision", "its_record", "role")
    search_fields = ("trade_decision", "record")
    search_help_text = "A decision's number, or a record's"
    fields = ("decision", "its_record", "role")

    def decision(self, row: TradeDecisionRecord) -> str:
        return page_link("audit_trail.tradedecision", row.trade_decision_id)

    @admin.display(description="record")
    def its_record(self, row: TradeDecisionRecord) -> str:
        return page_link("audit_trail.sourcerecord", row.record_id)


@admin.register(TradeDecisionRun)
class TradeDecisionRunAdmin(ReadOnlyAdmin):
    """Which runs each decision looked through, newest first."""

    list_display = ("id", "decision", "its_run")
    search_fields = ("trade_decision", "run")
    search_help_text = "A decision's number, or a run's"
    fields = ("decision", "its_run")

    def decision(self, row: TradeDecisionRun) -> str:
        return page_link("audit_trail.tradedecision", row.trade_decision_id)

    @admin.display(description="run")
    def its_run(self, row: TradeDecisionRun) -> str:
        return page_link("audit_trail.dataingestionrun", row.run_id)

"""Days in the admin: each time that a day was decided on, what was meant, and what was left out for which reason."""

import json

from django.contrib import admin
from django.db.models import Q

from audit_trail.days.models import DroppedCandidate, Outcome, PlannedDay, PlannedDecision
from audit_trail.strategies.signals import Reason
from eventstore.cells import badge, lines, list_link, page_link, pretty_json, short, shown
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin

COLOURS = {Outcome.DECIDED: "success", Outcome.REFUSED: "danger"}


@admin.register(PlannedDay)
class PlannedDayAdmin(ReadOnlyAdmin):
    """Every time that a day was decided on, newest first."""

    list_display = ("id", "as_of", "trading_day", "strategy_name", "state", "stance", "orders", "left_out", "why")
    list_filter = (choices_filter("outcome", {one.value: Q(outcome=one.value) for one in Outcome}),)
    search_fields = ("strategy_name",)
    search_help_text = "A strategy, or portfolio"
    fieldsets = (
        (None, {"fields": ("planned_id", "state", "why", "findings_of_it")}),
        ("When", {"fields": ("as_of", "trading_day")}),
        ("For whom", {"fields": ("strategy_name", "versions", "environment", "broker", "trading_mode")}),
        ("What came of it", {"fields": ("stance", "orders", "decisions_of_it", "left_out", "figures")}),
    )

    def headline(self, row: PlannedDay) -> str:
        return f"{row.strategy_name}: {row.outcome} on {row.trading_day}"

    @admin.display(description="outcome")
    def state(self, row: PlannedDay) -> str:
        return badge(row.outcome, COLOURS[Outcome(row.outcome)])

    @admin.display(description="refusals")
    def why(self, row: PlannedDay) -> str:
        return short("; ".join(one["text"] for one in json.loads(row.refusals)) or None)

    @admin.display(description="findings")
    def findings_of_it(self, row: PlannedDay) -> str:
        return lines(json.loads(row.findings))

    @admin.display(description="decisions")
    def decisions_of_it(self, row: PlannedDay) -> str:
        return list_link("audit_trail.planneddecision", "what was meant", day__exact=row.pk)

    @admin.display(description="left out")
    def left_out(self, row: PlannedDay) -> str:
        text = f"{row.dropped_count} with their reasons"
        return list_link("audit_trail.droppedcandidate", text, day__exact=row.pk)

    def figures(self, row: PlannedDay) -> str:
        return shown(None) if row.summary is None else pretty_json(row.summary)


@admin.register(PlannedDecision)
class PlannedDecisionAdmin(ReadOnlyAdmin):
    """Which decisions were meant on which day, newest first."""

    list_display = ("id", "day", "decision", "new")
    list_select_related = ("day", "decision")
    search_fields = ("day", "decision")
    search_help_text = "A planned day's number, or a decision's"


@admin.register(DroppedCandidate)
class DroppedCandidateAdmin(ReadOnlyAdmin):
    """What came to nothing and why, newest first."""

    list_display = ("id", "planned", "strategy_name", "symbol", "reason", "words", "record_count")
    list_filter = (choices_filter("reason", {reason.value: Q(reason=reason.value) for reason in Reason}),)
    list_select_related = ("day",)
    search_fields = ("symbol", "day")
    search_help_text = "A symbol, or a planned day's number"

    @admin.display(description="day")
    def planned(self, row: DroppedCandidate) -> str:
        return page_link("audit_trail.plannedday", row.day_id, row.day)

    @admin.display(description="in words")
    def words(self, row: DroppedCandidate) -> str:
        return short(row.text)

"""What operators asked for, in the admin: who, why, and what came of it."""

from django.contrib import admin
from django.db.models import Q

from eventstore.cells import badge, short
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.conductor.verbs.requests import OperatorRequest, RequestState, Verb

_COLOURS = {
    RequestState.WAITING: "info",
    RequestState.WORKING: "info",
    RequestState.DONE: "success",
    RequestState.REFUSED: "warning",
}


@admin.register(OperatorRequest)
class OperatorRequestAdmin(ReadOnlyAdmin):
    """Requests by command, newest first."""

    list_display = ("asked_at", "verb", "subject", "standing", "what_came", "actor", "reason", "done_at")
    fields = (
        "verb",
        "subject",
        "details",
        "standing",
        "outcome",
        "actor",
        "reason",
        "asked_at",
        "begun_at",
        "done_at",
    )
    list_filter = (
        choices_filter("state", {state.value: Q(state=state) for state in RequestState}),
        choices_filter("verb", {verb.value: Q(verb=verb) for verb in Verb}),
    )
    search_fields = ("subject", "actor", "reason")
    ordering = ("-id",)

    @admin.display(description="state")
    def standing(self, row: OperatorRequest) -> str:
        return badge(RequestState(row.state), _COLOURS[RequestState(row.state)])

    @admin.display(description="outcome")
    def what_came(self, row: OperatorRequest) -> str:
        return short(row.outcome)

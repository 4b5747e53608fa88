"""What operators asked for, in the admin: who, why, and what came of it; and the pages on which they ask."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from eventstore.cells import badge, lines, pretty_json, short, shown
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.conductor.heartbeat import had_a_turn
from trading.conductor.verbs.clerk import Clerk
from trading.conductor.verbs.pages import ask_page, link_of
from trading.conductor.verbs.requests import OperatorRequest, RequestState, Verb

_COLOURS = {
    RequestState.WAITING: "info",
    RequestState.WORKING: "info",
    RequestState.DONE: "success",
    RequestState.REFUSED: "warning",
}
_UNDER_WAY = (RequestState.WAITING, RequestState.WORKING)
_LOOK_AGAIN_SECONDS = 2
_NOBODY = (
    "no conductor's clerk had its turn within the last minute: start `manage.py conduct`. A schedule does it within a "
    "minute, where qcluster or cron runs"
)


@admin.register(OperatorRequest)
class OperatorRequestAdmin(ReadOnlyAdmin):
    """Requests by command, newest first."""

    list_display = ("asked_at", "verb", "subject", "listed_state", "what_came", "actor", "why", "done_at")
    fields = (
        "verb",
        "about",
        "told",
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

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(partial(ask_page, site=self.admin_site))
        return [path("ask/<str:verb_name>/", page, name="trading_operatorrequest_ask"), *super().get_urls()]

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        answer: HttpResponse = super().changeform_view(request, object_id, *args, **kwargs)
        row = getattr(answer, "context_data", {}).get("original")
        if row is not None and row.state in _UNDER_WAY:
            answer.headers["Refresh"] = str(_LOOK_AGAIN_SECONDS)  # Until it is known what came of it.
        return answer

    @admin.display(description="state")
    def standing(self, row: OperatorRequest) -> str:
        state = RequestState(row.state)
        told = badge(state, _COLOURS[state])
        if state is RequestState.WAITING and not had_a_turn(Clerk.name, now=timezone.now()):
            return lines([told, _NOBODY])
        return told

    @admin.display(description="state")
    def listed_state(self, row: OperatorRequest) -> str:
        """As in a list: whether somebody will do it is asked on the page of one alone."""
        state = RequestState(row.state)
        return badge(state, _COLOURS[state])

    @admin.display(description="subject")
    def about(self, row: OperatorRequest) -> str:
        return link_of(Verb(row.verb), row.subject)

    @admin.display(description="details")
    def told(self, row: OperatorRequest) -> str:
        return pretty_json(row.details) if row.said else shown(None)

    @admin.display(description="reason")
    def why(self, row: OperatorRequest) -> str:
        return short(row.reason)

    @admin.display(description="outcome")
    def what_came(self, row: OperatorRequest) -> str:
        return short(row.outcome)

"""The log in the admin: for looking, never for touching."""

import json
from contextlib import suppress
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html

from eventstore.access.admin import ApiTokenAdmin
from eventstore.cells import badge, preformatted, short, shown, timeline_link
from eventstore.events import registered
from eventstore.following import settled
from eventstore.integrity.admin import EventArchiveAdmin, StoredSealAdmin
from eventstore.models import Projection, StoredEvent
from eventstore.pages import timeline_page
from eventstore.read_only import BoundedPaginator, ReadOnlyAdmin
from eventstore.reading import aggregate_types, last_number

__all__ = ["ApiTokenAdmin", "EventArchiveAdmin", "StoredEventAdmin", "StoredSealAdmin"]

MOST_COUNTED = 10_000
STATUS_COLOURS: dict[str, str] = {
    Projection.Status.BOOTING: "info",
    Projection.Status.ACTIVE: "success",
    Projection.Status.FAILED: "danger",
    Projection.Status.PAUSED: "warning",
}


class TypeFilter(admin.SimpleListFilter):
    """By the stored name of the event; the choices come from the program, so the table is not searched for them."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(registered())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StoredEvent]) -> QuerySet[StoredEvent]:
        return queryset.filter(type=self.value()) if self.value() else queryset


class AggregateTypeFilter(admin.SimpleListFilter):
    """By the kind of aggregate, found in a few steps through the index."""

    title = "aggregate type"
    parameter_name = "aggregate_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in aggregate_types()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StoredEvent]) -> QuerySet[StoredEvent]:
        return queryset.filter(aggregate_type=self.value()) if self.value() else queryset


class EstimatingPaginator(BoundedPaginator):
    """Counts a long log by its last number, and a filtered one only so far that there are pages enough."""

    @cached_property
    def count(self) -> int:
        rows = cast(QuerySet[StoredEvent], self.object_list)
        if rows.query.where:
            return rows.order_by()[:MOST_COUNTED].count()
        # Numbers have gaps where appends were rolled back, so there are at most that many events.
        return last_number()


@admin.register(StoredEvent)
class StoredEventAdmin(ReadOnlyAdmin):
    """Every event, newest first."""

    list_display = ["number", "recorded_at", "type", "aggregate_type", "aggregate_id", "version"]
    list_filter = [AggregateTypeFilter, TypeFilter]
    ordering = ["-number"]
    search_fields = ["aggregate_id"]
    search_help_text = "The exact id of an aggregate"
    paginator = EstimatingPaginator
    fields = [
        "number",
        "recorded_at",
        "type",
        "schema",
        "aggregate_type",
        "aggregate_id",
        "version",
        "timeline",
        "pretty_data",
        "pretty_metadata",
        "hash",
    ]

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "timeline/<str:aggregate_type>/<path:aggregate_id>/",
            self.admin_site.admin_view(self.timeline_view),
            name="eventstore_storedevent_timeline",
        )
        urls: list[URLPattern] = super().get_urls()
        return [page, *urls]

    def timeline_view(self, request: HttpRequest, aggregate_type: str, aggregate_id: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return timeline_page(request, aggregate_type, aggregate_id, site=self.admin_site)

    def timeline(self, event: StoredEvent) -> str:
        return timeline_link(event.aggregate_type, event.aggregate_id, f"{event.aggregate_type}-{event.aggregate_id}")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StoredEvent], search_term: str
    ) -> tuple[QuerySet[StoredEvent], bool]:
        term = search_term.strip()
        # With the kinds named too, the search is one through the index.
        return (queryset.filter(aggregate_type__in=aggregate_types(), aggregate_id=term) if term else queryset), False

    @admin.display(description="data")
    def pretty_data(self, event: StoredEvent) -> str:
        return _pretty(event.data)

    @admin.display(description="metadata")
    def pretty_metadata(self, event: StoredEvent) -> str:
        return _pretty(event.metadata)


@admin.register(Projection)
class ProjectionAdmin(ReadOnlyAdmin):
    """Projections that catch up with the log: how far each is, and why it stands still."""

    list_display = ["name", "version", "state", "checkpoint", "lag_events", "lag_seconds", "trouble", "updated_at"]
    ordering = ["name", "version"]
    search_fields = ["name"]
    fields = [
        "name",
        "version",
        "state",
        "checkpoint",
        "lag_events",
        "lag_seconds",
        "events_done",
        "attempts",
        "next_retry_at",
        "failed_number",
        "error",
        "updated_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # In the one query of the list. Events of kinds that a projection does not follow count until its next turn.
        next_events = StoredEvent.objects.filter(number__gt=OuterRef("checkpoint")).order_by("number")
        since = Subquery(next_events.values("recorded_at")[:1])
        rows: QuerySet[Any] = super().get_queryset(request).annotate(log_end=Value(settled()), waiting_since=since)
        return rows

    @admin.display(description="status")
    def state(self, row: Projection) -> str:
        return badge(row.status, STATUS_COLOURS.get(row.status, ""))

    @admin.display(description="events behind")
    def lag_events(self, row: Any) -> int:
        return int(max(row.log_end - row.checkpoint, 0))

    @admin.display(description="seconds behind")
    def lag_seconds(self, row: Any) -> int:
        return 0 if row.waiting_since is None else int(max((timezone.now() - row.waiting_since).total_seconds(), 0))

    @admin.display(description="trouble")
    def trouble(self, row: Projection) -> str:
        return short(row.last_error)

    @admin.display(description="last error")
    def error(self, row: Projection) -> str:
        return shown(None) if row.last_error is None else preformatted(row.last_error)


def _pretty(text: str) -> str:
    with suppress(ValueError):  # A row that someone broke is shown as it is.
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return format_html('<pre class="told">{}</pre>', text)

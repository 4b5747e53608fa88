"""The log in the admin: for looking, never for touching."""

import json
from contextlib import suppress
from typing import Any, cast

from django.contrib import admin
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html

from eventstore.events import registered
from eventstore.integrity.admin import EventArchiveAdmin, StoredSealAdmin
from eventstore.models import StoredEvent
from eventstore.read_only import BoundedPaginator, ReadOnlyAdmin
from eventstore.reading import aggregate_types

__all__ = ["EventArchiveAdmin", "StoredEventAdmin", "StoredSealAdmin"]

MOST_COUNTED = 10_000


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
        with connection.cursor() as cursor:
            # Numbers have gaps where appends were rolled back, so there are at most that many events.
            cursor.execute("SELECT coalesce(max(number), 0) FROM events")
            (last,) = cursor.fetchone()
        return int(last)


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
        "pretty_data",
        "pretty_metadata",
        "hash",
    ]

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


def _pretty(text: str) -> str:
    with suppress(ValueError):  # A row that someone broke is shown as it is.
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return format_html('<pre style="white-space: pre-wrap">{}</pre>', text)

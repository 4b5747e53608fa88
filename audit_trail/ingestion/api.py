"""Ingestion runs over HTTP: each fetch from a source, and what became of what it brought."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers

from audit_trail.ingestion.models import DataIngestionRun, RunStatus
from eventstore.rest.paging import both_ways
from eventstore.rest.parameters import RowFilters, TextFilter, TimeFilter, WordFilter, yes_no
from eventstore.rest.views import RowsView, RowView, one
from trading.answers import RowSerializer, TextOfJson

AT = "2026-03-02T12:00:02.104233Z"
EXAMPLE = {
    "id": 3,
    "run_id": "018f2f6e-0000-4000-8000-000000000003",
    "task_name": "ingest_congress",
    "data_source": "quiver",
    "narrowed_to": None,
    "data_date_start": "2025-11-22",
    "data_date_end": "2026-03-02",
    "status": "completed",
    "started_at": AT,
    "completed_at": AT,
    "failed_at": None,
    "records_fetched": 120,
    "records_created": 4,
    "records_updated": 1,
    "records_skipped": 115,
    "records_parked": 0,
    "found_nothing": False,
    "error_message": None,
    "error_details": None,
}


class RunSerializer(RowSerializer):
    """One fetch from a source. Its records are there if it is completed; of one that failed there are none."""

    found_nothing = serializers.BooleanField(help_text="it is completed, and there was nothing to fetch")
    error_details = TextOfJson(help_text="the error's class, and where it was raised")

    class Meta:
        model = DataIngestionRun
        fields = list(EXAMPLE)


class RunFilters(RowFilters):
    """How runs are picked."""

    task = TextFilter("task_name", label="as ingest_congress")
    source = TextFilter("data_source", label="as quiver")
    status = WordFilter(RunStatus.values, field_name="status", label="how far it has come")
    found_nothing = yes_no(method="was_empty", label="whether it is completed and there was nothing to fetch")
    started_since = TimeFilter("started_at", "gte", label="started then or later")
    started_until = TimeFilter("started_at", "lt", label="started before")

    def was_empty(self, rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any]:
        empty = {"status": RunStatus.COMPLETED, "records_fetched": 0}
        return rows.filter(**empty) if word == "true" else rows.exclude(**empty)


class RunsView(RowsView):
    """Fetches from sources, newest first."""

    scope, right = "runs", "audit_trail.view_dataingestionrun"
    serializer_class, filters = RunSerializer, RunFilters
    orders = both_ways("started_at", "started_at", "id")
    example = {"results": [EXAMPLE], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        runs: QuerySet[Any] = DataIngestionRun.objects.all()
        return runs


class RunView(RowView):
    """One fetch from a source."""

    scope, right = "runs", "audit_trail.view_dataingestionrun"
    serializer_class, example, path_texts = RunSerializer, EXAMPLE, {"id": "its number"}

    def row(self, **key: Any) -> Any:
        return one(DataIngestionRun.objects.all(), f"there is no run {key['id']}", **key)


urlpatterns = [
    path("runs/", RunsView.as_view(), name="runs"),
    path("runs/<int:id>/", RunView.as_view(), name="run"),
]

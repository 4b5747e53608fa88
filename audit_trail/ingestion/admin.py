"""Runs, their records and what could not be read, in the admin."""

from django.contrib import admin
from django.db.models import Q

from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, ParkedRow, RunStatus
from audit_trail.ingestion.records import SourceRecord
from eventstore.cells import badge, list_link, pretty_json, short, shown
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin

COLOURS = {RunStatus.RUNNING: "info", RunStatus.COMPLETED: "success", RunStatus.FAILED: "danger"}


@admin.register(DataIngestionRun)
class DataIngestionRunAdmin(ReadOnlyAdmin):
    """Every run, newest first."""

    list_display = (
        *("id", "task_name", "state", "started_at", "duration", "window_", "narrowed_to"),
        *("records_fetched", "records_created", "records_updated", "records_skipped", "records_parked", "why"),
    )
    list_filter = (
        choices_filter("status", {status.value: Q(status=status) for status in RunStatus}),
        choices_filter(
            "found",
            {
                "nothing": Q(status=RunStatus.COMPLETED, records_fetched=0),
                "something": Q(records_fetched__gt=0),
                "parked rows": Q(records_parked__gt=0),
            },
        ),
    )
    search_fields = ("task_name", "data_source")
    search_help_text = "A task, or a source"
    fieldsets = (
        (None, {"fields": ("run_id", "task_name", "data_source", "window_", "narrowed_to", "state")}),
        ("Times", {"fields": ("started_at", "completed_at", "failed_at", "duration", "holder", "alive_until")}),
        (
            "Records",
            {
                "fields": (
                    *("records_fetched", "records_created", "records_updated", "records_skipped", "records_parked"),
                    *("records_of_it", "calls_of_it"),
                )
            },
        ),
        ("Error", {"fields": ("error_message", "details")}),
    )

    def headline(self, row: DataIngestionRun) -> str:
        return f"{row.task_name} {row.started_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="status")
    def state(self, row: DataIngestionRun) -> str:
        if row.found_nothing:
            return badge("completed, nothing found", "warning")
        return badge(row.status, COLOURS[RunStatus(row.status)])

    @admin.display(description="disclosed")
    def window_(self, row: DataIngestionRun) -> str:
        return shown(None) if row.window is None else f"{row.window[0]} to {row.window[1]}"

    @admin.display(description="error")
    def why(self, row: DataIngestionRun) -> str:
        return short(row.error_message)

    @admin.display(description="records")
    def records_of_it(self, row: DataIngestionRun) -> str:
        return list_link("audit_trail.dataingestionrunrecord", "what it did with each", run__exact=row.pk)

    @admin.display(description="calls")
    def calls_of_it(self, row: DataIngestionRun) -> str:
        return list_link("audit_trail.apicalllog", "calls to the source", run_id__exact=row.run_id)

    def details(self, row: DataIngestionRun) -> str:
        return shown(None) if row.error_details is None else pretty_json(row.error_details)


@admin.register(DataIngestionRunRecord)
class DataIngestionRunRecordAdmin(ReadOnlyAdmin):
    """What each run did with each record, newest first."""

    list_display = ("id", "run", "record", "operation")
    search_fields = ("run", "record")
    search_help_text = "A run's number, or a record's"


@admin.register(SourceRecord)
class SourceRecordAdmin(ReadOnlyAdmin):
    """Every version of every record, newest first."""

    list_display = ("id", "kind", "symbol", "disclosed_on", "known_at", "occurrence", "version", "superseded_at")
    list_filter = (
        choices_filter("version_shown", {"current": Q(superseded_at=None), "former": Q(superseded_at__isnull=False)}),
    )
    search_fields = ("symbol", "key")
    search_help_text = "A symbol, or a key"
    fields = (
        *("kind", "symbol", "disclosed_on", "known_at", "superseded_at", "version", "occurrence", "detail"),
        *("versions", "runs", "key", "content", "received"),
    )

    def versions(self, row: SourceRecord) -> str:
        return list_link("audit_trail.sourcerecord", "all versions of this key", key__exact=row.key)

    def runs(self, row: SourceRecord) -> str:
        return list_link("audit_trail.dataingestionrunrecord", "runs that met it", record__exact=row.pk)

    @admin.display(description="row")
    def received(self, row: SourceRecord) -> str:
        return pretty_json(row.row)


@admin.register(ParkedRow)
class ParkedRowAdmin(ReadOnlyAdmin):
    """Rows that could not be read, newest first."""

    list_display = ("id", "kind", "state", "cause", "times", "first_met_at", "last_met_at", "settled_at")
    list_filter = (choices_filter("state", {"waiting": Q(settled_at=None), "settled": Q(settled_at__isnull=False)}),)
    search_fields = ("kind",)
    search_help_text = "A kind of record"
    fields = (
        *("kind", "state", "reason", "times", "first_run", "last_run"),
        *("first_met_at", "last_met_at", "settled_at", "received"),
    )

    def state(self, row: ParkedRow) -> str:
        return badge("waiting", "danger") if row.settled_at is None else badge("settled", "success")

    @admin.display(description="reason")
    def cause(self, row: ParkedRow) -> str:
        return short(row.reason)

    @admin.display(description="row")
    def received(self, row: ParkedRow) -> str:
        return pretty_json(row.row)

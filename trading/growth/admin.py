"""Table samples in the admin: how large each table was, newest first."""

from django.contrib import admin

from eventstore.read_only import ReadOnlyAdmin
from trading.growth.samples import TableSample


@admin.register(TableSample)
class TableSampleAdmin(ReadOnlyAdmin):
    """A table as large as it was at a time."""

    list_display = ("table", "sampled_at", "rows", "bytes")
    fields = ("table", "sampled_at", "rows", "bytes")
    search_fields = ("table",)
    search_help_text = "The name of a table"

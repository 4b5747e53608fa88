"""Allowances in the admin: how many calls each source has had today."""

from django.contrib import admin

from audit_trail.sources.allowance import SourceAllowance
from eventstore.read_only import ReadOnlyAdmin


@admin.register(SourceAllowance)
class SourceAllowanceAdmin(ReadOnlyAdmin):
    """A row for each source."""

    list_display = ("source", "day", "calls", "next_call_at")
    search_fields = ("source",)
    search_help_text = "A source"

"""Notices in the admin: what an operator has to look at, open ones first."""

from collections.abc import Callable
from typing import ClassVar

from django.contrib import admin
from django.db.models import Case, Q, When

from eventstore.cells import badge, lines, short
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.notices.models import Notice


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """A matter, open or closed, and how often it was met."""

    list_display = ("kind", "subject", "state", "what", "times", "opened_at", "last_met_at", "closed_at")
    list_filter = (choices_filter("state", {"open": Q(closed_at=None), "closed": Q(closed_at__isnull=False)}),)
    fields = ("kind", "subject", "state", "text", "times", "opened_at", "last_met_at", "closed_at", "trail")
    search_fields = ("kind", "^subject")
    search_help_text = "A kind, or a subject or its beginning"
    further_trails: ClassVar[list[Callable[[Notice], str]]] = []
    """Links that packages above this one add to a notice's page."""
    ordering = (Case(When(closed_at=None, then=0), default=1), "-pk")

    def state(self, row: Notice) -> str:
        return badge("open", "danger") if row.closed_at is None else badge("closed", "success")

    @admin.display(description="text")
    def what(self, row: Notice) -> str:
        return short(row.text)

    def trail(self, row: Notice) -> str:
        return lines(trail(row) for trail in self.further_trails)

"""Notices over HTTP: what an operator has to look at, and what was looked at."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path

from eventstore.rest.paging import both_ways
from eventstore.rest.parameters import RowFilters, TextFilter, yes_no
from eventstore.rest.views import RowsView
from trading.answers import RowSerializer
from trading.notices.models import Notice

EXAMPLE = {
    "id": 4,
    "kind": "kill_switch",
    "subject": "symbol AAPL",
    "text": "the kill switch (symbol AAPL) is on, thrown by anna: earnings call",
    "times": 1,
    "opened_at": "2026-03-02T14:30:02.104233Z",
    "last_met_at": "2026-03-02T14:30:02.104233Z",
    "closed_at": None,
}


class NoticeSerializer(RowSerializer):
    """A matter that an operator must know of."""

    class Meta:
        model = Notice
        fields = list(EXAMPLE)


class NoticeFilters(RowFilters):
    """How notices are picked."""

    kind = TextFilter("kind", label="as docs/operations.md names it")
    open = yes_no(method="is_open", label="whether it is still to be looked at")

    def is_open(self, rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any]:
        return rows.filter(closed_at__isnull=word == "true")


class NoticesView(RowsView):
    """Notices, newest first."""

    scope, right = "notices", "trading.view_notice"
    serializer_class, filters = NoticeSerializer, NoticeFilters
    orders = both_ways("id", "id")
    example = {"results": [EXAMPLE], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return Notice.objects.all()


urlpatterns = [path("", NoticesView.as_view(), name="notices")]

"""Reports over HTTP: as JSON, or one list of them as CSV by `?format=csv`, or for who accepts `text/csv`.

Of a CSV `table` names the list; without it, it is the report's first.
"""

from typing import Any, ClassVar

import msgspec
from django.http import HttpResponse
from django.urls import path
from django.utils import timezone
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit_trail.executions.explaining import NoSuchTrade, decision_of, what_led_to
from audit_trail.reports.asking import QUESTIONS, NotAnswerable
from audit_trail.reports.serializers import serializer_of
from audit_trail.reports.telling import NoSuchTable, Table, csv_lines, plain_data, table_of


class MayLookAtReports(IsAuthenticated):
    """Whoever may look at decisions in the admin may read reports here."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and request.user.has_perm("audit_trail.view_tradedecision")


class CsvRenderer(BaseRenderer):
    """Writes a table; an error is a line that says what was expected."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if isinstance(data, Table):
            return "".join(csv_lines(data)).encode()
        return f"{data.get('detail', data) if isinstance(data, dict) else data}\r\n".encode()


class ReportView(APIView):
    """A report; what is asked for stands in the query, and in the path where that has a part for it."""

    permission_classes = [MayLookAtReports]
    renderer_classes = [JSONRenderer, CsvRenderer]
    question: ClassVar[str]

    def get(self, request: Request, **of_path: str) -> Response:
        try:
            report = QUESTIONS[self.question].ask(request.query_params.dict() | of_path, now=timezone.now())
            if request.accepted_renderer.format == CsvRenderer.format:
                return Response(table_of(report, request.query_params.get("table")))
        except (NotAnswerable, NoSuchTable) as error:
            raise ParseError(str(error)) from error
        return Response(plain_data(report))


class SymbolReport(ReportView):
    """All about a symbol `since` a time `until` another: data, decisions, executions, hedges. `limit` rows a list."""

    question = "symbol"
    serializer_class = serializer_of(QUESTIONS["symbol"].told)


class StrategiesReport(ReportView):
    """What each `strategy` decided `since` a time `until` another, and what came of it."""

    question = "strategies"
    serializer_class = serializer_of(QUESTIONS["strategies"].told)


class FailuresReport(ReportView):
    """What failed `since` a time `until` another, of a `strategy` or of all."""

    question = "failures"
    serializer_class = serializer_of(QUESTIONS["failures"].told)


class KnownReport(ReportView):
    """What was known of a `symbol` `at` a moment, and nothing that came later. `limit` rows a list."""

    question = "known"
    serializer_class = serializer_of(QUESTIONS["known"].told)


class DayReport(ReportView):
    """A day of the market, from midnight to midnight in New York; without a day, today."""

    question = "day"
    serializer_class = serializer_of(QUESTIONS["day"].told)


class StorageReport(ReportView):
    """How much the audit trail holds, by estimate."""

    question = "storage"
    serializer_class = serializer_of(QUESTIONS["storage"].told)


class TradeReport(APIView):
    """A trade's lineage, from run to fill: by its decision's or execution's id, ours of its order, or the broker's."""

    permission_classes = [MayLookAtReports]

    def get(self, request: Request, trade: str) -> HttpResponse:
        try:
            if "\0" in trade:
                raise NoSuchTrade("no trade has such an id")  # PostgreSQL keeps no such text.
            told = what_led_to(decision_of(trade))
        except NoSuchTrade as error:
            raise NotFound(str(error)) from error
        # As it is: in it are rows and answers as they were received, each number with its digits.
        return HttpResponse(msgspec.json.encode(told), content_type="application/json")


urlpatterns = [
    path("symbols/<str:symbol>/", SymbolReport.as_view(), name="report-symbol"),
    path("strategies/", StrategiesReport.as_view(), name="report-strategies"),
    path("failures/", FailuresReport.as_view(), name="report-failures"),
    path("known/", KnownReport.as_view(), name="report-known"),
    path("days/", DayReport.as_view(), name="report-today"),
    path("days/<str:day>/", DayReport.as_view(), name="report-day"),
    path("storage/", StorageReport.as_view(), name="report-storage"),
    path("trades/<str:trade>/", TradeReport.as_view(), name="report-trade"),
]

"""Reports over HTTP: as JSON, or one list of them as CSV by `?format=csv`, or for who accepts `text/csv`.

Of a CSV `table` names the list; without it, it is the report's first.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from django.http import HttpResponse
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit_trail.executions.explaining import NoSuchTrade, decision_of, what_led_to
from audit_trail.reports.asking import MOST_ASKED, QUESTIONS, NotAnswerable
from audit_trail.reports.serializers import serializer_of
from audit_trail.reports.telling import NoSuchTable, Table, csv_lines, plain_data, table_of
from eventstore.rest.parameters import Parameter
from eventstore.rest.views import ApiView

TEXT = {"type": "string", "minLength": 1}
TEXTS = {
    "symbol": "as AAPL",
    "strategy": "a strategy's name; without it, all",
    "since": "a day in New York, or a time with its zone",
    "until": "the last day, or a time",
    "at": "a time with its zone",
    "day": "a day of the market, as 2026-03-02",
    "limit": f"how many rows a list has at most, up to {MOST_ASKED}",
}
FORMAT = Parameter({"type": "string", "enum": ["json", "csv"]}, "csv: one list of the report")
TABLE = Parameter(TEXT, "of a CSV: which list; without it, the first")


class CsvRenderer(BaseRenderer):
    """Writes a table; an error is a line that says what was expected."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if isinstance(data, Table):
            return "".join(csv_lines(data)).encode()
        return f"{data.get('detail', data) if isinstance(data, dict) else data}\r\n".encode()


class ReportView(ApiView):
    """A report; what is asked for stands in the query, and in the path where that has a part for it."""

    scope, right = "reports", "audit_trail.view_tradedecision"
    renderer_classes = [JSONRenderer, CsvRenderer]
    question: ClassVar[str]
    in_path: ClassVar[str | None] = None

    def parameters(self) -> Mapping[str, Parameter]:
        asked = QUESTIONS[self.question]
        words = {word: Parameter(TEXT, TEXTS[word], word in asked.needed) for word in asked.words}
        return {**{word: one for word, one in words.items() if word != self.in_path}, "format": FORMAT, "table": TABLE}

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

    question, in_path, path_texts = "symbol", "symbol", {"symbol": TEXTS["symbol"]}
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
    """A day of the market, from midnight to midnight in New York."""

    question, in_path, path_texts = "day", "day", {"day": TEXTS["day"]}
    serializer_class = serializer_of(QUESTIONS["day"].told)


class TodayReport(DayReport):
    """This day of the market, from midnight in New York."""

    path_texts = {}


class StorageReport(ReportView):
    """How much the audit trail holds, by estimate."""

    question = "storage"
    serializer_class = serializer_of(QUESTIONS["storage"].told)


class LineageOfTradeSerializer(serializers.Serializer[Any]):
    """A trade, in the words and fields of `trade_lineage --json`."""

    decision = serializers.CharField()


class TradeReport(ApiView):
    """A trade's lineage, from run to fill: by its decision's or execution's id, ours of its order, or the broker's."""

    scope, right = "reports", "audit_trail.view_tradedecision"
    path_texts = {"trade": "an id of the decision, the execution or the order"}
    answer = LineageOfTradeSerializer

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
    path("days/", TodayReport.as_view(), name="report-today"),
    path("days/<str:day>/", DayReport.as_view(), name="report-day"),
    path("storage/", StorageReport.as_view(), name="report-storage"),
    path("trades/<str:trade>/", TradeReport.as_view(), name="report-trade"),
]

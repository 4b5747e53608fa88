"""Executions over HTTP: each attempt to carry a decision out, and what led to a decision and why it failed."""

from typing import Any

import msgspec
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.explaining import DidNotFail, what_led_to, why_it_failed
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.executions.orders import OrderState
from eventstore.rest.paging import both_ways
from eventstore.rest.parameters import NumberFilter, RowFilters, TextFilter, TimeFilter, WordFilter
from eventstore.rest.views import ApiView, RowsView, RowView, one
from trading.answers import RowSerializer, TextOfJson

AT = "2026-03-02T14:30:02.104233Z"
FILL = {
    "shares": "4.96",
    "filled_shares": "4.96",
    "average_price_usd": "201.31",
    "filled_at": AT,
    "booked_at": AT,
    "is_late": False,
}
EXAMPLE = {
    "id": 31,
    "execution_id": "018f2f6e-0000-4000-8000-000000000002",
    "decision": 21,
    "attempt_number": 1,
    "status": "filled",
    "client_order_id": "ht-k3v9x2bc-d21-1",
    "broker_order_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    "requested_shares": "4.96",
    "notional_usd": "1000",
    "limit_price_usd": None,
    "filled_shares": "4.96",
    "average_price_usd": "201.31",
    "placed_at": AT,
    "submitted_at": AT,
    "ended_at": AT,
    "reason": None,
    "http_status_code": 200,
    "denied_by": None,
    "denied_figures": None,
    "cancel_asked_by": None,
    "cancel_reason": None,
    "cancel_asked_at": None,
    "fills": [FILL],
}
NUMBERS = ("requested_shares", "notional_usd", "limit_price_usd", "filled_shares", "average_price_usd")
LINEAGE = {
    "decision": "018f2f6e-0000-4000-8000-000000000001",
    "rationale": {"signals": 2},
    "records": [
        {"used_for": "signal", "record": 7, "kind": "congress_trade", "version": 1},
        {"used_for": "score", "record": 5, "kind": "congress_trade", "version": 1},
    ],
    "runs": [{"run": "018f2f6e-0000-7000-8000-000000000001", "task": "ingest_congress", "calls": []}],
    "executions": [],
}
FAILURE = {
    "decision": "018f2f6e-0000-4000-8000-000000000001",
    "kind": "insufficient_buying_power",
    "reason": "insufficient buying power",
    "executions": [],
}


class ExecutionFillSerializer(RowSerializer):
    """What a report of the broker told more than the one before it."""

    class Meta:
        model = ExecutionFill
        fields = list(FILL)


class ExecutionSerializer(RowSerializer):
    """An attempt to carry a decision out."""

    decision = serializers.IntegerField(source="trade_decision_id", help_text="as /decisions/ has it")
    status = serializers.ChoiceField(choices=[state.value for state in OrderState])
    denied_figures = TextOfJson(help_text="what the rule looked at")
    fills = ExecutionFillSerializer(many=True)

    class Meta:
        model = TradeExecution
        fields = list(EXAMPLE)


class ExecutionFilters(RowFilters):
    """How executions are picked."""

    decision = NumberFilter("trade_decision_id", label="of this decision")
    status = WordFilter(OrderState, field_name="status", label="how far it has come")
    client_order_id = TextFilter("client_order_id", label="our id at the broker")
    broker_order_id = TextFilter("broker_order_id", label="the broker's id")
    placed_since = TimeFilter("placed_at", "gte", label="placed then or later")
    placed_until = TimeFilter("placed_at", "lt", label="placed before")


def executions() -> QuerySet[Any]:
    """The executions with their fills."""
    rows: QuerySet[Any] = TradeExecution.objects.prefetch_related("fills")
    return rows


class ExecutionsView(RowsView):
    """Attempts to carry decisions out, newest first."""

    scope, right = "executions", "audit_trail.view_tradeexecution"
    serializer_class, filters, exact_fields = ExecutionSerializer, ExecutionFilters, NUMBERS
    orders = both_ways("placed_at", "placed_at", "id")
    example = {"results": [EXAMPLE], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return executions()


class ExecutionView(RowView):
    """An attempt to carry a decision out."""

    scope, right = "executions", "audit_trail.view_tradeexecution"
    serializer_class, example, path_texts = ExecutionSerializer, EXAMPLE, {"id": "its number"}

    def row(self, **key: Any) -> Any:
        return one(executions(), f"there is no execution {key['id']}", **key)


class ExplanationSerializer(serializers.Serializer[Any]):
    """An explanation, in the words and fields of `trade_lineage --json` and `trade_failure --json`."""

    decision = serializers.CharField()


class ExplainingView(ApiView):
    """What is told of a decision beyond its row."""

    scope, right = "decisions", "audit_trail.view_tradedecision"
    answer, path_texts = ExplanationSerializer, {"id": "the decision's number"}

    def decision(self, id: int) -> TradeDecision:
        found: TradeDecision = one(TradeDecision.objects.all(), f"there is no decision {id}", id=id)
        return found


class DecisionLineageView(ExplainingView):
    """What data led to a decision: its rationale, each record as it was received, the runs and their calls."""

    example = LINEAGE

    def get(self, request: Request, id: int) -> HttpResponse:
        return _written(what_led_to(self.decision(id)))


class DecisionFailureView(ExplainingView):
    """Why a decision failed or waits: kind and reason, and what was sent and came back. 404 where it did not fail."""

    example = FAILURE
    # What was sent and came back stands in it.
    more_needs = [("payloads", "audit_trail.view_apipayload")]

    def get(self, request: Request, id: int) -> HttpResponse:
        try:
            return _written(why_it_failed(self.decision(id)))
        except DidNotFail as error:
            raise NotFound(str(error), code="did_not_fail") from error


urlpatterns = [
    path("executions/", ExecutionsView.as_view(), name="executions"),
    path("executions/<int:id>/", ExecutionView.as_view(), name="execution"),
    path("decisions/<int:id>/lineage/", DecisionLineageView.as_view(), name="decision-lineage"),
    path("decisions/<int:id>/failure/", DecisionFailureView.as_view(), name="decision-failure"),
]


def _written(explanation: dict[str, Any]) -> HttpResponse:
    # What was received stands in it as it was written, digit for digit.
    return HttpResponse(msgspec.json.encode(explanation), content_type="application/json")

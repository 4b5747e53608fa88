"""Decisions over HTTP: what strategies meant to trade, why, and what became of it."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path

from audit_trail.decisions.failures import FailureKind
from audit_trail.decisions.models import Status, TradeDecision
from eventstore.rest.paging import both_ways
from eventstore.rest.parameters import RowFilters, TextFilter, TimeFilter, WordFilter
from eventstore.rest.views import RowsView, RowView, one
from trading.answers import RowSerializer, TextOfJson
from trading.values.sides import Side

AT = "2026-03-02T14:30:02.104233Z"
EXAMPLE = {
    "id": 21,
    "decision_id": "018f2f6e-0000-4000-8000-000000000001",
    "strategy_name": "congressional",
    "strategy_version": "1",
    "broker": "alpaca",
    "account_number": "PA3XB2C4D5E6",
    "trading_mode": "paper",
    "trading_day": "2026-03-02",
    "symbol": "AAPL",
    "side": "BUY",
    "shares": None,
    "notional_usd": "1000",
    "closes_position": False,
    "may_short": False,
    "limit_price_usd": None,
    "reference_price_usd": "201.25",
    "signal_strength": "0.82",
    "trigger_event": "two purchases were disclosed",
    "known_at": AT,
    "decided_at": AT,
    "status": "executed",
    "submitted_at": AT,
    "executed_at": AT,
    "failed_at": None,
    "cancelled_at": None,
    "cancelled_by": None,
    "failure_kind": None,
    "reason": None,
    "blocked_by": None,
    "blocked_reason": None,
    "blocked_at": None,
}
WHOLE = {**EXAMPLE, "decision_rationale": {"signals": 2}, "blocked_figures": None}
NUMBERS = ("shares", "notional_usd", "limit_price_usd", "reference_price_usd", "signal_strength")


class DecisionSerializer(RowSerializer):
    """What a strategy would trade in a symbol on a day."""

    class Meta:
        model = TradeDecision
        fields = list(EXAMPLE)


class WholeDecisionSerializer(DecisionSerializer):
    """A decision with why it was made."""

    decision_rationale = TextOfJson()
    blocked_figures = TextOfJson(help_text="what the rule looked at")

    class Meta(DecisionSerializer.Meta):
        fields = list(WHOLE)


class DecisionFilters(RowFilters):
    """How decisions are picked."""

    symbol = TextFilter("symbol", label="as AAPL")
    side = WordFilter(Side, field_name="side", label="ours")
    status = WordFilter(Status.values, field_name="status", label="how far it has come")
    strategy = TextFilter("strategy_name", label="the strategy's name")
    failure_kind = WordFilter(FailureKind, field_name="failure_kind", label="why it failed")
    decided_since = TimeFilter("decided_at", "gte", label="decided then or later")
    decided_until = TimeFilter("decided_at", "lt", label="decided before")


class DecisionsView(RowsView):
    """Decisions, newest first, or strongest first."""

    scope, right = "decisions", "audit_trail.view_tradedecision"
    serializer_class, filters, exact_fields = DecisionSerializer, DecisionFilters, NUMBERS
    orders = {**both_ways("decided_at", "decided_at", "id"), "-strength": ["-strength_order", "id"]}
    example = {"results": [EXAMPLE], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        decisions: QuerySet[Any] = TradeDecision.objects.defer("decision_rationale", "blocked_figures")
        return decisions


class DecisionView(RowView):
    """A decision, with its rationale."""

    scope, right = "decisions", "audit_trail.view_tradedecision"
    serializer_class, example, path_texts = WholeDecisionSerializer, WHOLE, {"id": "its number"}

    def row(self, **key: Any) -> Any:
        return one(TradeDecision.objects.all(), f"there is no decision {key['id']}", **key)


urlpatterns = [
    path("decisions/", DecisionsView.as_view(), name="decisions"),
    path("decisions/<int:id>/", DecisionView.as_view(), name="decision"),
]

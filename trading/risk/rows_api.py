"""Risk over HTTP: limits and restrictions in force, who changed what, what was let through and what was denied."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers

from eventstore.rest.paging import both_ways
from eventstore.rest.parameters import RowFilters, TextFilter, TimeFilter, WordFilter, yes_no
from eventstore.rest.views import RowsView
from trading.answers import RowSerializer, TextOfJson
from trading.risk.controls import RestrictedSymbol, RiskChange, RiskLimit
from trading.risk.records import Denial, RiskCheck
from trading.risk.rules import LimitRule, Rule
from trading.risk.scopes import Scope
from trading.values.sides import Side

AT = "2026-03-02T14:30:02.104233Z"
LIMIT = {
    "id": 3,
    "rule": next(iter(LimitRule)).value,
    "scope": "symbol",
    "subject": "AAPL",
    "value": "500",
    "reason": "thin book",
    "actor": "anna",
    "at": AT,
}
RESTRICTION = {"id": 2, "symbol": "TSLA", "side": "", "expires_at": None, "reason": "r", "actor": "anna", "at": AT}
CHANGE = {
    "id": 9,
    "control": "limit",
    "subject": "max_order_shares, symbol AAPL",
    "before": {"value": "100"},
    "after": {"value": "500"},
    "reason": "thin book",
    "actor": "anna",
    "at": AT,
}
DENIAL = {
    "id": 5,
    "broker": "alpaca",
    "strategy": "hedge",
    "symbol": "AAPL",
    "rule": next(iter(Rule)).value,
    "side": "SELL",
    "shares": "1",
    "text": "the kill switch (symbol AAPL) is on",
    "figures": {},
    "times": 4,
    "first_at": AT,
    "last_at": AT,
    "ended_at": None,
}
CHECK = {
    "client_order_id": "ht-k3v9x2bc-17-1",
    "order": 17,
    "broker": "alpaca",
    "strategy": "hedge",
    "symbol": "AAPL",
    "side": "SELL",
    "asked_shares": "1",
    "allowed_shares": "1",
    "price_usd": "201.3",
    "notional_usd": "201.3",
    "figures": {"daily_notional_usd": "0"},
    "checked_at": AT,
}


class LimitSerializer(RowSerializer):
    """A number that no order, or no sum of orders, may exceed; without a value it is lifted."""

    class Meta:
        model = RiskLimit
        fields = list(LIMIT)


class RestrictionSerializer(RowSerializer):
    """A symbol that is not traded; `side` is empty where that holds of both."""

    class Meta:
        model = RestrictedSymbol
        fields = list(RESTRICTION)


class ChangeOfRiskSerializer(RowSerializer):
    """Who changed a control, when and why, and what it said before."""

    before = TextOfJson()
    after = TextOfJson()

    class Meta:
        model = RiskChange
        fields = list(CHANGE)


class DenialSerializer(RowSerializer):
    """What was not placed, for as long as the same rule stood against it."""

    figures = TextOfJson(help_text="what the rule looked at")

    class Meta:
        model = Denial
        fields = list(DENIAL)


class CheckSerializer(RowSerializer):
    """Why an order was let through."""

    order = serializers.IntegerField(source="order_id", allow_null=True, help_text="of a hedge, as /orders/ has it")
    figures = TextOfJson(help_text="what was looked at")

    class Meta:
        model = RiskCheck
        fields = list(CHECK)


class ControlFilters(RowFilters):
    """How limits are picked."""

    scope = WordFilter(Scope, field_name="scope", label="how far it reaches")
    subject = TextFilter("subject", label="which broker, symbol or strategy")
    rule = WordFilter(LimitRule, field_name="rule", label="of what")


class RestrictionFilters(RowFilters):
    """How restrictions are picked."""

    symbol = TextFilter("symbol", label="as AAPL")


class DenialFilters(RowFilters):
    """How denials are picked."""

    symbol = TextFilter("symbol", label="as AAPL")
    strategy = TextFilter("strategy", label="hedge, or a strategy's name")
    rule = WordFilter(Rule, field_name="rule", label="which rule")
    standing = yes_no(method="stands", label="whether it stands still")

    def stands(self, rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any]:
        return rows.filter(ended_at__isnull=word == "true")


class CheckFilters(RowFilters):
    """How checks are picked."""

    symbol = TextFilter("symbol", label="as AAPL")
    side = WordFilter(Side, field_name="side", label="ours")
    checked_since = TimeFilter("checked_at", "gte", label="then or later")
    checked_until = TimeFilter("checked_at", "lt", label="before")


class LimitsView(RowsView):
    """Limits in force."""

    scope, right = "risk", "trading.view_risklimit"
    serializer_class, filters, exact_fields = LimitSerializer, ControlFilters, ("value",)
    orders = both_ways("id", "id")
    example = {"results": [LIMIT], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return RiskLimit.objects.all()


class RestrictionsView(RowsView):
    """Symbols that are not traded."""

    scope, right = "risk", "trading.view_restrictedsymbol"
    serializer_class, filters = RestrictionSerializer, RestrictionFilters
    orders = both_ways("id", "id")
    example = {"results": [RESTRICTION], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return RestrictedSymbol.objects.all()


class RiskChangesView(RowsView):
    """Changes of limits, restrictions and kill switches, newest first."""

    scope, right = "risk", "trading.view_riskchange"
    serializer_class = ChangeOfRiskSerializer
    orders = both_ways("id", "id")
    example = {"results": [CHANGE], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return RiskChange.objects.all()


class DenialsView(RowsView):
    """What the risk gate denied, newest first."""

    scope, right = "risk", "trading.view_denial"
    serializer_class, filters, exact_fields = DenialSerializer, DenialFilters, ("shares",)
    orders = both_ways("id", "id")
    example = {"results": [DENIAL], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return Denial.objects.all()


class ChecksView(RowsView):
    """What the risk gate let through, newest first."""

    scope, right = "risk", "trading.view_riskcheck"
    serializer_class, filters = CheckSerializer, CheckFilters
    exact_fields = ("asked_shares", "allowed_shares", "price_usd", "notional_usd")
    orders = both_ways("checked_at", "checked_at", "client_order_id")
    example = {"results": [CHECK], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return RiskCheck.objects.all()


urlpatterns = [
    path("limits/", LimitsView.as_view(), name="limits"),
    path("restrictions/", RestrictionsView.as_view(), name="restrictions"),
    path("changes/", RiskChangesView.as_view(), name="risk-changes"),
    path("denials/", DenialsView.as_view(), name="denials"),
    path("checks/", ChecksView.as_view(), name="checks"),
]

"""Links over HTTP: which trades an order was placed for, and which trades cancel each other out."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from rest_framework import serializers

from eventstore.rest.paging import both_ways
from eventstore.rest.parameters import NumberFilter, RowFilters, TextFilter, yes_no
from eventstore.rest.views import RowsView
from trading.answers import RowSerializer
from trading.ledger.api.which import events_are_read
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.tables import NettingLink, TradeExecutionLink
from trading.values.identifiers import NotAnIdentifier, TradeId

TRADE = "0x4e8d3c6b7c2f0e6f64c6b1d2f0a9a6b1f5c7e9d8b3a2c1d0e9f8a7b6c5d4e3f2"
LINK = {
    "id": 1,
    "trade": f"{TRADE}:7",
    "order": 17,
    "contributed_shares": "1",
    "released_shares": "0",
    "reorged": False,
    "created_at": "2026-03-02T14:30:03.000000Z",
}
NETTING = {
    "id": 1,
    "trade": f"{TRADE}:7",
    "opposite": f"{TRADE}:9",
    "order": 17,
    "netted_shares": "0.5",
    "reorged": False,
    "created_at": "2026-03-02T14:30:03.000000Z",
}


class LinkSerializer(RowSerializer):
    """Shares of a trade that an order was placed for."""

    trade = serializers.SerializerMethodField(help_text="as /trades/ has it")
    order = serializers.IntegerField(source="execution_id", help_text="as /orders/ has it")

    class Meta:
        model = TradeExecutionLink
        fields = list(LINK)

    def get_trade(self, row: Any) -> str:
        return _trade(row, "trade")


class NettingSerializer(LinkSerializer):
    """Shares of two opposite trades that cancel each other out, so that no order need cover them."""

    opposite = serializers.SerializerMethodField(help_text="as /trades/ has it")

    class Meta:
        model = NettingLink
        fields = list(NETTING)

    def get_opposite(self, row: Any) -> str:
        return _trade(row, "opposite")


class LinkFilters(RowFilters):
    """How links are picked."""

    order = NumberFilter("execution_id", label="of this order")
    trade = TextFilter(method="of_trade", label="of this trade, as 0x…:7")
    reorged = yes_no(method="is_reorged", label="whether a reorg took the trade")

    def of_trade(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        trade = TradeId.parse(text)
        if rows.model in (TradeLinkView, NettingLinkView):
            return rows.filter(trade_id=str(trade))
        return rows.filter(trade__tx_hash=trade.tx_hash, trade__log_index=trade.log_index)

    def is_reorged(self, rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any]:
        return rows.filter(reorged=word == "true")

    @property
    def form(self) -> Any:
        form = super().form
        form.fields["trade"].validators.append(_a_trade)
        return form


class LinksView(RowsView):
    """Which trades orders were placed for, newest first."""

    scope, right = "links", "trading.view_tradeexecutionlink"
    serializer_class, filters = LinkSerializer, LinkFilters
    exact_fields = ("contributed_shares", "released_shares")
    orders = both_ways("id", "id")
    example = {"results": [LINK], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return TradeLinkView.objects.all() if events_are_read() else TradeExecutionLink.objects.select_related("trade")


class NettingsView(RowsView):
    """Which trades cancel each other out, newest first."""

    scope, right = "links", "trading.view_nettinglink"
    serializer_class, filters, exact_fields = NettingSerializer, LinkFilters, ("netted_shares",)
    orders = both_ways("id", "id")
    example = {"results": [NETTING], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        if events_are_read():
            return NettingLinkView.objects.all()
        return NettingLink.objects.select_related("trade", "opposite")


def _trade(row: Any, name: str) -> str:
    if isinstance(row, TradeLinkView | NettingLinkView):
        return str(getattr(row, f"{name}_id"))
    return str(getattr(row, name).trade)


def _a_trade(text: str) -> None:
    try:
        TradeId.parse(text)
    except NotAnIdentifier as error:
        raise forms.ValidationError(str(error)) from error

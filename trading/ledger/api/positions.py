"""Positions over HTTP."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from eventstore.rest.parameters import RowFilters, TextFilter, TimeFilter, yes_no
from eventstore.rest.views import RowsView, RowView, one
from trading.answers import RowSerializer
from trading.ledger.api.which import events_are_read
from trading.ledger.tables import TradeAccumulator
from trading.position import view
from trading.values.arithmetic import ZERO
from trading.values.symbols import NotASymbol
from trading.values.symbols import symbol as parsed_symbol

NUMBERS = (
    "net_position",
    "accumulated_long",
    "accumulated_short",
    "onchain_bought",
    "onchain_sold",
    "broker_bought",
    "broker_sold",
    "adjusted_shares",
    "pending_shares",
    "pending_filled_shares",
    "last_price_usdc",
)
EXAMPLE = {
    "symbol": "AAPL",
    "net_position": "0.5",
    "accumulated_long": "0.5",
    "accumulated_short": "0",
    "onchain_bought": "1.5",
    "onchain_sold": "0",
    "broker_bought": "0",
    "broker_sold": "1",
    "adjusted_shares": "0",
    "threshold": "1 share",
    "pending_order": None,
    "pending_side": None,
    "pending_shares": None,
    "pending_filled_shares": None,
    "last_price_usdc": "201.25",
    "last_price_at": "2026-03-02T14:30:00.000000Z",
    "stream_version": 5,
    "last_updated": "2026-03-02T14:30:04.104233Z",
}


class PositionSerializer(RowSerializer):
    """What both venues together come to in a symbol."""

    pending_order = serializers.IntegerField(
        source="pending_execution_id", allow_null=True, help_text="the order that is under way, by our number"
    )

    class Meta:
        model = TradeAccumulator
        fields = list(EXAMPLE)


class PositionFilters(RowFilters):
    """How positions are picked."""

    symbol = TextFilter("symbol", label="as AAPL")
    flat = yes_no(method="is_flat", label="whether the net is zero")
    pending = yes_no(method="is_pending", label="whether an order is under way")
    updated_since = TimeFilter("last_updated", "gte", label="changed then or later")
    updated_until = TimeFilter("last_updated", "lt", label="last changed before")

    def is_flat(self, rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any]:
        return rows.filter(net_position=ZERO) if word == "true" else rows.exclude(net_position=ZERO)

    def is_pending(self, rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any]:
        return rows.filter(pending_execution_id__isnull=word == "false")


def positions() -> QuerySet[Any]:
    """The positions, in the memory that is read."""
    return view.PositionView.objects.all() if events_are_read() else TradeAccumulator.objects.all()


class PositionsView(RowsView):
    """Positions, by symbol."""

    scope, right = "positions", "trading.view_tradeaccumulator"
    serializer_class, filters, exact_fields = PositionSerializer, PositionFilters, NUMBERS
    orders = {"symbol": ["symbol"], "-symbol": ["-symbol"]}
    example = {"results": [EXAMPLE], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return positions()


class PositionView(RowView):
    """The position of a symbol."""

    scope, right = "positions", "trading.view_tradeaccumulator"
    serializer_class, example = PositionSerializer, EXAMPLE
    path_texts = {"symbol": "as AAPL"}

    def row(self, **key: Any) -> Any:
        try:
            asked = parsed_symbol(key["symbol"])
        except NotASymbol as error:
            raise NotFound(str(error)) from error
        return one(positions(), f"there is no position in {asked}", symbol=asked)

"""Orders over HTTP: the hedges, each under our number for it."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from eventstore.rest.paging import both_ways
from eventstore.rest.parameters import RowFilters, TextFilter, TimeFilter, WordFilter
from eventstore.rest.views import RowsView, RowView, one
from trading.answers import RowSerializer
from trading.ledger.api.which import events_are_read
from trading.ledger.tables import OffchainTrade
from trading.offchain_order.aggregate import OrderState
from trading.offchain_order.view import OffchainOrderView
from trading.values.sides import Side

NUMBERS = ("shares", "accepted_shares", "filled_shares", "average_price_usd", "unallocated_shares")
EXAMPLE = {
    "order": 17,
    "client_order_id": "ht-k3v9x2bc-17-1",
    "attempt": 1,
    "broker": "alpaca",
    "broker_order_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    "symbol": "AAPL",
    "side": "SELL",
    "status": "Filled",
    "shares": "1",
    "accepted_shares": "1",
    "filled_shares": "1",
    "average_price_usd": "201.31",
    "unallocated_shares": "0",
    "unallocated_cause": None,
    "reason": None,
    "placed_at": "2026-03-02T14:30:03.000000Z",
    "sending_at": "2026-03-02T14:30:03.101112Z",
    "submitted_at": "2026-03-02T14:30:03.500000Z",
    "ended_at": "2026-03-02T14:30:04.000000Z",
}


class OrderSerializer(RowSerializer):
    """An order at a broker that hedges trades on chain."""

    order = serializers.IntegerField(source="pk", help_text="our number")
    status = serializers.ChoiceField(source="detailed_status", choices=[state.value for state in OrderState])

    class Meta:
        model = OffchainTrade
        fields = list(EXAMPLE)


class OrderFilters(RowFilters):
    """How orders are picked."""

    symbol = TextFilter("symbol", label="as AAPL")
    side = WordFilter(Side, field_name="side", label="ours")
    status = WordFilter(OrderState, field_name="detailed_status", label="how it stands")
    broker = TextFilter("broker", label="as alpaca")
    client_order_id = TextFilter("client_order_id", label="our id at the broker")
    broker_order_id = TextFilter("broker_order_id", label="the broker's id")
    placed_since = TimeFilter("placed_at", "gte", label="placed then or later")
    placed_until = TimeFilter("placed_at", "lt", label="placed before")


def orders() -> QuerySet[Any]:
    """The orders, in the memory that is read."""
    return OffchainOrderView.objects.all() if events_are_read() else OffchainTrade.objects.all()


class OrdersView(RowsView):
    """Hedge orders, newest first."""

    scope, right = "orders", "trading.view_offchaintrade"
    serializer_class, filters, exact_fields = OrderSerializer, OrderFilters, NUMBERS
    orders = both_ways("order", "pk")
    example = {"results": [EXAMPLE], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return orders()


class OrderView(RowView):
    """A hedge order."""

    scope, right = "orders", "trading.view_offchaintrade"
    serializer_class, example = OrderSerializer, EXAMPLE
    path_texts = {"order": "our number of the order"}

    def row(self, **key: Any) -> Any:
        return one(orders(), f"there is no order {key['order']}", pk=key["order"])

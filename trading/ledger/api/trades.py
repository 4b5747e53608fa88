"""Trades on chain over HTTP."""

from typing import Any

from django.db.models import F, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from eventstore.rest.paging import both_ways
from eventstore.rest.parameters import NumberFilter, RowFilters, TextFilter, TimeFilter, WordFilter, yes_no
from eventstore.rest.views import RowsView, RowView
from trading.answers import RowSerializer
from trading.ledger.api.which import events_are_read
from trading.ledger.tables import OnchainTrade
from trading.onchain_trade.view import OnChainTradeView
from trading.values.identifiers import NotAnIdentifier, TradeId
from trading.values.sides import Side

NUMBERS = ("amount", "price_usdc", "usdc_amount", "pyth_price", "pyth_confidence", "unlinked_shares")
EXAMPLE = {
    "trade": "0x4e8d3c6b7c2f0e6f64c6b1d2f0a9a6b1f5c7e9d8b3a2c1d0e9f8a7b6c5d4e3f2:7",
    "tx_hash": "0x4e8d3c6b7c2f0e6f64c6b1d2f0a9a6b1f5c7e9d8b3a2c1d0e9f8a7b6c5d4e3f2",
    "log_index": 7,
    "symbol": "AAPL",
    "token_symbol": "tAAPL",
    "side": "BUY",
    "amount": "1.5",
    "price_usdc": "201.25",
    "usdc_amount": "301.875",
    "block_number": 34844170,
    "block_hash": "0x" + "5a" * 32,
    "block_timestamp": "2026-03-02T14:30:00.000000Z",
    "gas_used": 184233,
    "effective_gas_price": 5000000,
    "pyth_price": "201.3",
    "pyth_confidence": "0.05",
    "pyth_publish_time": "2026-03-02T14:29:58.000000Z",
    "unlinked_shares": "0",
    "migrated": False,
    "reorged_at": None,
    "recorded_at": "2026-03-02T14:30:02.104233Z",
}


class TradeSerializer(RowSerializer):
    """A fill of our order on chain."""

    trade = serializers.SerializerMethodField(help_text="the transaction and the index of the log in its block")
    symbol = serializers.CharField(source="base_symbol", help_text="of the equity")
    recorded_at = serializers.DateTimeField(help_text="when it was taken in")

    class Meta:
        model = OnchainTrade
        fields = list(EXAMPLE)

    def get_trade(self, row: Any) -> str:
        return str(row.trade)


class TradeFilters(RowFilters):
    """How trades are picked."""

    symbol = TextFilter("base_symbol", label="of the equity, as AAPL")
    side = WordFilter(Side, field_name="side", label="from our point of view")
    tx_hash = TextFilter("tx_hash", label="the transaction's hash, in lower case")
    block_number = NumberFilter("block_number", label="the block that it is in")
    recorded_since = TimeFilter("recorded_at", "gte", label="taken in then or later")
    recorded_until = TimeFilter("recorded_at", "lt", label="taken in before")
    reorged = yes_no(method="on_chain", label="whether a reorg took it")

    def on_chain(self, rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any]:
        return rows.filter(reorged_at__isnull=word == "false")


def trades() -> QuerySet[Any]:
    """The trades, in the memory that is read."""
    if events_are_read():
        return OnChainTradeView.objects.all()
    return OnchainTrade.objects.annotate(recorded_at=F("created_at"))


class TradesView(RowsView):
    """Fills of our orders on chain, newest first."""

    scope, right = "trades", "trading.view_onchaintrade"
    serializer_class, filters, exact_fields = TradeSerializer, TradeFilters, NUMBERS
    orders = both_ways("recorded_at", "recorded_at", "pk")
    example = {"results": [EXAMPLE], "next_cursor": None, "next": None}

    def rows(self) -> QuerySet[Any]:
        return trades()


class TradeView(RowView):
    """A fill on chain. Of one that a reorg took and that came back, it is told as it stands now."""

    scope, right = "trades", "trading.view_onchaintrade"
    serializer_class, example = TradeSerializer, EXAMPLE
    path_texts = {"trade": "0x and 64 hex digits, a colon, and the index of the log"}

    def row(self, **key: Any) -> Any:
        try:
            asked = TradeId.parse(key["trade"])
        except NotAnIdentifier as error:
            raise NotFound(str(error)) from error
        of_it = trades().filter(tx_hash=asked.tx_hash, log_index=asked.log_index)
        found = of_it.filter(reorged_at=None).first() or of_it.order_by("-pk").first()
        if found is None:
            raise NotFound(f"there is no trade {asked}")
        return found

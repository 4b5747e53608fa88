"""Answers: the forms in which profits are told over HTTP, for the schema."""

from typing import Any

from rest_framework import serializers

from trading.answers import ExactNumber, RowSerializer
from trading.pnl.models import ExcludedFill, ProfitRow

STANDINGS = {
    "symbols": [
        {
            "symbol": "AAPL",
            "fills": 2,
            "realised_usd": "0.06",
            "net_shares": "0.5",
            "open_usd": "100.625",
            "price_usd": "201.31",
            "priced_at": "2026-03-02T14:30:04+00:00",
            "unrealised_usd": "0.03",
            "excluded_fills": 0,
            "waiting_fills": 0,
        }
    ]
}
FILLS = {
    "symbol": "AAPL",
    "fills": [
        {
            "id": 2,
            "at": "2026-03-02T14:30:04+00:00",
            "venue": "alpaca",
            "trade_type": "OFFCHAIN",
            "trade_id": "17",
            "side": "SELL",
            "shares": "1",
            "usd": "201.31",
            "price_usd": "201.31",
            "realised_usd": "0.06",
            "cumulative_usd": "0.06",
            "net_shares_after": "0.5",
        }
    ],
    "next_after": None,
    "excluded": [],
}


class StandingSerializer(serializers.Serializer[Any]):
    """How a symbol stands. The price is that of the newest fill, and `priced_at` tells how old it is."""

    symbol = serializers.CharField()
    fills = serializers.IntegerField()
    realised_usd = ExactNumber()
    net_shares = ExactNumber()
    open_usd = ExactNumber()
    price_usd = ExactNumber()
    priced_at = serializers.DateTimeField()
    unrealised_usd = ExactNumber()
    excluded_fills = serializers.IntegerField(help_text="they moved shares at no price that is known")
    waiting_fills = serializers.IntegerField()


class StandingsSerializer(serializers.Serializer[Any]):
    """How each symbol stands."""

    symbols = StandingSerializer(many=True)


class ProfitSerializer(RowSerializer):
    """A fill, and what it earned."""

    class Meta:
        model = ProfitRow
        fields = [*FILLS["fills"][0]]  # type: ignore[index]


class ExcludedSerializer(RowSerializer):
    """A fill that no profit can be computed of."""

    class Meta:
        model = ExcludedFill
        fields = ["at", "trade_type", "trade_id", "side", "shares", "reason"]


class FillsSerializer(serializers.Serializer[Any]):
    """A symbol's fills in the order in which they count."""

    symbol = serializers.CharField()
    fills = ProfitSerializer(many=True)
    next_after = serializers.IntegerField(allow_null=True, help_text="ask for what comes `after` it; null: the end")
    excluded = ExcludedSerializer(many=True)

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

SLIPPAGES = {
    "symbol": "AAPL",
    "hedges": [
        {
            "link": 3,
            "trade_id": "0x4e8d3c6b7c2f0e6f64c6b1d2f0a9a6b1f5c7e9d8b3a2c1d0e9f8a7b6c5d4e3f2:7",
            "traded_at": "2026-03-02T14:30:00+00:00",
            "order": 17,
            "hedged_at": "2026-03-02T14:30:04+00:00",
            "hedge_side": "SELL",
            "shares": "1.5",
            "chain_price_usd": "200.25",
            "hedge_price_usd": "200.1",
            "slippage_usd": "0.225",
            "basis_points": "7.490636704119850187265917602996254681648",
        }
    ],
    "next_after": None,
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


class HedgeSerializer(serializers.Serializer[Any]):
    """A part of a fill, and the order that hedged it. Above zero, slippage was paid; below, it was earned."""

    link = serializers.IntegerField(help_text="as /links/ has it")
    trade_id = serializers.CharField(help_text="as /trades/ has it")
    traded_at = serializers.DateTimeField(allow_null=True)
    order = serializers.IntegerField(help_text="as /orders/ has it")
    hedged_at = serializers.DateTimeField(help_text="when the order ended")
    hedge_side = serializers.CharField()
    shares = ExactNumber(help_text="of the fill, hedged by this order")
    chain_price_usd = ExactNumber(allow_null=True)
    hedge_price_usd = ExactNumber(allow_null=True)
    slippage_usd = ExactNumber(allow_null=True, help_text="null where either has no price")
    basis_points = ExactNumber(allow_null=True, help_text="of the fill's price")


class HedgesSerializer(serializers.Serializer[Any]):
    """What hedging a symbol's fills cost beside their own prices."""

    symbol = serializers.CharField()
    hedges = HedgeSerializer(many=True)
    next_after = serializers.IntegerField(allow_null=True, help_text="ask for what comes `after` it; null: the end")

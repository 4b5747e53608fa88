"""Profits over HTTP: how each symbol stands, and its fills in the order in which they count."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import Q
from django.urls import path
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.rest.parameters import LARGEST, LIMIT, Parameter, limit, number
from eventstore.rest.views import ApiView
from trading.pnl.answers import (
    FILLS,
    SLIPPAGES,
    STANDINGS,
    FillsSerializer,
    HedgesSerializer,
    StandingsSerializer,
)
from trading.pnl.models import ProfitRow
from trading.pnl.report import excluded_of, rows_of, standings
from trading.pnl.slippage import slippages
from trading.values.arithmetic import plain
from trading.values.symbols import NotASymbol, Symbol
from trading.values.symbols import symbol as parsed_symbol

MOST_EXCLUDED = 1000
FILL = (
    "id",
    "at",
    "venue",
    "trade_type",
    "trade_id",
    "side",
    "shares",
    "usd",
    "price_usd",
    "realised_usd",
    "cumulative_usd",
    "net_shares_after",
)
_PLACE = ("at", "rank", "major", "minor")
_DIGITS = re.compile(r"[0-9]{1,18}")
EXCLUDED = ("at", "trade_type", "trade_id", "side", "shares", "reason")


class ProfitsView(ApiView):
    """How each symbol stands: realised, open, and at the newest fill's price unrealised."""

    scope, right = "profits", "trading.view_profitrow"
    answer, example = StandingsSerializer, STANDINGS

    def get(self, request: Request) -> Response:
        return Response(
            {"symbols": [{name: _shown(value) for name, value in each._asdict().items()} for each in standings()]}
        )


class SymbolProfitsView(ApiView):
    """A symbol's fills with what each earned; `after` is the `id` of the last one of the page before."""

    scope, right = "profits", "trading.view_profitrow"
    answer, example, path_texts = FillsSerializer, FILLS, {"symbol": "as AAPL"}

    def parameters(self) -> Mapping[str, Parameter]:
        after = Parameter({"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, "the next_after of the page before")
        return {"limit": LIMIT, "after": after}

    def get(self, request: Request, symbol: str) -> Response:
        of = _asked(symbol)
        size, rows = limit(request), rows_of(symbol=of)
        if (after := request.query_params.get("after")) is not None:
            rows = rows.filter(_later_than(after, of))
        page = list(rows[:size])
        return Response(
            {
                "symbol": of,
                "fills": [{name: _shown(getattr(row, name)) for name in FILL} for row in page],
                "next_after": page[-1].id if len(page) == size else None,
                "excluded": [
                    {name: _shown(getattr(row, name)) for name in EXCLUDED}
                    for row in excluded_of(symbol=of)[:MOST_EXCLUDED]
                ],
            }
        )


class SymbolSlippageView(ApiView):
    """What hedging a symbol's fills cost beside their own prices; `after` is the `link` of the page before."""

    scope, right = "profits", "trading.view_profitrow"
    answer, example, path_texts = HedgesSerializer, SLIPPAGES, {"symbol": "as AAPL"}

    def parameters(self) -> Mapping[str, Parameter]:
        after = Parameter({"type": "integer", "minimum": 0, "maximum": LARGEST}, "the next_after of the page before")
        return {"limit": LIMIT, "after": after}

    def get(self, request: Request, symbol: str) -> Response:
        of, size, after = _asked(symbol), limit(request), number(request, "after", least=0) or 0
        page = list(islice(slippages(symbol=of, after_link=after), size))
        hedges = [{name: _shown(value) for name, value in each._asdict().items() if name != "symbol"} for each in page]
        return Response({"symbol": of, "hedges": hedges, "next_after": page[-1].link if len(page) == size else None})


urlpatterns = [
    path("", ProfitsView.as_view(), name="profits"),
    path("<str:symbol>/", SymbolProfitsView.as_view(), name="symbol-profits"),
    path("<str:symbol>/slippage/", SymbolSlippageView.as_view(), name="symbol-slippage"),
]


def _asked(symbol: str) -> Symbol:
    try:
        return parsed_symbol(symbol)
    except NotASymbol as error:
        raise ParseError(str(error)) from error


def _later_than(after: str, of: Symbol) -> Q:
    """The rows that count after one of the same symbol: by their places, which are no single number."""
    row = ProfitRow.objects.filter(symbol=of, id=int(after)).first() if _DIGITS.fullmatch(after) else None
    if row is None:
        raise ParseError(f"after: expected the id of a fill of {of}, was {after[:80]!r}; begin again without it")
    later = Q(at__gt=row.at)
    for name in ("rank", "major", "minor"):
        same = {earlier: getattr(row, earlier) for earlier in _PLACE[: _PLACE.index(name)]}
        later |= Q(**same, **{f"{name}__gt": getattr(row, name)})
    return later


def _shown(value: Any) -> Any:
    """Numbers as text, to the last digit; counts and ids as they are."""
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, datetime) else value

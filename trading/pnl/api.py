"""Profits over HTTP: how each symbol stands, and its fills in the order in which they count."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.urls import path
from rest_framework.exceptions import ParseError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trading.pnl.models import ProfitRow
from trading.pnl.report import excluded_of, rows_of, standings
from trading.values.arithmetic import plain
from trading.values.symbols import NotASymbol, Symbol, symbol

FEWEST, MOST, USUAL = 1, 1000, 100
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


class MayLookAtProfits(IsAuthenticated):
    """Whoever may look at profits in the admin may read them here."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and request.user.has_perm("trading.view_profitrow")


class Profits(APIView):
    """How each symbol stands: realised, open, and at the newest fill's price unrealised."""

    permission_classes = [MayLookAtProfits]

    def get(self, request: Request) -> Response:
        return Response(
            {"symbols": [{name: _shown(value) for name, value in each._asdict().items()} for each in standings()]}
        )


class SymbolProfits(APIView):
    """A symbol's fills with what each earned; `after` is the `id` of the last one of the page before."""

    permission_classes = [MayLookAtProfits]

    def get(self, request: Request, text: str) -> Response:
        try:
            of = symbol(text)
        except NotASymbol as error:
            raise ParseError(str(error)) from error
        limit, rows = _limit(request), rows_of(symbol=of)
        if (after := request.query_params.get("after")) is not None:
            rows = rows.filter(_later_than(after, of))
        page = list(rows[:limit])
        return Response(
            {
                "symbol": of,
                "fills": [{name: _shown(getattr(row, name)) for name in FILL} for row in page],
                "next_after": page[-1].id if len(page) == limit else None,
                "excluded": [
                    {name: _shown(getattr(row, name)) for name in EXCLUDED} for row in excluded_of(symbol=of)[:MOST]
                ],
            }
        )


urlpatterns = [
    path("", Profits.as_view(), name="profits"),
    path("<str:text>/", SymbolProfits.as_view(), name="symbol-profits"),
]


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


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(USUAL))
    limit = int(text) if _DIGITS.fullmatch(text) else 0
    if not FEWEST <= limit <= MOST:
        raise ParseError(f"limit: expected a number from {FEWEST} to {MOST}, was {text[:80]!r}")
    return limit


def _shown(value: Any) -> Any:
    """Numbers as text, to the last digit; counts and ids as they are."""
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, datetime) else value

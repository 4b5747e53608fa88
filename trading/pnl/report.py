"""Report: what each symbol earned, what is open in it, and which fills could not be counted."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet

from trading.ledger.moved import MovedFill
from trading.pnl.lots import standing_after
from trading.pnl.models import ExcludedFill, ProfitRow
from trading.values.arithmetic import ZERO, subtract
from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol

Rows = QuerySet[ProfitRow]


class Standing(NamedTuple):
    """A symbol: what was realised, and what closing the rest at the newest fill's price would earn.

    That price is no quote: `priced_at` tells how old it is. `excluded_fills` moved shares at no price that we know, so
    that `net_shares` is without them; `waiting_fills` are not computed yet.
    """

    symbol: Symbol
    fills: int
    realised_usd: Usd
    net_shares: Shares
    open_usd: Usd
    price_usd: Usd
    priced_at: datetime
    unrealised_usd: Usd
    excluded_fills: int
    waiting_fills: int


def rows_of(*, symbol: Symbol | None = None, since: datetime | None = None, until: datetime | None = None) -> Rows:
    """The fills made in [since, until), in the order in which they count, with what each earned."""
    rows = ProfitRow.objects.all() if symbol is None else ProfitRow.objects.filter(symbol=symbol)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    return rows.order_by("symbol", "at", "rank", "major", "minor")


def excluded_of(*, symbol: Symbol | None = None) -> QuerySet[ExcludedFill]:
    """The fills that no profit can be computed of, and why."""
    rows = ExcludedFill.objects.all() if symbol is None else ExcludedFill.objects.filter(symbol=symbol)
    return rows.order_by("symbol", "at", "id")


def standings() -> list[Standing]:
    """Every symbol that has fills with a price, by its name."""
    excluded = Counter(ExcludedFill.objects.values_list("symbol", flat=True))
    moved = MovedFill.objects.values_list("symbol", "trade_type", "trade_id").distinct()
    waiting = Counter(symbol for symbol, *_ in moved)
    symbols = ProfitRow.objects.values_list("symbol", flat=True).distinct()
    return [_standing(Symbol(symbol), excluded[symbol], waiting[symbol]) for symbol in sorted(symbols)]


def realised_between(symbol: Symbol, *, since: datetime, until: datetime) -> Usd:
    """What was realised in a symbol by fills made in [since, until)."""
    return Usd(subtract(_cumulative_before(symbol, until), _cumulative_before(symbol, since)))


def _cumulative_before(symbol: Symbol, at: datetime) -> Decimal:
    row = ProfitRow.objects.filter(symbol=symbol, at__lt=at).order_by("-at", "-rank", "-major", "-minor").first()
    return ZERO if row is None else row.cumulative_usd


def _standing(symbol: Symbol, excluded: int, waiting: int) -> Standing:
    rows = ProfitRow.objects.filter(symbol=symbol).order_by("-at", "-rank", "-major", "-minor")
    newest = rows[0]
    inventory = standing_after(newest).inventory
    return Standing(
        symbol=symbol,
        fills=rows.count(),
        realised_usd=Usd(newest.cumulative_usd),
        net_shares=inventory.net_shares,
        open_usd=inventory.usd,
        price_usd=Usd(newest.price_usd),
        priced_at=newest.at,
        unrealised_usd=inventory.unrealised_usd(Usd(newest.price_usd)),
        excluded_fills=excluded,
        waiting_fills=waiting,
    )

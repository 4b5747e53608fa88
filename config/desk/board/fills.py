"""Fills: the newest on chain beside the oracle's price, and whether every fill of today is hedged."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import QuerySet

from audit_trail.reports.periods import Period, day_asked
from config.read_side import ReadSide
from trading.offchain_order.aggregate import OPEN
from trading.values.arithmetic import ZERO, multiply, quotient, subtract, total

SHOWN = 10
COUNTED_AT_MOST = 2_000
TEN_THOUSAND = Decimal(10_000)


class NewFill(NamedTuple):
    """A fill on chain. Prices are in dollars a share; a fill without a price is unpriced."""

    id: Any
    trade: str
    tx_hash: str
    symbol: str
    side: str
    shares: Decimal
    price_usd: Decimal | None
    oracle_usd: Decimal | None
    """The price that the oracle had in the fill's own transaction; None where it is not known, or not yet."""

    block_at: datetime | None
    taken_in_at: datetime
    uncovered_shares: Decimal

    @property
    def basis_points(self) -> Decimal | None:
        """How far the fill's price was above the oracle's, in hundredths of a percent."""
        return basis_points(self.price_usd, self.oracle_usd)


class FillsOfToday(NamedTuple):
    """What became of the fills that were taken in since midnight in New York."""

    fills: int
    is_bound: bool
    """There may be more than were counted."""

    under_way: int
    """Covered by orders that have not ended."""

    uncovered: int
    """Covered by no order, or not whole: their symbols are below their thresholds, or about to be hedged."""

    uncovered_by_symbol: list[tuple[str, Decimal]]
    """Shares, net of sales."""

    @property
    def hedged(self) -> int:
        return max(self.fills - self.under_way - self.uncovered, 0)

    @property
    def sentence(self) -> str:
        counted = f"at least {self.fills}" if self.is_bound else str(self.fills)
        if not self.fills:
            return "No fill today."
        if not self.under_way and not self.uncovered:
            return f"Every fill of today is hedged: {counted} of {counted}."
        if self.fills == 1 and not self.is_bound:
            return (
                f"The one fill of today {'has an order under way' if self.under_way else 'is not covered whole yet'}."
            )
        parts = [f"{self.hedged} hedged"]
        parts += [f"{self.under_way} with an order under way"] if self.under_way else []
        parts += [f"{self.uncovered} not covered whole yet"] if self.uncovered else []
        return f"Of {counted} fills today: {', '.join(parts)}."


def basis_points(price: Decimal | None, oracle: Decimal | None) -> Decimal | None:
    if price is None or not oracle:
        return None
    return quotient(multiply(subtract(price, oracle), TEN_THOUSAND), oracle)


def newest_fills(side: ReadSide) -> list[NewFill]:
    """The newest fills that count."""
    rows = side.fills.filter(reorged_at=None).order_by(*side.fills_newest_first)
    return [
        NewFill(
            id=row.pk,
            trade=str(row.trade),
            tx_hash=row.tx_hash,
            symbol=row.base_symbol,
            side=row.side,
            shares=row.amount,
            price_usd=row.price_usdc,
            oracle_usd=row.pyth_price,
            block_at=row.block_timestamp,
            taken_in_at=getattr(row, side.taken_in_at),
            uncovered_shares=row.unlinked_shares,
        )
        for row in rows[:SHOWN]
    ]


def fills_of_today(side: ReadSide, *, now: datetime) -> FillsOfToday:
    """Tell whether every fill of today is hedged."""
    since = Period.of_day(day_asked(None, now=now)).since
    today = side.fills.filter(**{f"{side.taken_in_at}__gte": since}, reorged_at=None)
    count = today.order_by()[:COUNTED_AT_MOST].count()
    open_orders = list(side.orders.filter(detailed_status__in=sorted(OPEN)).values_list(side.order_number, flat=True))
    covered = side.links.filter(execution_id__in=open_orders).values_list("trade_id", flat=True)
    uncovered = list(_uncovered(today))
    missing = {id for id, *_ in uncovered}
    under_way = today.filter(pk__among=set(covered[:COUNTED_AT_MOST]) - missing).count() if open_orders else 0
    return FillsOfToday(
        fills=count,
        is_bound=count == COUNTED_AT_MOST,
        under_way=under_way,
        uncovered=len(uncovered),
        uncovered_by_symbol=_by_symbol(uncovered),
    )


def _uncovered(today: "QuerySet[Any]") -> "QuerySet[Any]":
    rows = today.exclude(unlinked_shares=ZERO).order_by()
    return rows.values_list("pk", "base_symbol", "side", "unlinked_shares")[:COUNTED_AT_MOST]


def _by_symbol(rows: list[tuple[Any, str, str, Decimal]]) -> list[tuple[str, Decimal]]:
    found: dict[str, list[Decimal]] = {}
    for _, symbol, side, shares in rows:
        found.setdefault(symbol, []).append(shares if side == "BUY" else -shares)
    return [(symbol, total(found[symbol])) for symbol in sorted(found)]

"""Charts: profit over time, fills beside the oracle, and the time from block to hedge."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import OuterRef, Subquery

from config.desk.board.fills import basis_points
from config.monitoring.durations import STAGES, durations
from config.read_side import ReadSide
from trading.pnl.models import ProfitRow
from trading.values.arithmetic import ZERO, cut, subtract, total
from trading.values.quantities import Usd

NEWEST = 500
CENTS_OF_A_CENT = 4
EDGES = ("0.5", "1", "2", "5", "10", "30", "60", "300")
"""Bounds of the histogram's bars, in seconds."""


class Point(NamedTuple):
    at: datetime
    usd: Usd


class Beside(NamedTuple):
    """A fill's price above the oracle's, in basis points."""

    at: datetime
    symbol: str
    side: str
    basis_points: Decimal


class Bar(NamedTuple):
    """How many orders took so long. `part` is of the highest bar, from 0 to 1."""

    label: str
    orders: int
    part: Decimal


class Latency(NamedTuple):
    """From the block of the newest fill that an order covers to the order's being placed, in the last hour."""

    orders: int
    median: timedelta | None
    slowest: timedelta | None
    bars: list[Bar]


def profit_curve(side: ReadSide) -> list[Point]:
    """What was realised in all, after each of the newest fills that closed something.

    It is told from its end backwards: each symbol's newest row has what the symbol earned so far.
    """
    newest = ProfitRow.objects.filter(symbol=OuterRef("symbol")).order_by("-at", "-rank", "-major", "-minor")
    sums = side.positions.annotate(so_far=Subquery(newest.values("cumulative_usd")[:1]))
    after = total([usd for usd in sums.values_list("so_far", flat=True) if usd is not None])
    points = []
    rows = ProfitRow.objects.order_by("-at", "-id").values_list("at", "realised_usd")
    for at, realised in rows[:NEWEST]:
        points.append(Point(at, Usd(cut(after, digits=CENTS_OF_A_CENT))))
        after = subtract(after, realised or ZERO)
    return points[::-1]


def beside_oracle(side: ReadSide) -> list[Beside]:
    """The newest fills whose price and oracle's price are known, oldest first."""
    rows = side.fills.filter(reorged_at=None).order_by(*side.fills_newest_first)
    cells = rows.values_list("block_timestamp", "base_symbol", "side", "price_usdc", "pyth_price")
    return list(_beside(cells[:NEWEST]))[::-1]


def _beside(cells: Any) -> Iterator[Beside]:
    for at, symbol, side, price, oracle in cells:
        points = basis_points(price, oracle)
        if at is not None and points is not None:
            yield Beside(at, symbol, side, cut(points, digits=2))


def latency(side: ReadSide, *, now: datetime) -> Latency:
    """How long it took from a block to its hedge."""
    stage = STAGES.index("block_to_placed")
    seconds = sorted(durations(side, now=now)[stage].seconds)
    counts = [0] * (len(EDGES) + 1)
    bounds = [float(edge) for edge in EDGES]
    for each in seconds:
        counts[bisect_left(bounds, each)] += 1
    labels = [f"up to {edge} s" for edge in EDGES] + [f"over {EDGES[-1]} s"]
    highest = max(counts) or 1
    return Latency(
        orders=len(seconds),
        median=timedelta(seconds=seconds[len(seconds) // 2]) if seconds else None,
        slowest=timedelta(seconds=seconds[-1]) if seconds else None,
        bars=[Bar(label, n, Decimal(n) / highest) for label, n in zip(labels, counts, strict=True)],
    )

"""Durations: what each stage between a fill on chain and the end of its order took lately."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from config.monitoring.metrics import HOUR, Durations
from config.read_side import ReadSide

NEWEST = 1000
STAGES = (
    "block_to_recorded",
    "block_to_placed",
    "recorded_to_placed",
    "placed_to_submitted",
    "submitted_to_ended",
)


class _Covered(NamedTuple):
    """The newest fill that an order covers: of when its block is, and when it was taken in."""

    block_at: datetime | None
    taken_in_at: datetime | None


def durations(side: ReadSide, *, now: datetime) -> list[Durations]:
    """Measure each stage over the newest fills and orders, none of them older than an hour."""
    took: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for stage, span in (*_of_fills(side, now), *_of_orders(side, now)):
        took[stage].append(span.total_seconds())
    return [Durations("stage_seconds", (stage,), seconds) for stage, seconds in took.items()]


def _of_fills(side: ReadSide, now: datetime) -> Iterator[tuple[str, timedelta]]:
    rows = side.fills.order_by(*side.fills_newest_first).values_list(
        side.taken_in_at, "block_timestamp", "reorged_at", "migrated"
    )
    for taken_in_at, block_at, reorged_at, migrated in rows[:NEWEST]:
        if taken_in_at >= now - HOUR and block_at is not None and reorged_at is None and not migrated:
            yield "block_to_recorded", taken_in_at - block_at


def _of_orders(side: ReadSide, now: datetime) -> Iterator[tuple[str, timedelta]]:
    rows = side.orders.order_by(f"-{side.order_number}").values_list(
        side.order_number, "placed_at", "submitted_at", "ended_at"
    )
    recent = [row for row in rows[:NEWEST] if row[1] is not None and row[1] >= now - HOUR]
    covered = _covered(side, {row[0] for row in recent})
    for number, placed_at, submitted_at, ended_at in recent:
        fill = covered.get(number, _Covered(None, None))
        for stage, begun_at, done_at in (
            ("block_to_placed", fill.block_at, placed_at),
            ("recorded_to_placed", fill.taken_in_at, placed_at),
            ("placed_to_submitted", placed_at, submitted_at),
            ("submitted_to_ended", submitted_at, ended_at),
        ):
            if begun_at is not None and done_at is not None:
                yield stage, done_at - begun_at


def _covered(side: ReadSide, orders: set[int]) -> dict[int, _Covered]:
    links = list(side.links.filter(execution_id__in=sorted(orders)).values_list("execution_id", "trade_id"))
    rows = side.fills.filter(id__among={trade for _, trade in links})
    fills: dict[Any, _Covered] = {
        id: _Covered(*times) for id, *times in rows.values_list("id", "block_timestamp", side.taken_in_at)
    }
    newest: dict[int, _Covered] = {}
    for order, trade in links:
        if trade in fills:
            one, other = fills[trade], newest.get(order, fills[trade])
            newest[order] = _Covered(*(_later(a, b) for a, b in zip(one, other, strict=True)))
    return newest


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)

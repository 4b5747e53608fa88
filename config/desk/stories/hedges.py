"""Hedges: orders that offset exposure, step by step as their rows tell it, and orders that the risk gate denied."""

from collections.abc import Iterator, Sequence
from typing import Any

from config.desk.stories.entries import (
    BAD,
    GOOD,
    WARN,
    Entry,
    Rank,
    dollars,
    order_link,
    row_link,
    sentence,
    shares_of,
)
from config.desk.stories.paging import Place, rows_after, rows_until
from config.read_side import ReadSide
from trading.offchain_order.aggregate import OrderState
from trading.risk.records import Denial, RiskCheck
from trading.values.arithmetic import plain
from trading.values.sides import Side

VERBS = {Side.BUY.value: "buy", Side.SELL.value: "sell"}
TONES = {
    OrderState.FILLED.value: GOOD,
    OrderState.CANCELLED.value: WARN,
    OrderState.EXPIRED.value: WARN,
    OrderState.REJECTED.value: BAD,
    OrderState.FAILED.value: BAD,
    OrderState.UNKNOWN.value: BAD,
}


def orders_of(side: ReadSide, symbol: str, place: Place | None) -> list[Any]:
    """The rows of orders that a page of a symbol may tell of.

    One order of a symbol is under way at a time, so that those that were placed before these had ended before them.
    """
    rows = side.orders.filter(symbol=symbol)
    placed = rows_until(rows.filter(placed_at__isnull=False), place, at="placed_at")
    # Of an order of an older installation it may not be known when it was placed: there it is told by its end.
    undated = rows_until(rows.filter(placed_at=None, ended_at__isnull=False), place, at="ended_at")
    return [*placed, *undated]


def steps(rows: Sequence[Any], side: ReadSide) -> list[Entry]:
    """What became of each order, in the order of its steps."""
    return [entry for row in rows for entry in _steps(row, getattr(row, side.order_number))]


def denials(symbol: str, place: Place | None) -> list[Denial]:
    """The denials that a page of a symbol may tell of; they are written down as they begin, so in their own order."""
    rows = Denial.objects.filter(symbol=symbol)
    return list(rows_after(rows, place, at="first_at", rank=Rank.DENIAL))


def denied(row: Denial) -> Entry:
    again = "" if row.times == 1 else f" It was asked {row.times} times, the last {row.last_at:%Y-%m-%d %H:%M:%S} UTC."
    over = " It stands." if row.ended_at is None else f" It was over {row.ended_at:%Y-%m-%d %H:%M:%S} UTC."
    return Entry(
        at=row.first_at,
        kind="denial",
        sentence=f"The risk gate denied to {VERBS[row.side]} {shares_of(row.shares)} at {row.broker} ({row.strategy}), "
        f"by {row.rule}: {sentence(row.text)}{again}{over}",
        links=(row_link(row, "denial"),),
        tone=WARN,
        detail=row.figures,
        rank=Rank.DENIAL,
        key=row.pk,
    )


def checked(row: RiskCheck) -> Entry:
    """That the risk gate let an order through, and what it looked at."""
    return Entry(
        at=row.checked_at,
        kind="risk check",
        sentence=f"The risk gate let {shares_of(row.allowed_shares)} of {shares_of(row.asked_shares)} through, "
        f"at {dollars(row.price_usd)} a share, {dollars(row.notional_usd)} in all.",
        links=(row_link(row, "check"),),
        detail=row.figures,
        rank=Rank.DENIAL,
    )


def asked_for(row: Any) -> str:
    return f"{VERBS.get(row.side, row.side)} {shares_of(row.shares)}"


def how_it_ended(row: Any) -> str:
    """How an order stands, with what was filled of it and why it is no more."""
    told = f"{row.detailed_status.replace('_', ' ')}, {plain(row.filled_shares)} of {shares_of(row.shares)} filled"
    if row.filled_shares:
        told += f" at {dollars(row.average_price_usd)}"
    return told if row.reason is None else f"{told}: {row.reason}"


def _steps(row: Any, number: int) -> Iterator[Entry]:
    links = (order_link(number), row_link(row, "row"))
    if row.placed_at is not None:
        yield Entry(
            at=row.placed_at,
            kind="order placed",
            sentence=f"Order {number} was placed: {asked_for(row)} at {row.broker}, as {row.client_order_id}.",
            links=links,
            rank=Rank.ORDER_PLACED,
            key=number,
        )
    if row.submitted_at is not None:
        yield Entry(
            at=row.submitted_at,
            kind="order submitted",
            sentence=f"{row.broker} had order {number}, as {row.broker_order_id}.",
            links=links,
            rank=Rank.ORDER_SUBMITTED,
            key=number,
        )
    if row.ended_at is not None:
        yield Entry(
            at=row.ended_at,
            kind=f"order {row.detailed_status.replace('_', ' ')}",
            sentence=sentence(f"Order {number} ended as {how_it_ended(row)}"),
            links=links,
            tone=TONES.get(row.detailed_status, ""),
            rank=Rank.ORDER_ENDED,
            key=number,
        )

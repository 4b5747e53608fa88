"""Positions: what each symbol stands at, what waits in it, and since when."""

from collections.abc import Iterable
from typing import Any

from config.read_side import read_side
from config.terminal.asked import Asked
from config.terminal.sections import Section
from trading.conductor.exposure_age import Exposure
from trading.conductor.work import SymbolWait
from trading.values.arithmetic import ZERO, plain

LONG, SHORT = "long", "short"
SIDES = (LONG, SHORT)

FLAT, OPEN, EXPOSED, HEDGING, WAITING, HALTED = STATES = ("flat", "open", "exposed", "hedging", "waiting", "halted")

COLUMNS = (
    "symbol",
    "net_shares",
    "status",
    "threshold",
    "exposed_at",
    "order_under_way",
    "last_price_usd",
    "priced_at",
    "updated_at",
    "reason",
)


def positions(asked: Asked) -> Section:
    """The positions, by symbol.

    `exposed` is past its threshold; `hedging`, with an order under way; `waiting`, not before some time; `halted`, not
    before an operator resumes it; `open` is none of these and not flat.
    """
    side = read_side()
    rows = side.positions.order_by("symbol")
    if asked.symbol is not None:
        rows = rows.filter(symbol=asked.symbol)
    if asked.since is not None:
        rows = rows.filter(last_updated__gte=asked.since)
    exposed = {row.symbol: row for row in Exposure.objects.all()}
    waits = {row.symbol: row for row in SymbolWait.objects.all()}
    told = (_row(row, exposed.get(row.symbol), waits.get(row.symbol)) for row in rows.iterator())
    # Compared here: on SQLite numbers are text, which has no magnitude.
    return Section("Positions", COLUMNS, list(_first(asked.limit, (row for row in told if _is_asked(row, asked)))))


def _row(row: Any, exposure: Exposure | None, wait: SymbolWait | None) -> tuple[Any, ...]:
    return (
        row.symbol,
        row.net_position,
        status_of(row, is_exposed=exposure is not None, wait=wait),
        row.threshold,
        None if exposure is None else exposure.since_at,
        _under_way(row),
        row.last_price_usdc,
        row.last_price_at,
        row.last_updated,
        None if wait is None else wait.reason,
    )


def status_of(row: Any, *, is_exposed: bool, wait: SymbolWait | None) -> str:
    """How a position stands, in the word that says most."""
    if wait is not None and wait.halted_at is not None:
        return HALTED
    if row.pending_execution_id is not None:
        return HEDGING
    if wait is not None:
        return WAITING
    if is_exposed:
        return EXPOSED
    return FLAT if row.net_position == ZERO else OPEN


def _under_way(row: Any) -> str | None:
    if row.pending_execution_id is None:
        return None
    filled = plain(row.pending_filled_shares or ZERO)
    return f"{row.pending_execution_id}: {row.pending_side} {plain(row.pending_shares)}, {filled} filled"


def _is_asked(row: tuple[Any, ...], asked: Asked) -> bool:
    net, status = row[1], row[2]
    if asked.side is not None and (net == ZERO or (net > ZERO) != (asked.side == LONG)):
        return False
    return asked.status in (None, status)


def _first(limit: int, rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    return (row for _, row in zip(range(limit), rows, strict=False))

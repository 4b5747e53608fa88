"""Exposures: what each symbol stands at, how near to its threshold, and since when it is past it."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from config.read_side import ReadSide
from config.terminal.positions import FLAT, HALTED, status_of
from trading.conductor.exposure_age import Exposure
from trading.conductor.work import SymbolWait
from trading.position.aggregate import Position
from trading.position.view import state_of
from trading.values.arithmetic import ZERO, multiply, quotient
from trading.values.thresholds import DollarThreshold, SharesThreshold

LONGEST = Decimal(2)
"""A bar ends at twice the threshold; what is beyond is told in figures."""


class SymbolExposure(NamedTuple):
    """A symbol, with what of it is not hedged. `filling` is the part of a bar, 1 at the threshold, 2 at most."""

    symbol: str
    status: str
    net_shares: Decimal
    open_usd: Decimal | None
    """What the net is worth at the last price seen on chain; None where there was none."""

    price_usd: Decimal | None
    priced_at: datetime | None
    threshold: str | None
    filling: Decimal
    since_at: datetime | None
    order: int | None
    reason: str | None

    @property
    def is_past(self) -> bool:
        return self.filling >= 1


def exposures(side: ReadSide) -> list[SymbolExposure]:
    """Every symbol that is not flat or does not rest: the longest exposed first, then the nearest to its threshold."""
    since = {row.symbol: row.since_at for row in Exposure.objects.all()}
    waits = {row.symbol: row for row in SymbolWait.objects.all()}
    found = []
    for row in side.positions.all():
        wait = waits.get(row.symbol)
        status = status_of(row, is_exposed=row.symbol in since, wait=wait)
        if status != FLAT:
            found.append(_of(state_of(row), status, since.get(row.symbol), wait))
    return sorted(found, key=_urgency)


def longest_exposed(found: list[SymbolExposure]) -> SymbolExposure | None:
    """The symbol that has been past its threshold for the longest time."""
    return next((one for one in found if one.since_at is not None), None)


def _of(position: Position, status: str, since_at: datetime | None, wait: SymbolWait | None) -> SymbolExposure:
    price = position.last_price
    return SymbolExposure(
        symbol=position.symbol,
        status=status,
        net_shares=position.net,
        open_usd=None if price is None else multiply(abs(position.net), price.price_usdc),
        price_usd=None if price is None else price.price_usdc,
        priced_at=None if price is None else price.block_timestamp,
        threshold=None if position.threshold is None else str(position.threshold),
        filling=min(_filling(position), LONGEST),
        since_at=since_at,
        order=None if position.pending is None else position.pending.order_id,
        reason=None if wait is None else wait.reason,
    )


def _filling(position: Position) -> Decimal:
    size = abs(position.net)
    match position.threshold:
        case SharesThreshold(shares=shares):
            return quotient(size, shares)
        case DollarThreshold(usd=usd) if position.last_price is not None:
            return quotient(multiply(size, position.last_price.price_usdc), usd)
    return ZERO


def _urgency(one: SymbolExposure) -> tuple[bool, bool, timedelta, Decimal, str]:
    lasting = timedelta() if one.since_at is None else one.since_at - datetime.min.replace(tzinfo=one.since_at.tzinfo)
    return one.since_at is None, one.status != HALTED, lasting, -one.filling, one.symbol

"""Exposures: what each symbol stands at, how near to its threshold, and since when it is past it."""

from datetime import datetime
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
    """Since when it is past its threshold; None where it is not, or where it has only just been found to be."""

    order: int | None
    reason: str | None

    @property
    def is_past(self) -> bool:
        return self.filling >= 1


def exposures(side: ReadSide) -> list[SymbolExposure]:
    """Every symbol that is not flat or does not rest.

    What is halted comes first, then what is past its threshold, the dearest first, then what is nearest to it.
    """
    since = {row.symbol: row.since_at for row in Exposure.objects.all()}
    waits = {row.symbol: row for row in SymbolWait.objects.all()}
    found = []
    for row in side.positions.all():
        wait, position = waits.get(row.symbol), state_of(row)
        filling = min(_filling(position), LONGEST)
        # Who watches the ages of exposures comes by every few seconds: what stands in the books now is asked here.
        is_past = filling >= 1
        status = status_of(row, is_exposed=is_past, wait=wait)
        if status != FLAT:
            found.append(_of(position, status, filling, since.get(row.symbol) if is_past else None, wait))
    return sorted(found, key=_urgency)


def most_exposed(found: list[SymbolExposure]) -> SymbolExposure | None:
    """The symbol of which the most is open, in dollars, of those that are past their thresholds."""
    return min((one for one in found if one.is_past), key=_size, default=None)


def _of(
    position: Position, status: str, filling: Decimal, since_at: datetime | None, wait: SymbolWait | None
) -> SymbolExposure:
    price = position.last_price
    return SymbolExposure(
        symbol=position.symbol,
        status=status,
        net_shares=position.net,
        open_usd=None if price is None else multiply(abs(position.net), price.price_usdc),
        price_usd=None if price is None else price.price_usdc,
        priced_at=None if price is None else price.block_timestamp,
        threshold=None if position.threshold is None else str(position.threshold),
        filling=filling,
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


def _urgency(one: SymbolExposure) -> tuple[bool, bool, tuple[Decimal, Decimal, str]]:
    nearest = (ZERO, -one.filling, one.symbol)
    return one.status != HALTED, not one.is_past, _size(one) if one.is_past else nearest


def _size(one: SymbolExposure) -> tuple[Decimal, Decimal, str]:
    """The larger the smaller, so that it sorts first."""
    return -(one.open_usd or ZERO), -abs(one.net_shares), one.symbol

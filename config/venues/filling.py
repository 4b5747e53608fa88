"""Filling: when an order is filled by itself, and how much of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

from config.venues.hours import Hours
from config.venues.instruments import Instrument
from config.venues.orders import Order
from trading.values.arithmetic import cut, multiply
from trading.values.sides import Side

FRACTION_DIGITS = 9


class Ending(StrEnum):
    """What becomes of an order that was half filled."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    LEFT = "left"
    """It stays half filled until somebody does something."""


@dataclass(frozen=True, kw_only=True)
class FillRule:
    """Half after half the time, and the rest after all of it."""

    seconds: Decimal | None = Decimal(2)
    """None: nothing is filled until somebody says so."""

    ending: Ending = Ending.FILLED


class Turn(IntEnum):
    """What happens to an order by itself, in the order in which it happens at one moment."""

    HALF = 1
    END = 2
    CANCEL = 3
    BELL = 4


class Due(NamedTuple):
    """Something that is to happen to an order."""

    at: datetime
    number: int
    turn: Turn


def due(order: Order, now: datetime, *, rule: FillRule, hours: Hours, instrument: Instrument) -> Iterator[Due]:
    """Yield what is to happen to an open order by now."""
    if order.cancel_due_at is not None and order.cancel_due_at <= now:
        yield Due(order.cancel_due_at, order.number, Turn.CANCEL)
    works_from = hours.works_from(order.entered_at)
    if works_from is None:
        return
    bell_at = hours.day_ends_at(works_from) if order.ask.good_for_day else None
    if bell_at is not None and bell_at <= now:
        yield Due(bell_at, order.number, Turn.BELL)
    if rule.seconds is None or not crosses(order, instrument):
        return
    # The price has been this one since then, as every change of a price settles what was due before it; unless
    # the clock was set back.
    limited = order.ask.limit_price_usd is not None and instrument.priced_at <= now
    earliest = instrument.priced_at if limited else works_from
    half_at = max(works_from + _span(rule.seconds) / 2, earliest)
    end_at = max(works_from + _span(rule.seconds), earliest)
    if not order.fills and half_at <= now:
        yield Due(half_at, order.number, Turn.HALF)
    if rule.ending is not Ending.LEFT and end_at <= now:
        yield Due(end_at, order.number, Turn.END)


def crosses(order: Order, instrument: Instrument) -> bool:
    """Tell whether the order's price is one at which shares are to be had."""
    limit = order.ask.limit_price_usd
    if limit is None:
        return True
    return instrument.price_usd <= limit if order.ask.side is Side.BUY else instrument.price_usd >= limit


def half_of(shares: Decimal) -> Decimal:
    """Halve: whole shares into whole shares, the smaller half first."""
    whole = shares == shares.to_integral_value()
    return cut(multiply(shares, Decimal("0.5")), digits=0 if whole else FRACTION_DIGITS)


def _span(seconds: Decimal) -> timedelta:
    return timedelta(microseconds=int(seconds * 1_000_000))
